//! What all layers with weights share: the variables, and one custom candle operation with its backward
//! pass.
//!
//! A layer's arithmetic is a [`LayerKernel`]: two loops over slices. [`FusedLayer`] turns it into a
//! layer: it owns the variables, passes the operation to candle, and uses candle's own operations where
//! we have no kernel, as on a GPU.

use candle_core::{
    CpuStorage, CustomOp2, CustomOp3, DType, Device, Layout, Result, Shape, Tensor, Var, WithDType,
    bail,
};

use super::{
    bypass::GradientBypass,
    slices::{contiguous, on_cpu},
};
use optim::Parameter;

/// The arithmetic of a layer with a weight and an optional bias, for a cohort of agents.
pub(super) trait LayerKernel: Copy + Send + Sync + 'static {
    /// The sizes of one application.
    type Sizes: Copy;

    /// The name used in errors.
    const NAME: &'static str;

    /// Whether the input needs a gradient.
    fn input_grad(&self) -> bool;

    /// The sizes for tensors of these shapes; an error if they do not match.
    fn sizes(&self, x: &Shape, weight: &Shape, bias: Option<&Shape>) -> Result<Self::Sizes>;

    /// The shape of the output.
    fn output(sizes: Self::Sizes) -> Shape;

    /// The output; `bias` is empty if there is none.
    fn forward<T: WithDType>(self, sizes: Self::Sizes, x: &[T], weight: &[T], bias: &[T])
    -> Vec<T>;

    /// The gradients that follow from `dy`, the gradient of the output `y`.
    fn backward<T: WithDType>(
        self,
        sizes: Self::Sizes,
        x: &[T],
        weight: &[T],
        has_bias: bool,
        y: &[T],
        dy: &[T],
    ) -> LayerGradients<T>;

    /// The output, computed by candle's operations.
    fn composed(
        self,
        sizes: Self::Sizes,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
    ) -> Result<Tensor>;
}

/// Gradients of a layer. The input's is empty if it is not needed, the bias's if there is no bias.
pub(super) struct LayerGradients<T> {
    pub x: Vec<T>,
    pub weight: Vec<T>,
    pub bias: Vec<T>,
}

/// A layer for each agent of a cohort.
#[derive(Clone)]
pub(super) struct FusedLayer<K> {
    weight: Var,
    bias: Option<Var>,
    pub op: FusedOp<K>,
    /// Whether it uses candle's own operations.
    composed: bool,
}

impl<K: LayerKernel> FusedLayer<K> {
    pub fn new(weight: Var, bias: Option<Var>, kernel: K) -> Self {
        let composed = !weight.device().is_cpu();
        let op = FusedOp {
            kernel,
            bypass: None,
        };
        Self {
            weight,
            bias,
            op,
            composed,
        }
    }

    /// The same layer computed by candle's operations, as on a GPU.
    pub fn composed(mut self) -> Self {
        self.composed = true;
        self
    }

    /// The same layer, with the gradients of its weight and bias stored in `bypass`.
    pub fn bypassing(mut self, bypass: &GradientBypass) -> Self {
        self.op.bypass = Some(bypass.clone());
        self
    }

    /// A layer like this one, with `map` applied to its variables.
    pub fn map_vars(&self, map: impl Fn(&Var) -> Result<Var>) -> Result<Self> {
        let weight = map(&self.weight)?;
        Ok(Self {
            composed: self.composed && !weight.device().is_cpu(),
            weight,
            bias: self.bias.as_ref().map(map).transpose()?,
            op: self.op.clone(),
        })
    }

    /// The output, recorded for the backward pass.
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

    /// [`forward`](Self::forward) without recording a backward pass.
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
        let (kernel, weight) = (self.op.kernel, self.weight.as_tensor());
        let bias = self.bias.as_ref().map(Var::as_tensor);
        let sizes = kernel.sizes(x.shape(), weight.shape(), bias.map(Tensor::shape))?;
        kernel.composed(sizes, x, weight, bias)
    }

    /// The weight and the bias as `{prefix}.weight` and `{prefix}.bias`.
    pub fn parameters(&self, prefix: &str) -> Vec<Parameter> {
        let named = |name: &str, var: &Var| Parameter::new(format!("{prefix}.{name}"), var.clone());
        let mut all = vec![named("weight", &self.weight)];
        all.extend(self.bias.as_ref().map(|bias| named("bias", bias)));
        all
    }
}

/// A kernel as a candle operation.
#[derive(Clone)]
pub(super) struct FusedOp<K> {
    pub kernel: K,
    bypass: Option<GradientBypass>,
}

/// A tensor on the CPU, as candle passes it to an operation.
type CpuTensor<'a> = (&'a CpuStorage, &'a Layout);

impl<K: LayerKernel> FusedOp<K> {
    fn forward(
        &self,
        x: CpuTensor,
        weight: CpuTensor,
        bias: Option<CpuTensor>,
    ) -> Result<(CpuStorage, Shape)> {
        let bias_shape = bias.map(|(_, layout)| layout.shape());
        let sizes = self
            .kernel
            .sizes(x.1.shape(), weight.1.shape(), bias_shape)?;
        let y = match x.0 {
            CpuStorage::F32(_) => CpuStorage::F32(self.forward_of(sizes, x, weight, bias)?),
            CpuStorage::F64(_) => CpuStorage::F64(self.forward_of(sizes, x, weight, bias)?),
            _ => bail!("{}: the input is neither f32 nor f64", K::NAME),
        };
        Ok((y, K::output(sizes)))
    }

    fn forward_of<T: WithDType>(
        &self,
        sizes: K::Sizes,
        x: CpuTensor,
        weight: CpuTensor,
        bias: Option<CpuTensor>,
    ) -> Result<Vec<T>> {
        let bias = bias.map(|bias| contiguous(bias.0, bias.1)).transpose()?;
        let (x, weight) = (contiguous(x.0, x.1)?, contiguous(weight.0, weight.1)?);
        Ok(self
            .kernel
            .forward(sizes, x, weight, bias.unwrap_or_default()))
    }

    /// The gradients of the input, the weight and the bias, as far as candle needs them.
    fn backward(
        &self,
        tensors: [&Tensor; 4],
        bias: Option<&Tensor>,
    ) -> Result<[Option<Tensor>; 3]> {
        match tensors[0].dtype() {
            DType::F32 => self.backward_of::<f32>(tensors, bias),
            DType::F64 => self.backward_of::<f64>(tensors, bias),
            other => bail!("{}: {other:?} is neither f32 nor f64", K::NAME),
        }
    }

    fn backward_of<T: WithDType>(
        &self,
        [x, weight, y, dy]: [&Tensor; 4],
        bias: Option<&Tensor>,
    ) -> Result<[Option<Tensor>; 3]> {
        let sizes = self
            .kernel
            .sizes(x.shape(), weight.shape(), bias.map(Tensor::shape))?;
        let dy = dy.contiguous()?;
        let stored = [x, weight, y, &dy].map(Tensor::storage_and_layout);
        let [x_data, weight_data, y_data, dy_data] = &stored;
        let grads = self.kernel.backward::<T>(
            sizes,
            on_cpu(&x_data.0, x_data.1)?,
            on_cpu(&weight_data.0, weight_data.1)?,
            bias.is_some(),
            on_cpu(&y_data.0, y_data.1)?,
            on_cpu(&dy_data.0, dy_data.1)?,
        );
        let tensor =
            |data: Vec<T>, like: &Tensor| Tensor::from_vec(data, like.shape(), &Device::Cpu);
        let input_grad = self.kernel.input_grad();
        let dx = input_grad.then(|| tensor(grads.x, x)).transpose()?;
        let dw = self.hand_over(weight, tensor(grads.weight, weight)?);
        let db = match bias {
            Some(bias) => self.hand_over(bias, tensor(grads.bias, bias)?),
            None => None,
        };
        Ok([dx, dw, db])
    }

    /// The gradient of `weight` to return to candle: none if it goes through the bypass.
    fn hand_over(&self, weight: &Tensor, grad: Tensor) -> Option<Tensor> {
        match &self.bypass {
            Some(bypass) => {
                bypass.push(weight, grad);
                None
            }
            None => Some(grad),
        }
    }
}

impl<K: LayerKernel> CustomOp3 for FusedOp<K> {
    fn name(&self) -> &'static str {
        K::NAME
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
        self.forward((x, x_layout), (weight, weight_layout), bias)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [dx, dw, db] = self.backward([x, weight, y, dy], Some(bias))?;
        Ok((dx, dw, db))
    }
}

impl<K: LayerKernel> CustomOp2 for FusedOp<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward((x, x_layout), (weight, weight_layout), None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [dx, dw, _] = self.backward([x, weight, y, dy], None)?;
        Ok((dx, dw))
    }
}
