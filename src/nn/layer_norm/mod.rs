//! Layer normalisation (Ba et al. 2016, eq. 4) and the relu behind it, for a cohort, as one operation with
//! its own backward. candle's own layer normalisation has no backward for contiguous input.

mod kernel;
mod plain;

use candle_core::{DType, Device, Result, Tensor, Var, WithDType};
use optim::Parameter;

use super::{bypass::GradientBypass, fused::FusedLayer};
use kernel::NormKernel;
pub(crate) use kernel::{normalise, normalise_backward, sum_of};
use plain::PlainNorm;

/// What follows a normalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rectifier {
    /// Nothing.
    Off,
    /// A negative number is multiplied by this, which is not negative itself: 0 is relu, 0.01 PyTorch's leaky relu.
    Relu(f64),
}

impl Rectifier {
    /// What comes out for `z`; a NaN stays one.
    #[inline(always)]
    pub(crate) fn of<T: WithDType>(self, z: T) -> T {
        match self {
            Self::Relu(slope) if z < T::from_f64(0.0) => z * T::from_f64(slope),
            _ => z,
        }
    }

    /// The gradient of what went in, if `d` is that of what came out, `y`.
    #[inline(always)]
    pub(crate) fn gradient<T: WithDType>(self, d: T, y: T) -> T {
        match self {
            Self::Relu(slope) if y <= T::from_f64(0.0) => d * T::from_f64(slope),
            _ => d,
        }
    }
}

/// `rectifier((x - mean) / sqrt(var + eps) * scale + shift)`, where mean and variance are over the features of
/// one sample, and of an image over the channels of one pixel.
///
/// The input is `[agents, batch, features]` or `[agents, batch, channels, height, width]`; scale and shift, if
/// there are any, are learned and `[agents, features]`. This is `torch.nn.LayerNorm` over the features, and
/// `flax.linen.LayerNorm` on images whose channels come last.
#[derive(Clone)]
pub struct LayerNorm(Form);

#[derive(Clone)]
enum Form {
    Learned(FusedLayer<NormKernel>),
    Plain { kernel: NormKernel, composed: bool },
}

impl LayerNorm {
    /// A normalisation with a scale of 1 and a shift of 0 to learn.
    pub fn learned(
        (agents, features): (usize, usize),
        eps: f64,
        rectifier: Rectifier,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let scale = Var::ones((agents, features), dtype, device)?;
        let shift = Var::zeros((agents, features), dtype, device)?;
        let kernel = NormKernel { eps, rectifier };
        Ok(Self(Form::Learned(FusedLayer::new(
            scale,
            Some(shift),
            kernel,
        ))))
    }

    /// A normalisation that learns nothing.
    pub fn plain(eps: f64, rectifier: Rectifier) -> Self {
        Self(Form::Plain {
            kernel: NormKernel { eps, rectifier },
            composed: false,
        })
    }

    /// The same layer by candle's operations, as on a GPU.
    pub fn composed(self) -> Self {
        Self(match self.0 {
            Form::Learned(layer) => Form::Learned(layer.composed()),
            Form::Plain { kernel, .. } => Form::Plain {
                kernel,
                composed: true,
            },
        })
    }

    /// The same layer, which leaves the gradients of its scale and shift in `bypass`.
    pub(super) fn bypassing(self, bypass: &GradientBypass) -> Self {
        Self(match self.0 {
            Form::Learned(layer) => Form::Learned(layer.bypassing(bypass)),
            plain => plain,
        })
    }

    /// The output, of the input's shape, recorded for backward.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit together.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match &self.0 {
            Form::Learned(layer) => layer.forward(x),
            Form::Plain { kernel, composed } if *composed || !x.device().is_cpu() => {
                kernel.by_candle(x, None)
            }
            Form::Plain { kernel, .. } => x.contiguous()?.apply_op1(PlainNorm(*kernel)),
        }
    }

    /// [`forward`](Self::forward) without a backward.
    pub fn infer(&self, x: &Tensor) -> Result<Tensor> {
        match &self.0 {
            Form::Learned(layer) => layer.infer(x),
            Form::Plain { kernel, composed } if *composed || !x.device().is_cpu() => {
                Ok(kernel.by_candle(x, None)?.detach())
            }
            Form::Plain { kernel, .. } => x.contiguous()?.apply_op1_no_bwd(&PlainNorm(*kernel)),
        }
    }

    /// The scale as `{prefix}.weight` and the shift as `{prefix}.bias`, if there are any.
    pub fn parameters(&self, prefix: &str) -> Vec<Parameter> {
        match &self.0 {
            Form::Learned(layer) => layer.parameters(prefix),
            Form::Plain { .. } => Vec::new(),
        }
    }

    /// A layer like this one whose variables are what `map` makes of this one's.
    pub(super) fn map_vars(&self, map: impl Fn(&Var) -> Result<Var>) -> Result<Self> {
        Ok(Self(match &self.0 {
            Form::Learned(layer) => Form::Learned(layer.map_vars(map)?),
            plain => plain.clone(),
        }))
    }
}
