//! The layers with their weights. The forward pass keeps what the backward pass needs.

use candle_core::{DType, Device, Result, Tensor, Var, bail};

use super::{
    geometry::Geometry,
    norm::NormGradients,
    panels::{PANEL, WeightSizes},
    passes,
    pool::MaxPool,
};
use optim::Parameter;

use crate::nn::window::Window;

/// PyTorch's `eps` of batch normalisation.
const EPS: f64 = 1e-5;
/// The share of the newest batch in the running statistics; PyTorch calls it `momentum`.
const RUNNING_SHARE: f64 = 0.1;

/// The share that the start values still have in batch norm's running statistics after so many batches.
pub fn start_of_running_statistics(batches: u64) -> f64 {
    (1.0 - RUNNING_SHARE).powf(batches as f64)
}

/// A convolution without bias and the batch normalisation after it.
///
/// `relu(norm(conv(x)) + shortcut)`, where the shortcut and relu are optional.
pub(in crate::nn) struct ConvNorm {
    names: [String; 2],
    geometry: Geometry,
    kernel: usize,
    /// The number of output channels side by side in the weight.
    panel: usize,
    weight: Var,
    gamma: Var,
    beta: Var,
    running: [Var; 2],
    relu: bool,
}

/// What [`ConvNorm::forward`] keeps for [`ConvNorm::backward`].
pub(in crate::nn) struct ConvNormTape {
    /// The input, or the columns gathered from it.
    seen: Tensor,
    /// The weight in the activations' type.
    weight: Tensor,
    convolved: Tensor,
    moments: [Tensor; 2],
    /// The output, if relu clipped it.
    y: Option<Tensor>,
}

/// What to do with the gradient of the input.
pub(in crate::nn) enum InputGrad {
    /// It is not computed.
    Unneeded,
    /// It is returned.
    New,
    /// It is added to this one.
    AddedTo(Tensor),
}

/// Gradients of weights, each with its variable.
pub(in crate::nn) type WeightGrads = Vec<(Var, Tensor)>;

impl ConvNorm {
    /// A layer that slides as `window` says. `names` are those of the convolution and the
    /// normalisation; `weight` is the convolution's weight in PyTorch's order. The normalisation starts
    /// as the identity.
    pub fn new(
        names: [String; 2],
        window: &Window,
        weight: Vec<f64>,
        relu: bool,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let outputs = weight.len() / window.receptive_field();
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

    /// The shape of the convolution's weight in PyTorch.
    pub fn torch_shape(&self) -> [usize; 4] {
        let WeightSizes {
            outputs, inputs, ..
        } = self.geometry.sizes();
        [outputs, inputs, self.kernel, self.kernel]
    }

    /// The convolution's weight, or a tensor like it, in PyTorch's order.
    pub fn torch_order(&self, panels: &Tensor) -> Result<Tensor> {
        panels.permute((0, 3, 2, 1))?.reshape(&self.torch_shape())
    }

    /// A tensor in PyTorch's order, in the order of the convolution's weight.
    pub fn panels_order(&self, torch: &Tensor) -> Result<Tensor> {
        let WeightSizes {
            outputs,
            inputs,
            taps,
        } = self.geometry.sizes();
        let panels = outputs / self.panel;
        let torch = torch.reshape((panels, self.panel, inputs, taps))?;
        torch.permute((0, 3, 2, 1))?.contiguous()
    }

    /// The name of the batch counter.
    pub fn counter(&self) -> String {
        format!("{}.num_batches_tracked", self.names[1])
    }

    /// Multiplications and additions of the convolution for one image, which are the same for the output, the
    /// gradient of the input and the gradient of the weight.
    pub fn operations(&self) -> usize {
        self.geometry.operations()
    }

    /// The trained variables under torchvision's names.
    pub fn parameters(&self) -> Vec<Parameter> {
        let named = |name: String, var: &Var| Parameter::new(name, var.clone());
        let [conv, norm] = &self.names;
        vec![
            named(format!("{conv}.weight"), &self.weight),
            named(format!("{norm}.weight"), &self.gamma),
            named(format!("{norm}.bias"), &self.beta),
        ]
    }

    /// The running mean and variance under torchvision's names.
    pub fn running(&self) -> [Parameter; 2] {
        let [mean, variance] = self.running.clone();
        let norm = &self.names[1];
        [("mean", mean), ("var", variance)]
            .map(|(name, var)| Parameter::new(format!("{norm}.running_{name}"), var))
    }

    /// The output, normalised by the batch's statistics, which also update the running statistics.
    pub fn forward(&self, x: &Tensor, shortcut: Option<&Tensor>) -> Result<(Tensor, ConvNormTape)> {
        let weight = self.weight.to_dtype(x.dtype())?;
        let [convolved, seen] = passes::convolve(&self.geometry, x, &weight)?;
        let (positions, batch, _) = convolved.dims3()?;
        if positions * batch < 2 {
            bail!(
                "{}: batch normalisation of one number per channel; allowed: 2 or more",
                self.names[1]
            );
        }
        let moments = passes::moments(&convolved, &self.running, RUNNING_SHARE)?;
        let y = self.normalise(&convolved, &moments, shortcut)?;
        let tape = ConvNormTape {
            seen,
            weight,
            convolved,
            moments,
            y: self.relu.then(|| y.clone()),
        };
        Ok((y, tape))
    }

    /// The output, normalised by the running statistics.
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

    /// Appends the gradients of the variables to `grads`. Returns the gradients of the input and of the
    /// shortcut if they are asked for.
    pub fn backward(
        &self,
        tape: ConvNormTape,
        dy: &Tensor,
        input: InputGrad,
        shortcut: bool,
        grads: &mut WeightGrads,
    ) -> Result<[Option<Tensor>; 2]> {
        let ConvNormTape {
            seen,
            weight,
            convolved,
            moments,
            y,
        } = tape;
        let NormGradients {
            x: d_convolved,
            gamma: d_gamma,
            beta: d_beta,
            shortcut: d_shortcut,
        } = passes::normalise_backward(
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

/// Max pooling.
pub(in crate::nn) struct PoolLayer(MaxPool);

impl PoolLayer {
    /// The pooling of a kernel that slides as `window` says.
    pub fn new(window: &Window) -> Result<Self> {
        MaxPool::new(window).map(Self)
    }

    /// The largest numbers, and the taps at which they were found.
    pub fn forward(&self, x: &Tensor) -> Result<[Tensor; 2]> {
        passes::max_pool(&self.0, x)
    }

    /// The gradient of the input.
    pub fn backward(&self, dy: &Tensor, found: &Tensor) -> Result<Tensor> {
        passes::max_pool_backward(&self.0, dy, found)
    }
}

/// A convolution that owns no weights, for measuring the cost of one.
///
/// Images lie position by position, `[height * width, batch, channels]`.
pub struct Convolution {
    geometry: Geometry,
}

impl Convolution {
    /// A convolution of images `[channels, height, width]` by `outputs` square kernels, padded by half of a
    /// kernel.
    ///
    /// # Errors
    ///
    /// If the kernel does not fit in, or if `outputs` is no multiple of 32.
    pub fn new(image: [usize; 3], outputs: usize, kernel: usize, stride: usize) -> Result<Self> {
        let window = Window::new(image, kernel, stride, kernel / 2)?;
        let geometry = Geometry::new(&window, outputs)?;
        Ok(Self { geometry })
    }

    /// The shape of the weight on the CPU.
    pub fn weight_shape(&self) -> [usize; 4] {
        let WeightSizes {
            outputs,
            inputs,
            taps,
        } = self.geometry.sizes();
        [outputs / PANEL, taps, inputs, PANEL]
    }

    /// The output for the images `x`.
    pub fn forward(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let [y, _] = passes::convolve(&self.geometry, x, weight)?;
        Ok(y)
    }

    /// The gradient of the input from `dy`, the gradient of the output.
    pub fn input_grad(&self, dy: &Tensor, weight: &Tensor) -> Result<Tensor> {
        passes::input_grad(&self.geometry, dy, weight, None)
    }

    /// The gradient of a weight shaped like `weight`, from `dy`, the gradient of the output.
    pub fn weight_grad(&self, x: &Tensor, dy: &Tensor, weight: &Tensor) -> Result<Tensor> {
        passes::weight_grad(&self.geometry, x, dy, weight)
    }
}
