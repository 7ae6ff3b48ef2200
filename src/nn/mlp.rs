//! A multi-layer perceptron with an activation between its layers.

use candle_core::{DType, Device, Result, Tensor, Var};
use rand::Rng;

use super::{activation::Activation, bypass::GradientBypass, init, linear::Linear};
use optim::{Layer, Parameter};

/// A multi-layer perceptron for each agent of a cohort.
#[derive(Clone)]
pub struct Mlp {
    layers: Vec<Linear>,
}

/// What a perceptron is apart from its sizes.
#[derive(Clone, Copy)]
pub(super) struct MlpKind {
    /// What the outputs of its layers go through.
    pub activation: Activation,
    /// Whether its input needs a gradient.
    pub input_grad: bool,
    /// Whether the output of its last layer goes through the activation too.
    pub activated_output: bool,
}

impl Mlp {
    /// Layers of the given `sizes`, from the input's to the output's, with relu between them and PyTorch's default
    /// initialisation for `Linear`. Each agent draws from its own stream.
    pub fn new(
        sizes: &[usize],
        streams: &mut [impl Rng],
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let kind = MlpKind {
            activation: Activation::Relu,
            input_grad: false,
            activated_output: false,
        };
        Self::inside(kind, sizes, streams, dtype, device)
    }

    /// [`new`](Self::new) for a part of a larger network. With a single size there is no layer at all.
    pub(super) fn inside(
        kind: MlpKind,
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
            let activated = i < last || kind.activated_output;
            let input_grad = i > 0 || kind.input_grad;
            let activation = activated.then_some(kind.activation);
            layers.push(Linear::new(weight, bias, activation, input_grad));
        }
        Ok(Self { layers })
    }

    /// `[agents, batch, in]` to `[agents, batch, out]`, recorded for the backward pass.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.layers
            .iter()
            .try_fold(x.clone(), |x, layer| layer.forward(&x))
    }

    /// [`forward`](Self::forward) without recording a backward pass.
    pub fn infer(&self, x: &Tensor) -> Result<Tensor> {
        self.layers
            .iter()
            .try_fold(x.clone(), |x, layer| layer.infer(&x))
    }

    /// Every weight and bias, starting with the first layer's: `0.weight`, `0.bias`, `1.weight`, ...
    pub fn parameters(&self) -> Vec<Parameter> {
        self.parameters_within("", 0, self.depth())
    }

    /// The number of layers.
    pub(super) fn depth(&self) -> usize {
        self.layers.len()
    }

    /// [`parameters`](Self::parameters) with `prefix` before each name, where the first of these layers is number
    /// `first` of the `depth` layers of a network.
    pub(super) fn parameters_within(
        &self,
        prefix: &str,
        first: usize,
        depth: usize,
    ) -> Vec<Parameter> {
        let of = |(i, layer): (usize, &Linear)| {
            let all = layer.parameters(&format!("{prefix}{i}")).into_iter();
            all.map(move |p| p.of(Layer::at(first + i, depth)))
        };
        self.layers.iter().enumerate().flat_map(of).collect()
    }

    /// The same perceptron, with the gradients of its weights and biases stored in `bypass`.
    pub(super) fn bypassing(self, bypass: &GradientBypass) -> Self {
        let layers = self.layers.into_iter().map(|layer| layer.bypassing(bypass));
        Self {
            layers: layers.collect(),
        }
    }

    /// The same perceptron computed by candle's operations, as on a GPU.
    pub(super) fn composed(self) -> Self {
        let layers = self.layers.into_iter().map(Linear::composed);
        Self {
            layers: layers.collect(),
        }
    }

    /// A perceptron like this one, with `map` applied to its variables.
    pub(super) fn map_vars(&self, map: impl Fn(&Var) -> Result<Var>) -> Result<Self> {
        let layers = self.layers.iter().map(|layer| layer.map_vars(&map));
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
        })
    }
}
