//! A multi-layer perceptron with relu between its layers.

use candle_core::{DType, Device, Result, Tensor, Var};
use rand::Rng;

use super::{Linear, aside::Aside, init};
use optim::Parameter;

/// A multi-layer perceptron for each agent of a cohort.
#[derive(Clone)]
pub struct Mlp {
    layers: Vec<Linear>,
}

/// What a perceptron is between.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    /// Whether its input needs a gradient.
    pub input_grad: bool,
    /// Whether its output is clipped at 0 as well.
    pub relu: bool,
}

impl Mlp {
    /// Layers of the given `sizes`, from the input's to the output's, initialised as PyTorch's
    /// `Linear` by default. Each agent draws from its own stream.
    pub fn new(
        sizes: &[usize],
        streams: &mut [impl Rng],
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let ends = Ends {
            input_grad: false,
            relu: false,
        };
        Self::between(ends, sizes, streams, dtype, device)
    }

    /// [`new`](Self::new), as a part of a larger network. A single size makes no layer at all.
    pub(super) fn between(
        ends: Ends,
        sizes: &[usize],
        streams: &mut [impl Rng],
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let last = sizes.len().saturating_sub(2);
        let mut layers = Vec::with_capacity(last + 1);
        for (i, pair) in sizes.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0], pair[1]);
            let shape = [outputs, inputs];
            let (weight, bias) = init::layer(&shape, streams, dtype, device)?;
            let (relu, input_grad) = (i < last || ends.relu, i > 0 || ends.input_grad);
            layers.push(Linear::new(weight, bias, relu, input_grad));
        }
        Ok(Self { layers })
    }

    /// `[agents, batch, in]` to `[agents, batch, out]`, remembered for backward.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.layers
            .iter()
            .try_fold(x.clone(), |x, layer| layer.forward(&x))
    }

    /// [`forward`](Self::forward) without a backward.
    pub fn infer(&self, x: &Tensor) -> Result<Tensor> {
        self.layers
            .iter()
            .try_fold(x.clone(), |x, layer| layer.infer(&x))
    }

    /// Every weight and bias, from the input's layer on: `0.weight`, `0.bias`, `1.weight`, ...
    pub fn parameters(&self) -> Vec<Parameter> {
        self.named("")
    }

    /// [`parameters`](Self::parameters), with `prefix` before each name.
    pub(super) fn named(&self, prefix: &str) -> Vec<Parameter> {
        let named = |(i, layer): (usize, &Linear)| layer.parameters(&format!("{prefix}{i}"));
        self.layers.iter().enumerate().flat_map(named).collect()
    }

    /// With the gradients of its weights and biases laid aside.
    pub(super) fn aside(self, aside: &Aside) -> Self {
        let layers = self.layers.into_iter().map(|layer| layer.aside(aside));
        Self {
            layers: layers.collect(),
        }
    }

    /// Put together from candle's operations, as it is on a GPU.
    pub(super) fn composed(self) -> Self {
        let layers = self.layers.into_iter().map(Linear::composed);
        Self {
            layers: layers.collect(),
        }
    }

    /// A network like this one with other variables: what `each` makes of these.
    pub(super) fn with(&self, each: impl Fn(&Var) -> Result<Var>) -> Result<Self> {
        let layers = self.layers.iter().map(|layer| layer.with(&each));
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
        })
    }
}
