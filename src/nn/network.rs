//! The agents' network: convolutions if the observation is an image, a perceptron, and on request a
//! dueling head.

use candle_core::{D, DType, Device, Tensor, Var, backprop::GradStore};
use optim::Parameter;
use rand::Rng;

use super::{Conv, Filters, Mlp, aside::Aside, columns::Window, init, mlp::Ends};
use crate::{Error, Result};

/// What a network looks like.
#[derive(Clone, Debug)]
pub struct Architecture {
    /// The shape of an observation; with convolutions `[channels, height, width]`.
    pub observation: Vec<usize>,
    /// Convolutions of stride 1 without padding, each followed by relu.
    pub conv: Vec<Filters>,
    /// Sizes of the hidden layers.
    pub hidden: Vec<usize>,
    /// Values it gives.
    pub outputs: usize,
    /// Whether a value is the state's plus the action's advantage over the mean (Wang et al. 2016,
    /// eq. 9). The last hidden layer is each stream's own.
    pub dueling: bool,
}

impl Architecture {
    /// How many numbers each layer gives for one observation, the convolutions' first; an error if
    /// the convolutions do not fit the observation.
    pub fn sizes(&self) -> Result<Vec<usize>> {
        let mut sizes = Vec::new();
        if !self.conv.is_empty() {
            let mut image = self.image()?;
            for filters in &self.conv {
                image = self.behind(image, *filters)?;
                sizes.push(image.iter().product());
            }
        }
        sizes.extend(&self.hidden);
        sizes.push(self.outputs);
        Ok(sizes)
    }

    /// How many weights and biases it has, or would have.
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
        // The other stream.
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

    fn behind(&self, image: [usize; 3], filters: Filters) -> Result<[usize; 3]> {
        let window = Window::new(image, filters.size, 1, 0).map_err(|_| {
            let [_, height, width] = image;
            Error::usage(format!(
                "conv = {filters} is not allowed on an image of {height}x{width}; allowed: filters no larger than the image"
            ))
        })?;
        Ok([filters.count, window.out_height, window.out_width])
    }
}

/// A network for each agent of a cohort.
#[derive(Clone)]
pub struct Network {
    /// The shape of an observation, if there are convolutions.
    image: Option<[usize; 3]>,
    conv: Vec<Conv>,
    body: Mlp,
    dueling: Option<Dueling>,
    aside: Aside,
}

/// The two streams of a dueling head.
#[derive(Clone)]
struct Dueling {
    value: Mlp,
    advantage: Mlp,
}

impl Dueling {
    fn with(&self, each: impl Fn(&Var) -> candle_core::Result<Var>) -> candle_core::Result<Self> {
        Ok(Self {
            value: self.value.with(&each)?,
            advantage: self.advantage.with(&each)?,
        })
    }
}

impl Network {
    /// A network initialised as PyTorch's layers by default. Each agent draws from its own stream,
    /// in the order of [`parameters`](Self::parameters).
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
                input = architecture.behind(input, *filters)?;
            }
            features = input.iter().product();
        }
        let mut sizes = [&[features], architecture.hidden.as_slice()].concat();
        let mut input_grad = image.is_some();
        let mut perceptron = |sizes: &[usize], input_grad, relu| {
            let ends = Ends { input_grad, relu };
            Mlp::between(ends, sizes, streams, dtype, device)
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
            aside: Aside::default(),
        };
        Ok(network.with_gradients_aside())
    }

    /// With its gradients in a place of its own.
    fn with_gradients_aside(self) -> Self {
        let aside = Aside::default();
        let conv = self.conv.into_iter().map(|layer| layer.aside(&aside));
        let dueling = self.dueling.map(|Dueling { value, advantage }| Dueling {
            value: value.aside(&aside),
            advantage: advantage.aside(&aside),
        });
        Self {
            image: self.image,
            conv: conv.collect(),
            body: self.body.aside(&aside),
            dueling,
            aside,
        }
    }

    /// Put together from candle's operations, as it is on a GPU: slower on the CPU, and the way to see
    /// that both are the same.
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

    /// Observations `[agents, batch, numbers]` to values `[agents, batch, outputs]`, remembered for
    /// [`backward`](Self::backward).
    pub fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.apply(x, Conv::forward, Mlp::forward)
    }

    /// [`forward`](Self::forward) without a backward.
    pub fn infer(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.apply(x, Conv::infer, Mlp::infer)
    }

    /// The gradients of `loss`. [`Tensor::backward`] does not see those of this network's weights:
    /// they bypass candle's sums.
    pub fn backward(&self, loss: &Tensor) -> candle_core::Result<GradStore> {
        self.aside.backward(loss)
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
            // The linear layers take images as they are: a reshape would cost a sum on the way back.
        }
        let x = mlp(&self.body, &x)?;
        let Some(Dueling { value, advantage }) = &self.dueling else {
            return Ok(x);
        };
        let (value, advantage) = (mlp(value, &x)?, mlp(advantage, &x)?);
        let mean = advantage.mean_keepdim(D::Minus1)?;
        advantage.broadcast_add(&(value - mean)?)
    }

    /// Every weight and bias, from the input's layer on: `conv.0.weight`, ..., `0.weight`, `0.bias`,
    /// `1.weight`, ..., and of a dueling head `value.0.weight`, ..., `advantage.0.weight`, ...
    pub fn parameters(&self) -> Vec<Parameter> {
        let conv = self.conv.iter().enumerate();
        let mut all: Vec<Parameter> = conv
            .flat_map(|(i, layer)| layer.parameters(&format!("conv.{i}")))
            .collect();
        all.extend(self.body.parameters());
        if let Some(Dueling { value, advantage }) = &self.dueling {
            all.extend(value.named("value."));
            all.extend(advantage.named("advantage."));
        }
        all
    }

    /// A network with the same weights that shares no memory with this one.
    pub fn detached(&self) -> candle_core::Result<Self> {
        self.with(|var| Var::from_tensor(&var.as_tensor().copy()?))
    }

    /// The network of agent number `agent` alone, on `device`; it shares no memory with this one.
    pub fn agent(&self, agent: usize, device: &Device) -> candle_core::Result<Self> {
        let one = |var: &Var| {
            var.as_tensor()
                .narrow(0, agent, 1)?
                .copy()?
                .to_device(device)
        };
        self.with(|var| Var::from_tensor(&one(var)?))
    }

    fn with(&self, each: impl Fn(&Var) -> candle_core::Result<Var>) -> candle_core::Result<Self> {
        let conv = self.conv.iter().map(|layer| layer.with(&each));
        let dueling = self.dueling.as_ref().map(|head| head.with(&each));
        let network = Self {
            image: self.image,
            conv: conv.collect::<candle_core::Result<_>>()?,
            body: self.body.with(&each)?,
            dueling: dueling.transpose()?,
            aside: Aside::default(),
        };
        Ok(network.with_gradients_aside())
    }
}
