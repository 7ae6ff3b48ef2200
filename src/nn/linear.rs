//! `relu(x W^T + b)` for a cohort, as one operation with its own backward.
//!
//! candle would take a transpose, a product, a broadcast, an addition and a
//! clamp, each with a buffer of its own, and as many steps back.

use candle_core::{
    CpuStorage, CustomOp3, DType, Device, Error, Layout, Result, Shape, Tensor, Var, WithDType,
    bail,
};
use optim::Parameter;

use super::{
    aside::{Aside, hand_over},
    composed,
    matmul::{Mat, matmul},
    relu::{clipped, passed},
    slices::{contiguous, on_cpu, part},
};
use crate::wide::wide;

/// A fully connected layer for each agent: weight `[agents, out, in]`, bias `[agents, out]`.
#[derive(Clone)]
pub struct Linear {
    weight: Var,
    bias: Var,
    op: LinearOp,
    composed: bool,
}

impl Linear {
    /// A layer with the given weights.
    ///
    /// `relu` clips its output at 0; `input_grad` is whether the input needs a
    /// gradient (the first layer's does not).
    pub fn new(weight: Var, bias: Var, relu: bool, input_grad: bool) -> Self {
        let op = LinearOp {
            relu,
            input_grad,
            aside: None,
        };
        let composed = !weight.device().is_cpu();
        Self {
            weight,
            bias,
            op,
            composed,
        }
    }

    /// Put together from candle's operations, as it is on a GPU.
    pub(super) fn composed(mut self) -> Self {
        self.composed = true;
        self
    }

    /// With the gradients of its weight and bias laid aside.
    pub(super) fn aside(mut self, aside: &Aside) -> Self {
        self.op.aside = Some(aside.clone());
        self
    }

    /// `[agents, batch, in]` to `[agents, batch, out]`, remembered for backward. What one input is may
    /// have axes of its own, such as an image's.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if self.composed {
            return composed::linear(x, &self.weight, &self.bias, self.op.relu);
        }
        x.contiguous()?.apply_op3(
            self.weight.as_tensor(),
            self.bias.as_tensor(),
            self.op.clone(),
        )
    }

    /// [`forward`](Self::forward) without a backward.
    pub fn infer(&self, x: &Tensor) -> Result<Tensor> {
        if self.composed {
            return Ok(self.forward(x)?.detach());
        }
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
        let weight = each(&self.weight)?;
        Ok(Self {
            composed: self.composed && !weight.device().is_cpu(),
            weight,
            bias: each(&self.bias)?,
            op: self.op.clone(),
        })
    }
}

#[derive(Clone)]
struct LinearOp {
    relu: bool,
    input_grad: bool,
    aside: Option<Aside>,
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
        let (_, outputs, inputs) = weight.dims3()?;
        let fits = match x.dims() {
            &[agents, _, ref one @ ..] => {
                one.iter().product::<usize>() == inputs
                    && weight.dims() == [agents, outputs, inputs]
                    && bias.dims() == [agents, outputs]
            }
            _ => false,
        };
        if !fits {
            bail!("linear: input {x:?}, weight {weight:?} and bias {bias:?} do not fit");
        }
        let (agents, batch) = (x.dims()[0], x.dims()[1]);
        Ok(Self {
            agents,
            batch,
            inputs,
            outputs,
        })
    }
}

impl LinearOp {
    fn forward<T: WithDType>(&self, d: Dims, x: &[T], weight: &[T], bias: &[T]) -> Vec<T> {
        let mut y = Vec::with_capacity(d.agents * d.batch * d.outputs);
        for agent in 0..d.agents {
            let x = Mat::new(part(x, agent, d.agents), d.batch, d.inputs);
            let w = Mat::new(part(weight, agent, d.agents), d.outputs, d.inputs);
            matmul(&mut y, x, w.t());
        }
        wide(
            #[inline(always)]
            || {
                let agents = y.chunks_exact_mut(d.batch * d.outputs);
                for (y, bias) in agents.zip(bias.chunks_exact(d.outputs)) {
                    for row in y.chunks_exact_mut(d.outputs) {
                        self.activate(row, bias);
                    }
                }
            },
        );
        y
    }

    /// Adds the bias to a row and clips it.
    #[inline(always)]
    fn activate<T: WithDType>(&self, y: &mut [T], bias: &[T]) {
        let zero = T::from_f64(0.0);
        for (y, &bias) in y.iter_mut().zip(bias) {
            let z = *y + bias;
            *y = if self.relu { clipped(z, zero) } else { z };
        }
    }

    fn backward<T: WithDType>(
        &self,
        d: Dims,
        x: &[T],
        weight: &[T],
        y: &[T],
        dy: &[T],
    ) -> Grads<T> {
        let zero = T::from_f64(0.0);
        let mut clipped = Vec::new();
        let mut grads = Grads {
            x: Vec::new(),
            weight: Vec::with_capacity(weight.len()),
            bias: vec![zero; d.agents * d.outputs],
        };
        let dz = wide(
            #[inline(always)]
            || {
                let dz = if self.relu {
                    let behind = dy.iter().zip(y);
                    clipped.extend(behind.map(|(&dy, &y)| passed(dy, y, zero)));
                    &clipped
                } else {
                    dy
                };
                let agents = grads.bias.chunks_exact_mut(d.outputs);
                for (db, dz) in agents.zip(dz.chunks_exact(d.batch * d.outputs)) {
                    for row in dz.chunks_exact(d.outputs) {
                        for (db, &dz) in db.iter_mut().zip(row) {
                            *db += dz;
                        }
                    }
                }
                dz
            },
        );
        if self.input_grad {
            grads.x.reserve_exact(x.len());
        }
        for agent in 0..d.agents {
            let dz = Mat::new(part(dz, agent, d.agents), d.batch, d.outputs);
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
        &self,
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
        let tensor =
            |data: Vec<T>, like: &Tensor| Tensor::from_vec(data, like.shape(), &Device::Cpu);
        let hand_over = |data: Vec<T>, like: &Tensor| {
            let grad = tensor(data, like)?;
            Ok::<_, Error>(hand_over(self.aside.as_ref(), like, grad))
        };
        let dx = self.input_grad.then(|| tensor(grads.x, x)).transpose()?;
        let dw = hand_over(grads.weight, weight)?;
        Ok((dx, dw, hand_over(grads.bias, bias)?))
    }
}

struct Grads<T> {
    x: Vec<T>,
    weight: Vec<T>,
    bias: Vec<T>,
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
