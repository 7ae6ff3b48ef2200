//! Gradient clipping, before the rule sees the gradient.

use std::fmt;

use crate::{Error, Real, Result};

/// What happens to a gradient before the rule sees it: it is multiplied by `scale`, then cut to at most
/// `bound` in absolute value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clip {
    /// The factor of the gradient.
    pub scale: f64,
    /// The largest absolute value of an element.
    pub bound: f64,
}

impl Clip {
    /// Leaves the gradient as it is.
    pub const NONE: Self = Self {
        scale: 1.0,
        bound: f64::INFINITY,
    };
}

/// How gradients are clipped.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Clipping {
    /// Not at all.
    #[default]
    Off,
    /// Scaled down to this norm over all of an agent's parameters (PyTorch's `clip_grad_norm_`).
    Norm(f64),
    /// Each element cut to this size (PyTorch's `clip_grad_value_`).
    Value(f64),
}

impl Clipping {
    /// An error unless the norm or the value is above 0 and finite.
    pub(crate) fn check(self) -> Result<()> {
        match self {
            Clipping::Norm(most) | Clipping::Value(most) if !(most > 0.0 && most.is_finite()) => {
                Err(Error::usage(format!(
                    "clipping to {self} is not allowed; allowed: a finite number > 0"
                )))
            }
            _ => Ok(()),
        }
    }

    /// The clip for a gradient of norm `norm`, which only [`Clipping::Norm`] needs.
    pub(crate) fn of(self, norm: f64) -> Clip {
        match self {
            Clipping::Off => Clip::NONE,
            Clipping::Norm(most) => Clip {
                // Not `min`: a norm that is NaN makes every gradient NaN, as in PyTorch.
                scale: match most / (norm + 1e-6) {
                    scale if scale > 1.0 => 1.0,
                    scale => scale,
                },
                ..Clip::NONE
            },
            Clipping::Value(bound) => Clip {
                bound,
                ..Clip::NONE
            },
        }
    }
}

/// `g` after `[scale, bound]`; a NaN stays a NaN.
#[inline(always)]
pub(crate) fn clipped<R: Real>([scale, bound]: [R; 2], g: R) -> R {
    let at_least = (scale * g).max(-bound);
    -(-at_least).max(-bound)
}

impl fmt::Display for Clipping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Clipping::Off => f.write_str("off"),
            Clipping::Norm(most) => write!(f, "norm {most}"),
            Clipping::Value(most) => write!(f, "value {most}"),
        }
    }
}
