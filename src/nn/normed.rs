//! A network whose hidden layers are normalised before their relu: what learns without a target network.

use candle_core::{DType, Device, Result as CandleResult, Tensor, Var, backprop::GradStore};
use rand::Rng;

use super::{
    Architecture, Filters, LayerNorm, Rectifier, bypass::GradientBypass, conv::Conv, init,
    linear::Linear,
};
use optim::{Layer, Parameter};

use crate::Result;

/// The spread of the weights that a layer starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialWeights {
    /// A variance of 1 / inputs (LeCun), flax's default.
    Lecun,
    /// A variance of 2 / inputs (He), for relu.
    He,
}

/// The layers of a normalised network.
#[derive(Clone, Debug)]
pub struct NormedArchitecture {
    /// The layers; dueling heads are not among them.
    pub layers: Architecture,
    /// Added to the variance that a normalisation divides by.
    pub eps: f64,
    /// How hidden layers start; the last one starts as LeCun has it, and biases start at 0.
    pub initial: InitialWeights,
}

impl NormedArchitecture {
    /// The number of weights, biases, scales and shifts of one agent's network; an error if the convolutions do
    /// not fit the observation.
    pub fn weights(&self) -> Result<usize> {
        let Architecture { conv, hidden, .. } = &self.layers;
        let filters: usize = conv.iter().map(|filters| filters.count).sum();
        let normed = filters + hidden.iter().sum::<usize>();
        Ok(self.layers.weights()? + 2 * normed)
    }
}

/// A layer and the normalisation with relu behind it.
#[derive(Clone)]
struct Normed<L> {
    layer: L,
    norm: LayerNorm,
}

/// A network for each agent of a cohort: convolutions, then linear layers, each but the last with a learned
/// layer normalisation and a relu behind it.
#[derive(Clone)]
pub struct NormedNetwork {
    /// The shape of an observation, if there are convolutions.
    image: Option<[usize; 3]>,
    conv: Vec<Normed<Conv>>,
    hidden: Vec<Normed<Linear>>,
    last: Linear,
    bypass: GradientBypass,
}

impl NormedNetwork {
    /// A network at its start. Each agent draws from its own stream, in the order of
    /// [`parameters`](Self::parameters).
    ///
    /// # Errors
    ///
    /// If the convolutions do not fit the observation.
    pub fn new(
        architecture: &NormedArchitecture,
        streams: &mut [impl Rng],
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let NormedArchitecture {
            layers,
            eps,
            initial,
        } = architecture;
        let sizes = layers.sizes()?;
        let agents = streams.len();
        let norm = |features: usize| {
            LayerNorm::learned(
                (agents, features),
                *eps,
                Rectifier::Relu(0.0),
                dtype,
                device,
            )
        };
        let mut draw = |shape: &[usize], initial: InitialWeights| {
            let gain = match initial {
                InitialWeights::Lecun => 1.0,
                InitialWeights::He => 2.0,
            };
            init::normal_layer(shape, gain, streams, dtype, device)
        };
        let (mut image, mut conv) = (None, Vec::new());
        if !layers.conv.is_empty() {
            let mut channels = layers.observation[0];
            image = layers.observation.as_slice().try_into().ok();
            for Filters { count, size } in layers.conv.iter().copied() {
                let (weight, bias) = draw(&[count, channels, size, size], *initial)?;
                conv.push(Normed {
                    layer: Conv::new(weight, Some(bias), false, !conv.is_empty()),
                    norm: norm(count)?,
                });
                channels = count;
            }
        }
        let mut inputs = match conv.len() {
            0 => layers.observation.iter().product(),
            convs => sizes[convs - 1],
        };
        let mut hidden = Vec::new();
        for &outputs in &layers.hidden {
            let (weight, bias) = draw(&[outputs, inputs], *initial)?;
            let input_grad = image.is_some() || !hidden.is_empty();
            hidden.push(Normed {
                layer: Linear::new(weight, bias, None, input_grad),
                norm: norm(outputs)?,
            });
            inputs = outputs;
        }
        let (weight, bias) = draw(&[layers.outputs, inputs], InitialWeights::Lecun)?;
        let input_grad = image.is_some() || !hidden.is_empty();
        let network = Self {
            image,
            conv,
            hidden,
            last: Linear::new(weight, bias, None, input_grad),
            bypass: GradientBypass::default(),
        };
        Ok(network.with_own_bypass())
    }

    /// The same network with a bypass that no other network shares.
    fn with_own_bypass(self) -> Self {
        let bypass = GradientBypass::default();
        let conv = self.conv.into_iter().map(|normed| Normed {
            layer: normed.layer.bypassing(&bypass),
            norm: normed.norm.bypassing(&bypass),
        });
        let hidden = self.hidden.into_iter().map(|normed| Normed {
            layer: normed.layer.bypassing(&bypass),
            norm: normed.norm.bypassing(&bypass),
        });
        Self {
            image: self.image,
            conv: conv.collect(),
            hidden: hidden.collect(),
            last: self.last.bypassing(&bypass),
            bypass,
        }
    }

    /// The same network by candle's operations, as on a GPU. On the CPU this is slower, and serves to
    /// compare the two.
    pub fn composed(self) -> Self {
        let conv = self.conv.into_iter().map(|normed| Normed {
            layer: normed.layer.composed(),
            norm: normed.norm.composed(),
        });
        let hidden = self.hidden.into_iter().map(|normed| Normed {
            layer: normed.layer.composed(),
            norm: normed.norm.composed(),
        });
        Self {
            conv: conv.collect(),
            hidden: hidden.collect(),
            last: self.last.composed(),
            ..self
        }
    }

    /// Observations `[agents, batch, numbers]` to values `[agents, batch, outputs]`, recorded for
    /// [`backward`](Self::backward).
    pub fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        let mut x = self.images(x)?;
        for Normed { layer, norm } in &self.conv {
            x = norm.forward(&layer.forward(&x)?)?;
        }
        for Normed { layer, norm } in &self.hidden {
            x = norm.forward(&layer.forward(&x)?)?;
        }
        self.last.forward(&x)
    }

    /// [`forward`](Self::forward) without a backward.
    pub fn infer(&self, x: &Tensor) -> CandleResult<Tensor> {
        let mut x = self.images(x)?;
        for Normed { layer, norm } in &self.conv {
            x = norm.infer(&layer.infer(&x)?)?;
        }
        for Normed { layer, norm } in &self.hidden {
            x = norm.infer(&layer.infer(&x)?)?;
        }
        self.last.infer(&x)
    }

    fn images(&self, x: &Tensor) -> CandleResult<Tensor> {
        let Some([channels, height, width]) = self.image else {
            return Ok(x.clone());
        };
        let (agents, batch, _) = x.dims3()?;
        x.reshape((agents, batch, channels, height, width))
    }

    /// The gradients of `loss`. [`Tensor::backward`] would miss those of this network's weights, which
    /// bypass candle's sums.
    pub fn backward(&self, loss: &Tensor) -> CandleResult<GradStore> {
        GradientBypass::backward(&[&self.bypass], loss)
    }

    /// Every number that is learned, the first layer's first: `conv.0.weight`, `conv.0.bias`,
    /// `conv.0.norm.weight`, `conv.0.norm.bias`, ..., `0.weight`, ..., the last layer's under its number.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut layers = Vec::new();
        for (i, Normed { layer, norm }) in self.conv.iter().enumerate() {
            let own = layer.parameters(&format!("conv.{i}"));
            layers.push([own, norm.parameters(&format!("conv.{i}.norm"))].concat());
        }
        for (i, Normed { layer, norm }) in self.hidden.iter().enumerate() {
            let own = layer.parameters(&i.to_string());
            layers.push([own, norm.parameters(&format!("{i}.norm"))].concat());
        }
        layers.push(self.last.parameters(&self.hidden.len().to_string()));
        let depth = layers.len();
        let placed = layers.into_iter().enumerate().flat_map(|(i, layer)| {
            let place = Layer::at(i, depth);
            layer.into_iter().map(move |p| p.of(place))
        });
        placed.collect()
    }

    /// The network of agent number `agent`, on `device`; it shares no memory with this one.
    pub fn agent(&self, agent: usize, device: &Device) -> CandleResult<Self> {
        let one = |var: &Var| {
            let own = var.as_tensor().narrow(0, agent, 1)?.copy()?;
            Var::from_tensor(&own.to_device(device)?)
        };
        let conv = self.conv.iter().map(|Normed { layer, norm }| {
            CandleResult::Ok(Normed {
                layer: layer.map_vars(one)?,
                norm: norm.map_vars(one)?,
            })
        });
        let hidden = self.hidden.iter().map(|Normed { layer, norm }| {
            CandleResult::Ok(Normed {
                layer: layer.map_vars(one)?,
                norm: norm.map_vars(one)?,
            })
        });
        let network = Self {
            image: self.image,
            conv: conv.collect::<CandleResult<_>>()?,
            hidden: hidden.collect::<CandleResult<_>>()?,
            last: self.last.map_vars(one)?,
            bypass: GradientBypass::default(),
        };
        Ok(network.with_own_bypass())
    }
}
