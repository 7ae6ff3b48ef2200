//! `f(x W^T + b)` for a cohort, as one operation with its own backward pass; `f` is an activation or nothing.
//!
//! candle would need a transpose, a product, a broadcast, an addition and the activation, each with its own
//! buffer, and as many operations in the backward pass.

use candle_core::{Result, Shape, Tensor, Var, WithDType, bail};

use super::{
    activation::Activation,
    bypass::GradientBypass,
    fused::{FusedLayer, LayerGradients, LayerKernel},
    matmul::{Mat, matmul},
    slices::part,
};
use optim::{Parameter, vectorised};

/// A fully connected layer for each agent: weight `[agents, out, in]`, bias `[agents, out]`.
#[derive(Clone)]
pub(super) struct Linear(FusedLayer<LinearKernel>);

impl Linear {
    /// A layer with the given weights.
    ///
    /// `activation` is what its output goes through. `input_grad` says whether the input needs a gradient; the
    /// first layer's does not.
    pub fn new(weight: Var, bias: Var, activation: Option<Activation>, input_grad: bool) -> Self {
        let kernel = LinearKernel {
            activation,
            input_grad,
        };
        Self(FusedLayer::new(weight, Some(bias), kernel))
    }

    /// The same layer computed by candle's operations, as on a GPU.
    pub fn composed(self) -> Self {
        Self(self.0.composed())
    }

    /// The same layer, with the gradients of its weight and bias stored in `bypass`.
    pub fn bypassing(self, bypass: &GradientBypass) -> Self {
        Self(self.0.bypassing(bypass))
    }

    /// `[agents, batch, in]` to `[agents, batch, out]`, recorded for the backward pass. An input may
    /// have several axes, as an image does.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.0.forward(x)
    }

    /// [`forward`](Self::forward) without recording a backward pass.
    pub fn infer(&self, x: &Tensor) -> Result<Tensor> {
        self.0.infer(x)
    }

    /// The weight and the bias as `{prefix}.weight` and `{prefix}.bias`.
    pub fn parameters(&self, prefix: &str) -> Vec<Parameter> {
        self.0.parameters(prefix)
    }

    /// A layer like this one, with `map` applied to its variables.
    pub fn map_vars(&self, map: impl Fn(&Var) -> Result<Var>) -> Result<Self> {
        self.0.map_vars(map).map(Self)
    }
}

#[derive(Clone, Copy)]
struct LinearKernel {
    activation: Option<Activation>,
    input_grad: bool,
}

/// The sizes of one application.
#[derive(Clone, Copy)]
struct LinearSizes {
    agents: usize,
    batch: usize,
    inputs: usize,
    outputs: usize,
}

/// Adds the bias to each row of the output, and sends it through `f`.
#[inline(always)]
fn finish<T: WithDType>(y: &mut [T], bias: &[T], f: impl Fn(T) -> T) {
    for row in y.chunks_exact_mut(bias.len()) {
        for (y, &bias) in row.iter_mut().zip(bias) {
            *y = f(*y + bias);
        }
    }
}

impl LayerKernel for LinearKernel {
    type Sizes = LinearSizes;

    const NAME: &'static str = "linear";

    fn input_grad(&self) -> bool {
        self.input_grad
    }

    fn sizes(&self, x: &Shape, weight: &Shape, bias: Option<&Shape>) -> Result<LinearSizes> {
        let (_, outputs, inputs) = weight.dims3()?;
        let fits = match x.dims() {
            &[agents, _, ref input @ ..] => {
                input.iter().product::<usize>() == inputs
                    && weight.dims() == [agents, outputs, inputs]
                    && bias.is_some_and(|bias| bias.dims() == [agents, outputs])
            }
            _ => false,
        };
        if !fits {
            bail!("linear: input {x:?}, weight {weight:?} and bias {bias:?} do not fit");
        }
        let (agents, batch) = (x.dims()[0], x.dims()[1]);
        Ok(LinearSizes {
            agents,
            batch,
            inputs,
            outputs,
        })
    }

    fn output(sizes: LinearSizes) -> Shape {
        Shape::from((sizes.agents, sizes.batch, sizes.outputs))
    }

    fn forward<T: WithDType>(self, s: LinearSizes, x: &[T], weight: &[T], bias: &[T]) -> Vec<T> {
        let mut y = Vec::with_capacity(s.agents * s.batch * s.outputs);
        for agent in 0..s.agents {
            let x = Mat::new(part(x, agent, s.agents), s.batch, s.inputs);
            let w = Mat::new(part(weight, agent, s.agents), s.outputs, s.inputs);
            matmul(&mut y, x, w.t());
        }
        vectorised(
            #[inline(always)]
            || {
                let agents = y.chunks_exact_mut(s.batch * s.outputs);
                for (y, bias) in agents.zip(bias.chunks_exact(s.outputs)) {
                    // A loop for each, or the choice would be made for each number.
                    match self.activation {
                        None => finish(y, bias, |z| z),
                        Some(Activation::Relu) => finish(y, bias, |z| Activation::Relu.of(z)),
                        Some(Activation::Tanh) => finish(y, bias, |z| Activation::Tanh.of(z)),
                    }
                }
            },
        );
        y
    }

    fn backward<T: WithDType>(
        self,
        s: LinearSizes,
        x: &[T],
        weight: &[T],
        _has_bias: bool,
        y: &[T],
        dy: &[T],
    ) -> LayerGradients<T> {
        let zero = T::from_f64(0.0);
        let mut scaled = Vec::new();
        let mut grads = LayerGradients {
            x: Vec::new(),
            weight: Vec::with_capacity(weight.len()),
            bias: vec![zero; s.agents * s.outputs],
        };
        // The gradient before the activation.
        let dz = vectorised(
            #[inline(always)]
            || {
                let pairs = dy.iter().zip(y);
                let dz = match self.activation {
                    None => dy,
                    Some(Activation::Relu) => {
                        scaled.extend(pairs.map(|(&dy, &y)| Activation::Relu.gradient(dy, y)));
                        &scaled
                    }
                    Some(Activation::Tanh) => {
                        scaled.extend(pairs.map(|(&dy, &y)| Activation::Tanh.gradient(dy, y)));
                        &scaled
                    }
                };
                let agents = grads.bias.chunks_exact_mut(s.outputs);
                for (db, dz) in agents.zip(dz.chunks_exact(s.batch * s.outputs)) {
                    for row in dz.chunks_exact(s.outputs) {
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
        for agent in 0..s.agents {
            let dz = Mat::new(part(dz, agent, s.agents), s.batch, s.outputs);
            let x = Mat::new(part(x, agent, s.agents), s.batch, s.inputs);
            matmul(&mut grads.weight, dz.t(), x);
            if self.input_grad {
                let w = Mat::new(part(weight, agent, s.agents), s.outputs, s.inputs);
                matmul(&mut grads.x, dz, w);
            }
        }
        grads
    }

    fn composed(
        self,
        _sizes: LinearSizes,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
    ) -> Result<Tensor> {
        let y = x.flatten_from(2)?.matmul(&weight.transpose(1, 2)?)?;
        let y = match bias {
            Some(bias) => y.broadcast_add(&bias.unsqueeze(1)?)?,
            None => y,
        };
        match self.activation {
            Some(activation) => activation.composed(&y),
            None => Ok(y),
        }
    }
}
