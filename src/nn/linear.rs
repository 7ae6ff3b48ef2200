//! `relu(x W^T + b)` for a cohort, as one operation with its own backward.
//!
//! candle would take a transpose, a product, a broadcast, an addition and a
//! clamp, each with a buffer of its own, and as many steps back.

use candle_core::{
    CpuStorage, CustomOp3, DType, Device, Layout, Result, Shape, Tensor, Var, WithDType, bail,
};

use super::{
    matmul::{Mat, matmul},
    relu::{clipped, passed},
    slices::{contiguous, on_cpu, part},
};
use crate::{optim::Parameter, wide::wide};

/// A fully connected layer for each agent: weight `[agents, out, in]`, bias `[agents, out]`.
#[derive(Clone)]
pub struct Linear {
    weight: Var,
    bias: Var,
    op: LinearOp,
}

impl Linear {
    /// A layer with the given weights.
    ///
    /// `relu` clips its output at 0; `input_grad` is whether the input needs a
    /// gradient (the first layer's does not).
    pub fn new(weight: Var, bias: Var, relu: bool, input_grad: bool) -> Self {
        let op = LinearOp { relu, input_grad };
        Self { weight, bias, op }
    }

    /// `[agents, batch, in]` to `[agents, batch, out]`, remembered for backward.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.contiguous()?
            .apply_op3(self.weight.as_tensor(), self.bias.as_tensor(), self.op)
    }

    /// [`forward`](Self::forward) without a backward.
    pub fn infer(&self, x: &Tensor) -> Result<Tensor> {
        x.contiguous()?
            .apply_op3_no_bwd(self.weight.as_tensor(), self.bias.as_tensor(), &self.op)
    }

    /// Its weight and bias under `{prefix}.weight` and `{prefix}.bias`.
    pub fn parameters(&self, prefix: &str) -> [Parameter; 2] {
        [("weight", &self.weight), ("bias", &self.bias)].map(|(name, var)| Parameter {
            name: format!("{prefix}.{name}"),
            var: var.clone(),
        })
    }

    /// A layer like this one with other variables: what `each` makes of these.
    pub(super) fn with(&self, each: impl Fn(&Var) -> Result<Var>) -> Result<Self> {
        Ok(Self {
            weight: each(&self.weight)?,
            bias: each(&self.bias)?,
            op: self.op,
        })
    }
}

#[derive(Clone, Copy)]
struct LinearOp {
    relu: bool,
    input_grad: bool,
}

/// The sizes of one application.
#[derive(Clone, Copy)]
struct Dims {
    agents: usize,
    batch: usize,
    inputs: usize,
    outputs: usize,
}

impl Dims {
    fn new(x: &Shape, weight: &Shape, bias: &Shape) -> Result<Self> {
        let (agents, batch, inputs) = x.dims3()?;
        let (_, outputs, _) = weight.dims3()?;
        if weight.dims() != [agents, outputs, inputs] || bias.dims() != [agents, outputs] {
            bail!("linear: input {x:?}, weight {weight:?} and bias {bias:?} do not fit");
        }
        Ok(Self {
            agents,
            batch,
            inputs,
            outputs,
        })
    }
}

impl LinearOp {
    fn forward<T: WithDType>(self, d: Dims, x: &[T], weight: &[T], bias: &[T]) -> Vec<T> {
        let mut y = Vec::with_capacity(d.agents * d.batch * d.outputs);
        for agent in 0..d.agents {
            let x = Mat::new(part(x, agent, d.agents), d.batch, d.inputs);
            let w = Mat::new(part(weight, agent, d.agents), d.outputs, d.inputs);
            matmul(&mut y, x, w.t());
        }
        wide(
            #[inline(always)]
            || {
                for (y, bias) in rows(&mut y, bias, d) {
                    self.activate(y, bias);
                }
            },
        );
        y
    }

    /// Adds the bias to a row and clips it.
    #[inline(always)]
    fn activate<T: WithDType>(self, y: &mut [T], bias: &[T]) {
        let zero = T::from_f64(0.0);
        for (y, &bias) in y.iter_mut().zip(bias) {
            let z = *y + bias;
            *y = if self.relu { clipped(z, zero) } else { z };
        }
    }

    fn backward<T: WithDType>(self, d: Dims, x: &[T], weight: &[T], y: &[T], dy: &[T]) -> Grads<T> {
        let zero = T::from_f64(0.0);
        let mut dz = dy.to_vec();
        let mut grads = Grads {
            x: Vec::new(),
            weight: Vec::with_capacity(weight.len()),
            bias: vec![zero; d.agents * d.outputs],
        };
        wide(
            #[inline(always)]
            || {
                if self.relu {
                    for (dz, &y) in dz.iter_mut().zip(y) {
                        *dz = passed(*dz, y, zero);
                    }
                }
                for agent in 0..d.agents {
                    let each = d.outputs;
                    let db = &mut grads.bias[agent * each..(agent + 1) * each];
                    for row in part(&dz, agent, d.agents).chunks_exact(each) {
                        for (db, &dz) in db.iter_mut().zip(row) {
                            *db += dz;
                        }
                    }
                }
            },
        );
        if self.input_grad {
            grads.x.reserve_exact(x.len());
        }
        for agent in 0..d.agents {
            let dz = Mat::new(part(&dz, agent, d.agents), d.batch, d.outputs);
            let x = Mat::new(part(x, agent, d.agents), d.batch, d.inputs);
            matmul(&mut grads.weight, dz.t(), x);
            if self.input_grad {
                let w = Mat::new(part(weight, agent, d.agents), d.outputs, d.inputs);
                matmul(&mut grads.x, dz, w);
            }
        }
        grads
    }

    fn backward_tensors<T: WithDType>(
        self,
        [x, weight, bias, y, dy]: [&Tensor; 5],
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dims = Dims::new(x.shape(), weight.shape(), bias.shape())?;
        let dy = dy.contiguous()?;
        let (x_s, weight_s, y_s, dy_s) = (
            x.storage_and_layout(),
            weight.storage_and_layout(),
            y.storage_and_layout(),
            dy.storage_and_layout(),
        );
        let grads = self.backward::<T>(
            dims,
            on_cpu(&x_s.0, x_s.1)?,
            on_cpu(&weight_s.0, weight_s.1)?,
            on_cpu(&y_s.0, y_s.1)?,
            on_cpu(&dy_s.0, dy_s.1)?,
        );
        let tensor = |data: Vec<T>, like: &Tensor| {
            Tensor::from_vec(data, like.shape(), &Device::Cpu).map(Some)
        };
        let dx = if self.input_grad {
            tensor(grads.x, x)?
        } else {
            None
        };
        Ok((dx, tensor(grads.weight, weight)?, tensor(grads.bias, bias)?))
    }
}

struct Grads<T> {
    x: Vec<T>,
    weight: Vec<T>,
    bias: Vec<T>,
}

/// Each row of `y`, `[agents, batch, outputs]`, with its agent's bias.
#[inline(always)]
fn rows<'a, T>(
    y: &'a mut [T],
    bias: &'a [T],
    d: Dims,
) -> impl Iterator<Item = (&'a mut [T], &'a [T])> {
    let rows = y.chunks_exact_mut(d.outputs).enumerate();
    rows.map(move |(i, y)| (y, part(bias, i / d.batch, d.agents)))
}

impl CustomOp3 for LinearOp {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let d = Dims::new(x_layout.shape(), weight_layout.shape(), bias_layout.shape())?;
        let y = match x {
            CpuStorage::F32(_) => CpuStorage::F32(self.forward(
                d,
                contiguous(x, x_layout)?,
                contiguous(weight, weight_layout)?,
                contiguous(bias, bias_layout)?,
            )),
            CpuStorage::F64(_) => CpuStorage::F64(self.forward(
                d,
                contiguous(x, x_layout)?,
                contiguous(weight, weight_layout)?,
                contiguous(bias, bias_layout)?,
            )),
            _ => bail!("linear: f32 or f64 only"),
        };
        Ok((y, Shape::from((d.agents, d.batch, d.outputs))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let tensors = [x, weight, bias, y, dy];
        match x.dtype() {
            DType::F32 => self.backward_tensors::<f32>(tensors),
            DType::F64 => self.backward_tensors::<f64>(tensors),
            other => bail!("linear: {other:?} is not f32 or f64"),
        }
    }
}
