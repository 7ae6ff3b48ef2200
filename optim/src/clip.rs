//! Gradient clipping, on the way into the rule.

use std::fmt;

use crate::{Error, Real, Result};

/// What happens to a gradient before the rule sees it: `g scale`, then no further from 0 than `bound`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clip {
    /// What the gradient is multiplied by.
    pub scale: f64,
    /// The largest size an element may have.
    pub bound: f64,
}

impl Clip {
    /// Leaves the gradient as it is.
    pub const NONE: Self = Self {
        scale: 1.0,
        bound: f64::INFINITY,
    };
}

/// How long a gradient may be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Clipping {
    /// As long as it is.
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

    /// What to do to a gradient of norm `norm`, which only [`Clipping::Norm`] needs.
    pub(crate) fn of(self, norm: f64) -> Clip {
        match self {
            Clipping::Off => Clip::NONE,
            Clipping::Norm(most) => Clip {
                // Not `min`: a norm that is no number makes every gradient so, as in PyTorch.
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

/// `g` as `[scale, bound]` leave it; a NaN stays one.
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
