//! The layers with their weights: forward, and back by what forward kept.

use candle_core::{DType, Device, Result, Tensor, Var, bail};
use optim::Parameter;

use super::{Geometry, PANEL, Sizes, passes, pool::MaxPool};
use crate::nn::columns::Window;

/// PyTorch's `eps` of batch normalisation.
const EPS: f64 = 1e-5;
/// PyTorch's `momentum` of the running statistics: the share of the newest batch.
const MOMENTUM: f64 = 0.1;

/// A convolution without bias and the batch normalisation behind it.
///
/// `relu(norm(conv(x)) + shortcut)`, with and without the shortcut and relu.
pub(in crate::nn) struct ConvNorm {
    names: [String; 2],
    geometry: Geometry,
    kernel: usize,
    /// Output channels that lie side by side in the weight.
    panel: usize,
    weight: Var,
    gamma: Var,
    beta: Var,
    running: [Var; 2],
    relu: bool,
}

/// What [`ConvNorm::forward`] keeps for the way back.
pub(in crate::nn) struct Kept {
    /// What came in, or what was gathered from it.
    seen: Tensor,
    /// The weight in the activations' type.
    weight: Tensor,
    convolved: Tensor,
    moments: [Tensor; 2],
    /// What came out, where relu clipped it.
    y: Option<Tensor>,
}

/// What becomes of a gradient of the input.
pub(in crate::nn) enum InputGrad {
    /// Nobody asks for it.
    Unneeded,
    /// It is new.
    New,
    /// It is added to another.
    AddedTo(Tensor),
}

/// Gradients of weights, each with its variable.
pub(in crate::nn) type WeightGrads = Vec<(Var, Tensor)>;

impl ConvNorm {
    /// Called `names`, that slides as `window` says, with its convolution's weights in PyTorch's order;
    /// its normalisation is the identity.
    pub fn new(
        names: [String; 2],
        window: &Window,
        weight: Vec<f64>,
        relu: bool,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let outputs = weight.len() / window.seen();
        let geometry = Geometry::new(window, outputs)?;
        let var =
            |value: f64| Var::from_tensor(&Tensor::full(value, outputs, device)?.to_dtype(dtype)?);
        let mut layer = Self {
            names,
            kernel: window.kernel,
            panel: passes::panel(device, outputs)?,
            weight: var(0.0)?,
            gamma: var(1.0)?,
            beta: var(0.0)?,
            running: [var(0.0)?, var(1.0)?],
            geometry,
            relu,
        };
        let weight = Tensor::from_vec(weight, &layer.torch_shape(), device)?.to_dtype(dtype)?;
        layer.weight = Var::from_tensor(&layer.panels_order(&weight)?)?;
        Ok(layer)
    }

    /// The shape of the convolution's weight as PyTorch has it.
    pub fn torch_shape(&self) -> [usize; 4] {
        let Sizes {
            outputs, inputs, ..
        } = self.geometry.sizes();
        [outputs, inputs, self.kernel, self.kernel]
    }

    /// The convolution's weight, or a tensor like it, in PyTorch's order.
    pub fn torch_order(&self, panels: &Tensor) -> Result<Tensor> {
        panels.permute((0, 3, 2, 1))?.reshape(&self.torch_shape())
    }

    /// A tensor of PyTorch's order in that of the convolution's weight.
    pub fn panels_order(&self, torch: &Tensor) -> Result<Tensor> {
        let Sizes {
            outputs,
            inputs,
            places,
        } = self.geometry.sizes();
        let panels = outputs / self.panel;
        let torch = torch.reshape((panels, self.panel, inputs, places))?;
        torch.permute((0, 3, 2, 1))?.contiguous()
    }

    /// The name of its counter of batches.
    pub fn counter(&self) -> String {
        format!("{}.num_batches_tracked", self.names[1])
    }

    /// Multiplications and additions of its convolution for one image: forward, for the gradient of the
    /// input, and for that of the weights alike.
    pub fn operations(&self) -> usize {
        self.geometry.operations()
    }

    /// Its trained variables under torchvision's names.
    pub fn parameters(&self) -> Vec<Parameter> {
        let named = |name: String, var: &Var| Parameter {
            name,
            var: var.clone(),
        };
        let [conv, norm] = &self.names;
        vec![
            named(format!("{conv}.weight"), &self.weight),
            named(format!("{norm}.weight"), &self.gamma),
            named(format!("{norm}.bias"), &self.beta),
        ]
    }

    /// Its running mean and variance under torchvision's names.
    pub fn running(&self) -> [Parameter; 2] {
        let [mean, variance] = self.running.clone();
        let norm = &self.names[1];
        [("mean", mean), ("var", variance)].map(|(name, var)| Parameter {
            name: format!("{norm}.running_{name}"),
            var,
        })
    }

    /// Normalised by the batch's own statistics, which the running ones take in.
    pub fn forward(&self, x: &Tensor, shortcut: Option<&Tensor>) -> Result<(Tensor, Kept)> {
        let weight = self.weight.to_dtype(x.dtype())?;
        let [convolved, seen] = passes::convolve(&self.geometry, x, &weight)?;
        let (positions, batch, _) = convolved.dims3()?;
        if positions * batch < 2 {
            bail!(
                "{}: batch normalisation of one number a channel; allowed: 2 or more",
                self.names[1]
            );
        }
        let moments = passes::moments(&convolved, &self.running, MOMENTUM)?;
        let y = self.normalise(&convolved, &moments, shortcut)?;
        let kept = Kept {
            seen,
            weight,
            convolved,
            moments,
            y: self.relu.then(|| y.clone()),
        };
        Ok((y, kept))
    }

    /// Normalised by the running statistics.
    pub fn infer(&self, x: &Tensor, shortcut: Option<&Tensor>) -> Result<Tensor> {
        let weight = self.weight.to_dtype(x.dtype())?;
        let [convolved, _] = passes::convolve(&self.geometry, x, &weight)?;
        let moments = self.running.each_ref().map(|var| var.as_tensor().clone());
        self.normalise(&convolved, &moments, shortcut)
    }

    fn normalise(
        &self,
        x: &Tensor,
        moments: &[Tensor; 2],
        shortcut: Option<&Tensor>,
    ) -> Result<Tensor> {
        let scale = [self.gamma.as_tensor(), self.beta.as_tensor()];
        passes::normalise(x, moments, scale, EPS, shortcut, self.relu)
    }

    /// Puts the gradients of its variables to `grads`, and gives those of its input and of the
    /// shortcut, where asked for.
    pub fn backward(
        &self,
        kept: Kept,
        dy: &Tensor,
        input: InputGrad,
        shortcut: bool,
        grads: &mut WeightGrads,
    ) -> Result<[Option<Tensor>; 2]> {
        let Kept {
            seen,
            weight,
            convolved,
            moments,
            y,
        } = kept;
        let (d_convolved, d_gamma, d_beta, d_shortcut) = passes::normalise_backward(
            &convolved,
            dy,
            y.as_ref(),
            &moments,
            &self.gamma,
            EPS,
            shortcut,
        )?;
        drop((convolved, y));
        let d_weight = passes::weight_grad(&self.geometry, &seen, &d_convolved, &self.weight)?;
        grads.push((self.weight.clone(), d_weight));
        grads.push((self.gamma.clone(), d_gamma));
        grads.push((self.beta.clone(), d_beta));
        let onto = match input {
            InputGrad::Unneeded => return Ok([None, d_shortcut]),
            InputGrad::New => None,
            InputGrad::AddedTo(other) => Some(other),
        };
        let dx = passes::input_grad(&self.geometry, &d_convolved, &weight, onto)?;
        Ok([Some(dx), d_shortcut])
    }
}

/// 3x3 max pooling with stride 2.
pub(in crate::nn) struct Pool(MaxPool);

impl Pool {
    /// That slides as `window` says.
    pub fn new(window: &Window) -> Result<Self> {
        MaxPool::new(window).map(Self)
    }

    /// The largest, and where it was found.
    pub fn forward(&self, x: &Tensor) -> Result<[Tensor; 2]> {
        passes::max_pool(&self.0, x)
    }

    /// The gradient of the input.
    pub fn backward(&self, dy: &Tensor, found: &Tensor) -> Result<Tensor> {
        passes::max_pool_backward(&self.0, dy, found)
    }
}

/// A convolution without weights of its own, position by position: what one costs.
///
/// Images are `[height * width, batch, channels]`.
pub struct Convolution {
    geometry: Geometry,
}

impl Convolution {
    /// Of images `[channels, height, width]`, with square kernels and half of a kernel as padding.
    pub fn new(image: [usize; 3], outputs: usize, kernel: usize, stride: usize) -> Result<Self> {
        let window = Window::new(image, kernel, stride, kernel / 2)?;
        let geometry = Geometry::new(&window, outputs)?;
        Ok(Self { geometry })
    }

    /// The shape of its weight on the CPU.
    pub fn weight_shape(&self) -> [usize; 4] {
        let Sizes {
            outputs,
            inputs,
            places,
        } = self.geometry.sizes();
        [outputs / PANEL, places, inputs, PANEL]
    }

    /// What comes out of `x`.
    pub fn forward(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let [y, _] = passes::convolve(&self.geometry, x, weight)?;
        Ok(y)
    }

    /// The gradient of what came in.
    pub fn input_grad(&self, dy: &Tensor, weight: &Tensor) -> Result<Tensor> {
        passes::input_grad(&self.geometry, dy, weight, None)
    }

    /// The gradient of a weight like `weight`.
    pub fn weight_grad(&self, x: &Tensor, dy: &Tensor, weight: &Tensor) -> Result<Tensor> {
        passes::weight_grad(&self.geometry, x, dy, weight)
    }
}
