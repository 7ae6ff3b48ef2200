//! The parts that rules share.

use super::{Real, Values};

/// What every optimiser has besides its learning rate: weight decay and a direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base {
    pub weight_decay: f64,
    /// -1 to maximise, 1 to minimise.
    pub sign: f64,
}

impl Base {
    pub fn new(values: &Values) -> Self {
        Self {
            weight_decay: values.number("weight_decay"),
            sign: if values.flag("maximize") { -1.0 } else { 1.0 },
        }
    }
}

/// A step's weight decay: part of the gradient, or a factor of the weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decay {
    /// What multiplies the weight in the gradient.
    pub coupled: f64,
    /// What multiplies the weight itself.
    pub shrink: f64,
}

impl Decay {
    pub fn new(weight_decay: f64, decoupled: bool, lr: f64) -> Self {
        if decoupled {
            Self {
                coupled: 0.0,
                shrink: 1.0 - lr * weight_decay,
            }
        } else {
            Self {
                coupled: weight_decay,
                shrink: 1.0,
            }
        }
    }
}

/// The gradient to descend: turned round by `maximize`, with coupled weight decay.
#[inline(always)]
pub(super) fn descent<R: Real>(sign: R, weight_decay: R, w: R, g: R) -> R {
    sign * g + weight_decay * w
}

/// `a x + b y`, the form of every running average here.
#[inline(always)]
pub(super) fn mix<R: Real>(a: R, x: R, b: R, y: R) -> R {
    a * x + b * y
}

/// `sqrt(v + eps)` or `sqrt(v) + eps`.
#[inline(always)]
pub(super) fn root<const EPS_INSIDE: bool, R: Real>(v: R, eps: R) -> R {
    if EPS_INSIDE {
        (v + eps).sqrt()
    } else {
        v.sqrt() + eps
    }
}

/// How a bias-corrected average of squares is folded into two scalars.
///
/// `x / (sqrt(v / c) + eps)` is `sqrt(c) x / (sqrt(v) + sqrt(c) eps)`, and with eps
/// inside the root `sqrt(c) x / sqrt(v + c eps)`: one division a weight fewer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Correction {
    /// What multiplies the step.
    pub gain: f64,
    /// The eps to use with the uncorrected average.
    pub eps: f64,
}

impl Correction {
    pub fn new(on: bool, decay: f64, t: u64, eps: f64, eps_inside: bool) -> Self {
        let c = if on { 1.0 - power(decay, t) } else { 1.0 };
        let gain = c.sqrt();
        let eps = eps * if eps_inside { c } else { gain };
        Self { gain, eps }
    }
}

/// `base^t`, for any step count.
pub(super) fn power(base: f64, t: u64) -> f64 {
    base.powf(t as f64)
}
