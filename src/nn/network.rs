//! The agents' network: convolutions if the observation is an image, a perceptron, and optionally a
//! dueling head.

use candle_core::{D, DType, Device, Tensor, Var, backprop::GradStore};
use rand::Rng;

use super::{
    activation::Activation,
    bypass::GradientBypass,
    conv::Conv,
    filters::Filters,
    init,
    mlp::{Mlp, MlpKind},
    window::Window,
};
use optim::{Layer, Parameter};

use crate::{Error, Result};

/// The layers of a network.
#[derive(Clone, Debug)]
pub struct Architecture {
    /// The shape of an observation; with convolutions `[channels, height, width]`.
    pub observation: Vec<usize>,
    /// Convolutions of stride 1 without padding, each followed by relu.
    pub conv: Vec<Filters>,
    /// Sizes of the hidden layers.
    pub hidden: Vec<usize>,
    /// What the hidden layers' outputs go through.
    pub activation: Activation,
    /// The number of values that it outputs for an observation.
    pub outputs: usize,
    /// Whether a value is the state's value plus the action's advantage less the mean advantage (Wang et
    /// al. 2016, eq. 9). Each of the two streams then has its own last hidden layer.
    pub dueling: bool,
}

impl Architecture {
    /// The number of outputs of each layer for one observation, convolutions first; an error if the
    /// convolutions do not fit the observation.
    pub fn sizes(&self) -> Result<Vec<usize>> {
        let mut sizes = Vec::new();
        if !self.conv.is_empty() {
            let mut image = self.image()?;
            for filters in &self.conv {
                image = filtered(image, *filters)?;
                sizes.push(image.iter().product());
            }
        }
        sizes.extend(&self.hidden);
        sizes.push(self.outputs);
        Ok(sizes)
    }

    /// The number of weights and biases of one agent's network.
    pub fn weights(&self) -> Result<usize> {
        let sizes = self.sizes()?;
        let (convs, linears) = sizes.split_at(self.conv.len());
        let channels = self.observation.first().into_iter().copied();
        let inputs = channels.chain(self.conv.iter().map(|filters| filters.count));
        let conv = self.conv.iter().zip(inputs);
        let conv = conv.map(|(f, inputs)| f.count * (inputs * f.size * f.size + 1));
        let features = match convs.last() {
            Some(features) => *features,
            None => self.observation.iter().product(),
        };
        let linears = [&[features], linears].concat();
        let layer = |pair: &[usize]| pair[1] * (pair[0] + 1);
        let linear = linears.windows(2).map(layer).sum::<usize>();
        // A dueling head's second stream.
        let last = &linears[linears.len().saturating_sub(3)..linears.len() - 1];
        let value = match (self.dueling, last) {
            (true, &[inputs, hidden]) => layer(&[inputs, hidden]) + layer(&[hidden, 1]),
            (true, &[inputs]) => layer(&[inputs, 1]),
            _ => 0,
        };
        Ok(conv.sum::<usize>() + linear + value)
    }

    fn image(&self) -> Result<[usize; 3]> {
        self.observation.as_slice().try_into().map_err(|_| {
            Error::usage(format!(
                "conv needs an observation of [channels, height, width], and this one is {:?}; allowed: none",
                self.observation
            ))
        })
    }
}

/// The shape of the output of `filters` applied to `image`, both `[channels, height, width]`.
fn filtered(image: [usize; 3], filters: Filters) -> Result<[usize; 3]> {
    let window = Window::new(image, filters.size, 1, 0).map_err(|_| {
        let [_, height, width] = image;
        Error::usage(format!(
            "conv = {filters} is not allowed on an image of {height}x{width}; allowed: filters no larger than the image"
        ))
    })?;
    Ok([filters.count, window.out_height, window.out_width])
}

/// A network for each agent of a cohort.
#[derive(Clone)]
pub struct Network {
    /// The shape of an observation, if there are convolutions.
    image: Option<[usize; 3]>,
    conv: Vec<Conv>,
    body: Mlp,
    dueling: Option<Dueling>,
    bypass: GradientBypass,
}

/// The two streams of a dueling head.
#[derive(Clone)]
struct Dueling {
    value: Mlp,
    advantage: Mlp,
}

impl Dueling {
    fn map_vars(
        &self,
        map: impl Fn(&Var) -> candle_core::Result<Var>,
    ) -> candle_core::Result<Self> {
        Ok(Self {
            value: self.value.map_vars(&map)?,
            advantage: self.advantage.map_vars(&map)?,
        })
    }
}

impl Network {
    /// A network with PyTorch's default initialisation. Each agent draws from its own stream, in the order
    /// of [`parameters`](Self::parameters).
    ///
    /// # Errors
    ///
    /// If the convolutions do not fit the observation.
    pub fn new(
        architecture: &Architecture,
        streams: &mut [impl Rng],
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let mut features = architecture.observation.iter().product();
        let (mut image, mut conv) = (None, Vec::new());
        if !architecture.conv.is_empty() {
            let mut input = architecture.image()?;
            image = Some(input);
            for filters in &architecture.conv {
                let shape = [filters.count, input[0], filters.size, filters.size];
                let (weight, bias) = init::layer(&shape, streams, dtype, device)?;
                conv.push(Conv::new(weight, Some(bias), true, !conv.is_empty()));
                input = filtered(input, *filters)?;
            }
            features = input.iter().product();
        }
        let mut sizes = [&[features], architecture.hidden.as_slice()].concat();
        let mut input_grad = image.is_some();
        let mut perceptron = |sizes: &[usize], input_grad, activated_output| {
            let kind = MlpKind {
                activation: architecture.activation,
                input_grad,
                activated_output,
            };
            Mlp::inside(kind, sizes, streams, dtype, device)
        };
        let (body, dueling) = if architecture.dueling {
            let own = sizes.split_off(architecture.hidden.len().max(1));
            let body = perceptron(&sizes, input_grad, true)?;
            input_grad |= sizes.len() > 1;
            let mut stream = |outputs: usize| {
                let sizes = [&sizes[sizes.len() - 1..], &own, &[outputs]].concat();
                perceptron(&sizes, input_grad, false)
            };
            let (value, advantage) = (stream(1)?, stream(architecture.outputs)?);
            (body, Some(Dueling { value, advantage }))
        } else {
            sizes.push(architecture.outputs);
            (perceptron(&sizes, input_grad, false)?, None)
        };
        let network = Self {
            image,
            conv,
            body,
            dueling,
            bypass: GradientBypass::default(),
        };
        Ok(network.with_own_bypass())
    }

    /// The same network with a bypass that it shares with no other network.
    fn with_own_bypass(self) -> Self {
        let bypass = GradientBypass::default();
        let conv = self.conv.into_iter().map(|layer| layer.bypassing(&bypass));
        let dueling = self.dueling.map(|Dueling { value, advantage }| Dueling {
            value: value.bypassing(&bypass),
            advantage: advantage.bypassing(&bypass),
        });
        Self {
            image: self.image,
            conv: conv.collect(),
            body: self.body.bypassing(&bypass),
            dueling,
            bypass,
        }
    }

    /// The same network computed by candle's operations, as on a GPU. It is slower on the CPU; tests
    /// use it to compare the two.
    pub fn composed(self) -> Self {
        let dueling = self.dueling.map(|Dueling { value, advantage }| Dueling {
            value: value.composed(),
            advantage: advantage.composed(),
        });
        Self {
            conv: self.conv.into_iter().map(Conv::composed).collect(),
            body: self.body.composed(),
            dueling,
            ..self
        }
    }

    /// Observations `[agents, batch, numbers]` to values `[agents, batch, outputs]`, recorded for
    /// [`backward`](Self::backward).
    pub fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.apply(x, Conv::forward, Mlp::forward)
    }

    /// [`forward`](Self::forward) without recording a backward pass.
    pub fn infer(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.apply(x, Conv::infer, Mlp::infer)
    }

    /// The gradients of `loss`. [`Tensor::backward`] would miss the gradients of this network's
    /// weights, which bypass candle's sums.
    pub fn backward(&self, loss: &Tensor) -> candle_core::Result<GradStore> {
        Self::backward_all(&[self], loss)
    }

    /// The gradients of `loss`, which follows from the outputs of all of `networks`.
    pub fn backward_all(networks: &[&Self], loss: &Tensor) -> candle_core::Result<GradStore> {
        let bypasses: Vec<_> = networks.iter().map(|network| &network.bypass).collect();
        GradientBypass::backward(&bypasses, loss)
    }

    fn apply(
        &self,
        x: &Tensor,
        conv: impl Fn(&Conv, &Tensor) -> candle_core::Result<Tensor>,
        mlp: impl Fn(&Mlp, &Tensor) -> candle_core::Result<Tensor>,
    ) -> candle_core::Result<Tensor> {
        let mut x = x.clone();
        if let Some([channels, height, width]) = self.image {
            let (agents, batch, _) = x.dims3()?;
            x = x.reshape((agents, batch, channels, height, width))?;
            for layer in &self.conv {
                x = conv(layer, &x)?;
            }
            // The linear layers take images as they are: a reshape would cost a sum in the backward pass.
        }
        let x = mlp(&self.body, &x)?;
        let Some(Dueling { value, advantage }) = &self.dueling else {
            return Ok(x);
        };
        let (value, advantage) = (mlp(value, &x)?, mlp(advantage, &x)?);
        let mean = advantage.mean_keepdim(D::Minus1)?;
        advantage.broadcast_add(&(value - mean)?)
    }

    /// Every weight and bias, starting with the first layer's: `conv.0.weight`, ..., `0.weight`, `0.bias`,
    /// `1.weight`, ..., and those of a dueling head, `value.0.weight`, ..., `advantage.0.weight`, ...
    pub fn parameters(&self) -> Vec<Parameter> {
        let convs = self.conv.len();
        let shared = convs + self.body.depth();
        let stream = self.dueling.as_ref().map_or(0, |head| head.value.depth());
        let depth = shared + stream;
        let conv = self.conv.iter().enumerate().flat_map(|(i, layer)| {
            let all = layer.parameters(&format!("conv.{i}")).into_iter();
            all.map(move |p| p.of(Layer::at(i, depth)))
        });
        let mut all: Vec<Parameter> = conv.collect();
        all.extend(self.body.parameters_within("", convs, depth));
        if let Some(Dueling { value, advantage }) = &self.dueling {
            all.extend(value.parameters_within("value.", shared, depth));
            all.extend(advantage.parameters_within("advantage.", shared, depth));
        }
        all
    }

    /// A network with the same weights that shares no memory with this one.
    pub fn detached(&self) -> candle_core::Result<Self> {
        self.map_vars(|var| Var::from_tensor(&var.as_tensor().copy()?))
    }

    /// The network of agent number `agent`, on `device`; it shares no memory with this one.
    pub fn agent(&self, agent: usize, device: &Device) -> candle_core::Result<Self> {
        let one = |var: &Var| {
            var.as_tensor()
                .narrow(0, agent, 1)?
                .copy()?
                .to_device(device)
        };
        self.map_vars(|var| Var::from_tensor(&one(var)?))
    }

    fn map_vars(
        &self,
        map: impl Fn(&Var) -> candle_core::Result<Var>,
    ) -> candle_core::Result<Self> {
        let conv = self.conv.iter().map(|layer| layer.map_vars(&map));
        let dueling = self.dueling.as_ref().map(|head| head.map_vars(&map));
        let network = Self {
            image: self.image,
            conv: conv.collect::<candle_core::Result<_>>()?,
            body: self.body.map_vars(&map)?,
            dueling: dueling.transpose()?,
            bypass: GradientBypass::default(),
        };
        Ok(network.with_own_bypass())
    }
}
