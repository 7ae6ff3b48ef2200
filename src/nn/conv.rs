//! `relu(conv(x) + b)` for a cohort, as one operation with its own backward.
//!
//! candle's own convolution computes an input gradient whether one is needed or
//! not, by a transposed convolution that is slow on the CPU, and fails on some
//! sizes with a stride.

use candle_core::{
    CpuStorage, CustomOp2, CustomOp3, DType, Device, Error, Layout, Result, Shape, Tensor, Var,
    WithDType, bail,
};

use super::{
    aside::{Aside, hand_over},
    columns::Window,
    composed,
    matmul::{Mat, add_matmul, matmul},
    relu::{clipped, passed},
    slices::{contiguous, on_cpu, part},
};
use crate::{optim::Parameter, wide::wide};

/// A convolution with square kernels for each agent: weight `[agents, out, in, k, k]`, bias
/// `[agents, out]` or none, images `[agents, batch, in, height, width]`; the order of
/// `torch.nn.Conv2d` behind the agents.
#[derive(Clone)]
pub struct Conv {
    weight: Var,
    bias: Option<Var>,
    op: ConvOp,
    composed: bool,
}

impl Conv {
    /// A layer with the given weights, stride 1 and no padding.
    ///
    /// `relu` clips its output at 0; `input_grad` is whether the input needs a
    /// gradient (the first layer's does not).
    pub fn new(weight: Var, bias: Option<Var>, relu: bool, input_grad: bool) -> Self {
        let op = ConvOp {
            stride: 1,
            padding: 0,
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

    /// With an output at every `stride`-th position of images padded by `padding` zeros on each side.
    pub fn stepping(mut self, stride: usize, padding: usize) -> Self {
        (self.op.stride, self.op.padding) = (stride, padding);
        self
    }

    /// `[agents, batch, in, height, width]` to `[agents, batch, out, height', width']`, remembered
    /// for backward.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if self.composed {
            return self.compose(x);
        }
        let (x, weight) = (x.contiguous()?, self.weight.as_tensor());
        match &self.bias {
            Some(bias) => x.apply_op3(weight, bias.as_tensor(), self.op.clone()),
            None => x.apply_op2(weight, self.op.clone()),
        }
    }

    /// [`forward`](Self::forward) without a backward.
    pub fn infer(&self, x: &Tensor) -> Result<Tensor> {
        if self.composed {
            return Ok(self.compose(x)?.detach());
        }
        let (x, weight) = (x.contiguous()?, self.weight.as_tensor());
        match &self.bias {
            Some(bias) => x.apply_op3_no_bwd(weight, bias.as_tensor(), &self.op),
            None => x.apply_op2_no_bwd(weight, &self.op),
        }
    }

    fn compose(&self, x: &Tensor) -> Result<Tensor> {
        let bias = self.bias.as_ref().map(Var::as_tensor);
        let (x_shape, weight) = (x.shape(), self.weight.as_tensor());
        let dims = Dims::new(&self.op, x_shape, weight.shape(), bias.map(Tensor::shape))?;
        composed::conv(x, weight, bias, &dims.window, self.op.relu)
    }

    /// Its weight and bias under `{prefix}.weight` and `{prefix}.bias`.
    pub fn parameters(&self, prefix: &str) -> Vec<Parameter> {
        let named = |name: &str, var: &Var| Parameter {
            name: format!("{prefix}.{name}"),
            var: var.clone(),
        };
        let mut all = vec![named("weight", &self.weight)];
        all.extend(self.bias.as_ref().map(|bias| named("bias", bias)));
        all
    }

    /// A layer like this one with other variables: what `each` makes of these.
    pub(super) fn with(&self, each: impl Fn(&Var) -> Result<Var>) -> Result<Self> {
        let weight = each(&self.weight)?;
        Ok(Self {
            composed: self.composed && !weight.device().is_cpu(),
            weight,
            bias: self.bias.as_ref().map(each).transpose()?,
            op: self.op.clone(),
        })
    }
}

#[derive(Clone)]
struct ConvOp {
    stride: usize,
    padding: usize,
    relu: bool,
    input_grad: bool,
    aside: Option<Aside>,
}

/// The sizes of one application.
#[derive(Clone, Copy)]
struct Dims {
    agents: usize,
    batch: usize,
    outputs: usize,
    window: Window,
}

impl Dims {
    fn new(op: &ConvOp, x: &Shape, weight: &Shape, bias: Option<&Shape>) -> Result<Self> {
        let (agents, batch, channels, height, width) = x.dims5()?;
        let (_, outputs, _, kernel, _) = weight.dims5()?;
        let fits = weight.dims() == [agents, outputs, channels, kernel, kernel]
            && bias.is_none_or(|bias| bias.dims() == [agents, outputs]);
        if !fits {
            bail!("convolution: input {x:?}, weight {weight:?} and bias {bias:?} do not fit");
        }
        Ok(Self {
            agents,
            batch,
            outputs,
            window: Window::new([channels, height, width], kernel, op.stride, op.padding)?,
        })
    }

    fn output(&self) -> Shape {
        let Window {
            out_height,
            out_width,
            ..
        } = self.window;
        let dims = [self.agents, self.batch, self.outputs, out_height, out_width];
        Shape::from(dims.as_slice())
    }

    /// Calls `run` with where each run of neighbours of output `o` lies, in a tile of rows of
    /// outputs and in all outputs of an agent.
    #[inline(always)]
    fn each_run(
        &self,
        tile: std::ops::Range<usize>,
        mut run: impl FnMut(usize, std::ops::Range<usize>, std::ops::Range<usize>),
    ) {
        let Window {
            out_height,
            out_width,
            ..
        } = self.window;
        let positions = self.window.positions();
        let mut row = tile.start;
        while row < tile.end {
            let (image, first) = (row / out_height, row % out_height);
            let rows = (out_height - first).min(tile.end - row);
            let (at, len) = ((row - tile.start) * out_width, rows * out_width);
            for o in 0..self.outputs {
                let in_tile = o * tile.len() * out_width + at;
                let in_all = (image * self.outputs + o) * positions + first * out_width;
                run(o, in_tile..in_tile + len, in_all..in_all + len);
            }
            row += rows;
        }
    }
}

impl ConvOp {
    fn forward<T: WithDType>(&self, d: Dims, x: &[T], weight: &[T], bias: Option<&[T]>) -> Vec<T> {
        let zero = T::from_f64(0.0);
        let (window, each) = (d.window, d.batch * d.outputs * d.window.positions());
        let mut y = vec![zero; d.agents * each];
        let (mut columns, mut product) = (Vec::new(), Vec::new());
        for agent in 0..d.agents {
            let x = part(x, agent, d.agents);
            let weight = Mat::new(part(weight, agent, d.agents), d.outputs, window.seen());
            let bias = bias.map(|bias| part(bias, agent, d.agents));
            let y = &mut y[agent * each..(agent + 1) * each];
            for tile in window.tiles(d.batch) {
                let positions = tile.len() * window.out_width;
                columns.resize(window.seen() * positions, zero);
                wide(
                    #[inline(always)]
                    || window.gather(x, tile.clone(), &mut columns),
                );
                product.clear();
                let seen = Mat::new(&columns, window.seen(), positions);
                matmul(&mut product, weight, seen);
                wide(
                    #[inline(always)]
                    || {
                        d.each_run(
                            tile,
                            #[inline(always)]
                            |o, in_tile, in_all| {
                                let bias = bias.map_or(zero, |bias| bias[o]);
                                for (y, &z) in y[in_all].iter_mut().zip(&product[in_tile]) {
                                    let z = z + bias;
                                    *y = if self.relu { clipped(z, zero) } else { z };
                                }
                            },
                        );
                    },
                );
            }
        }
        y
    }

    fn backward<T: WithDType>(
        &self,
        d: Dims,
        x: &[T],
        weight: &[T],
        biased: bool,
        y: &[T],
        dy: &[T],
    ) -> Grads<T> {
        let (zero, one) = (T::from_f64(0.0), T::from_f64(1.0));
        let (window, seen) = (d.window, d.window.seen());
        // One more row of ones under the columns makes the bias gradient a row of the product.
        let rows = seen + usize::from(biased);
        let mut grads = Grads {
            x: Vec::new(),
            weight: Vec::with_capacity(weight.len()),
            bias: Vec::new(),
        };
        if self.input_grad {
            grads.x.resize(x.len(), zero);
        }
        let (mut columns, mut dz, mut dcolumns) = (Vec::new(), Vec::new(), Vec::new());
        let mut transposed = vec![zero; rows * d.outputs];
        for agent in 0..d.agents {
            let each = x.len() / d.agents;
            let images = part(x, agent, d.agents);
            let weight = Mat::new(part(weight, agent, d.agents), d.outputs, seen);
            let (y, dy) = (part(y, agent, d.agents), part(dy, agent, d.agents));
            transposed.fill(zero);
            for tile in window.tiles(d.batch) {
                let positions = tile.len() * window.out_width;
                columns.resize(rows * positions, zero);
                dz.resize(d.outputs * positions, zero);
                wide(
                    #[inline(always)]
                    || {
                        let (columns, ones) = columns.split_at_mut(seen * positions);
                        window.gather(images, tile.clone(), columns);
                        ones.fill(one);
                        d.each_run(
                            tile.clone(),
                            #[inline(always)]
                            |_, in_tile, in_all| {
                                let behind = y[in_all.clone()].iter().zip(&dy[in_all]);
                                for (dz, (&y, &dy)) in dz[in_tile].iter_mut().zip(behind) {
                                    *dz = if self.relu { passed(dy, y, zero) } else { dy };
                                }
                            },
                        );
                    },
                );
                let dz = Mat::new(&dz, d.outputs, positions);
                add_matmul(&mut transposed, Mat::new(&columns, rows, positions), dz.t());
                if self.input_grad {
                    dcolumns.clear();
                    matmul(&mut dcolumns, weight.t(), dz);
                    let dx = &mut grads.x[agent * each..(agent + 1) * each];
                    wide(
                        #[inline(always)]
                        || window.scatter(&dcolumns, tile.clone(), dx),
                    );
                }
            }
            let (dw, db) = transposed.split_at(seen * d.outputs);
            for o in 0..d.outputs {
                grads.weight.extend(dw[o..].iter().step_by(d.outputs));
            }
            grads.bias.extend(db);
        }
        grads
    }

    fn forward_storage(
        &self,
        x: (&CpuStorage, &Layout),
        weight: (&CpuStorage, &Layout),
        bias: Option<(&CpuStorage, &Layout)>,
    ) -> Result<(CpuStorage, Shape)> {
        let bias_shape = bias.map(|(_, layout)| layout.shape());
        let d = Dims::new(self, x.1.shape(), weight.1.shape(), bias_shape)?;
        let y = match x.0 {
            CpuStorage::F32(_) => CpuStorage::F32(self.forward(
                d,
                contiguous(x.0, x.1)?,
                contiguous(weight.0, weight.1)?,
                bias.map(|bias| contiguous(bias.0, bias.1)).transpose()?,
            )),
            CpuStorage::F64(_) => CpuStorage::F64(self.forward(
                d,
                contiguous(x.0, x.1)?,
                contiguous(weight.0, weight.1)?,
                bias.map(|bias| contiguous(bias.0, bias.1)).transpose()?,
            )),
            _ => bail!("convolution: f32 or f64 only"),
        };
        Ok((y, d.output()))
    }

    /// The gradients of the input, the weight and the bias.
    fn backward_tensors(
        &self,
        tensors: [&Tensor; 4],
        bias: Option<&Tensor>,
    ) -> Result<[Option<Tensor>; 3]> {
        match tensors[0].dtype() {
            DType::F32 => self.backward_of::<f32>(tensors, bias),
            DType::F64 => self.backward_of::<f64>(tensors, bias),
            other => bail!("convolution: {other:?} is not f32 or f64"),
        }
    }

    fn backward_of<T: WithDType>(
        &self,
        [x, weight, y, dy]: [&Tensor; 4],
        bias: Option<&Tensor>,
    ) -> Result<[Option<Tensor>; 3]> {
        let d = Dims::new(self, x.shape(), weight.shape(), bias.map(Tensor::shape))?;
        let dy = dy.contiguous()?;
        let (x_s, weight_s, y_s, dy_s) = (
            x.storage_and_layout(),
            weight.storage_and_layout(),
            y.storage_and_layout(),
            dy.storage_and_layout(),
        );
        let grads = self.backward::<T>(
            d,
            on_cpu(&x_s.0, x_s.1)?,
            on_cpu(&weight_s.0, weight_s.1)?,
            bias.is_some(),
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
        let db = bias.map(|bias| hand_over(grads.bias, bias)).transpose()?;
        Ok([dx, dw, db.flatten()])
    }
}

struct Grads<T> {
    x: Vec<T>,
    weight: Vec<T>,
    bias: Vec<T>,
}

impl CustomOp3 for ConvOp {
    fn name(&self) -> &'static str {
        "convolution"
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
        let bias = Some((bias, bias_layout));
        self.forward_storage((x, x_layout), (weight, weight_layout), bias)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [dx, dw, db] = self.backward_tensors([x, weight, y, dy], Some(bias))?;
        Ok((dx, dw, db))
    }
}

impl CustomOp2 for ConvOp {
    fn name(&self) -> &'static str {
        "convolution-without-bias"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward_storage((x, x_layout), (weight, weight_layout), None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [dx, dw, _] = self.backward_tensors([x, weight, y, dy], None)?;
        Ok((dx, dw))
    }
}
