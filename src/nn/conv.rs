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
    composed,
    convolve::{Convolution, Dims},
    slices::{contiguous, on_cpu},
};
use optim::Parameter;

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
        let convolution = Convolution {
            stride: 1,
            padding: 0,
            relu,
            input_grad,
        };
        let op = ConvOp {
            convolution,
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
        let convolution = &mut self.op.convolution;
        (convolution.stride, convolution.padding) = (stride, padding);
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
        let convolution = self.op.convolution;
        let dims = Dims::new(
            convolution,
            x_shape,
            weight.shape(),
            bias.map(Tensor::shape),
        )?;
        composed::conv(x, weight, bias, &dims.window, convolution.relu)
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
    convolution: Convolution,
    aside: Option<Aside>,
}

impl ConvOp {
    fn forward_storage(
        &self,
        x: (&CpuStorage, &Layout),
        weight: (&CpuStorage, &Layout),
        bias: Option<(&CpuStorage, &Layout)>,
    ) -> Result<(CpuStorage, Shape)> {
        let bias_shape = bias.map(|(_, layout)| layout.shape());
        let d = Dims::new(self.convolution, x.1.shape(), weight.1.shape(), bias_shape)?;
        let y = match x.0 {
            CpuStorage::F32(_) => CpuStorage::F32(self.convolution.forward(
                d,
                contiguous(x.0, x.1)?,
                contiguous(weight.0, weight.1)?,
                bias.map(|bias| contiguous(bias.0, bias.1)).transpose()?,
            )),
            CpuStorage::F64(_) => CpuStorage::F64(self.convolution.forward(
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
        let d = Dims::new(
            self.convolution,
            x.shape(),
            weight.shape(),
            bias.map(Tensor::shape),
        )?;
        let dy = dy.contiguous()?;
        let (x_s, weight_s, y_s, dy_s) = (
            x.storage_and_layout(),
            weight.storage_and_layout(),
            y.storage_and_layout(),
            dy.storage_and_layout(),
        );
        let grads = self.convolution.backward::<T>(
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
        let dx = self
            .convolution
            .input_grad
            .then(|| tensor(grads.x, x))
            .transpose()?;
        let dw = hand_over(grads.weight, weight)?;
        let db = bias.map(|bias| hand_over(grads.bias, bias)).transpose()?;
        Ok([dx, dw, db.flatten()])
    }
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
