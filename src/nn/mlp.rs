//! A multi-layer perceptron with relu between its layers.

use candle_core::{DType, Device, Result, Tensor, Var};
use rand::Rng;

use super::{Linear, init};
use crate::optim::Parameter;

/// A multi-layer perceptron for each agent of a cohort.
#[derive(Clone)]
pub struct Mlp {
    layers: Vec<Linear>,
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
        let agents = streams.len();
        let last = sizes.len().saturating_sub(2);
        let mut layers = Vec::with_capacity(last + 1);
        for (i, pair) in sizes.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0], pair[1]);
            let (mut weight, mut bias) = (Vec::new(), Vec::new());
            for stream in streams.iter_mut() {
                init::uniform_fan_in(stream, inputs, outputs * inputs, &mut weight);
                init::uniform_fan_in(stream, inputs, outputs, &mut bias);
            }
            let var = |data: Vec<f64>, shape: &[usize]| {
                Var::from_tensor(&Tensor::from_vec(data, shape, device)?.to_dtype(dtype)?)
            };
            let weight = var(weight, &[agents, outputs, inputs])?;
            let bias = var(bias, &[agents, outputs])?;
            layers.push(Linear::new(weight, bias, i < last, i > 0));
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
        let named = |(i, layer): (usize, &Linear)| layer.parameters(&i.to_string());
        self.layers.iter().enumerate().flat_map(named).collect()
    }

    /// The network of agent number `agent` alone; it shares no memory with this one.
    pub fn agent(&self, agent: usize) -> Result<Self> {
        let layers = self.layers.iter().map(|layer| layer.agent(agent));
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
        })
    }

    /// A network with the same weights that shares no memory with this one.
    pub fn detached(&self) -> Result<Self> {
        let layers = self.layers.iter().map(Linear::detached);
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
        })
    }
}
