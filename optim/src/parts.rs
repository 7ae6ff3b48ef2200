//! Parts that rules share; your own rules may use them too.

use settings::Interval;

use crate::{Element, Real, scalars};

/// The allowed values of an lr.
pub const LR: Interval = Interval::at_least(0.0);
/// The allowed values of a weight decay.
pub const WEIGHT_DECAY: Interval = Interval::at_least(0.0);
/// The allowed values of an eps in a denominator. If eps rounded to 0 in f32, the step for a gradient
/// of exactly 0 would be 0/0. The bound leaves room for the factor of a bias correction.
pub const EPS: Interval = Interval::at_least(1e-37);

scalars! {
    /// How a gradient is turned into the direction to descend.
    pub struct Descent { sign, weight_decay }
}

impl Descent<f64> {
    /// Ascends if `maximize`; `weight_decay` is an L2 penalty.
    pub fn new(maximize: bool, weight_decay: f64) -> Self {
        let sign = if maximize { -1.0 } else { 1.0 };
        Self { sign, weight_decay }
    }
}

impl<R: Real> Descent<R> {
    /// `sign g + weight_decay w`.
    #[inline(always)]
    pub fn direction(self, w: R, g: R) -> R {
        self.sign * g + self.weight_decay * w
    }
}

/// The factor by which a step multiplies the weights: `1 - lr weight_decay`.
pub fn shrink(lr: f64, weight_decay: f64) -> f64 {
    1.0 - lr * weight_decay
}

/// `a x + b y`, the form of every running average here.
#[inline(always)]
pub fn mix<R: Real>(a: R, x: R, b: R, y: R) -> R {
    a * x + b * y
}

/// `sqrt(v + eps)` or `sqrt(v) + eps`.
#[inline(always)]
pub fn root<const EPS_INSIDE: bool, R: Real>(v: R, eps: R) -> R {
    if EPS_INSIDE {
        (v + eps).sqrt()
    } else {
        v.sqrt() + eps
    }
}

scalars! {
    /// What Adam and its relatives do before they step: weight decay, direction and the two averages.
    pub struct AdamMoments {
        descent: Descent, shrink, beta1, one_minus_beta1, beta2, one_minus_beta2
    }
}

impl AdamMoments<f64> {
    /// The scalars of a step at `lr`; weight decay is an L2 penalty, or shrinks the weights directly if
    /// `decoupled`.
    pub fn new(
        [beta1, beta2]: [f64; 2],
        maximize: bool,
        (weight_decay, decoupled): (f64, bool),
        lr: f64,
    ) -> Self {
        let (penalty, shrink) = match decoupled {
            true => (0.0, shrink(lr, weight_decay)),
            false => (weight_decay, 1.0),
        };
        Self {
            descent: Descent::new(maximize, penalty),
            shrink,
            beta1,
            one_minus_beta1: 1.0 - beta1,
            beta2,
            one_minus_beta2: 1.0 - beta2,
        }
    }
}

impl<R: Real> AdamMoments<R> {
    /// The direction to descend, and the averages of it and of its square.
    #[inline(always)]
    pub fn next(self, w: R, g: R, m: R, v: R) -> (R, R, R) {
        let g = self.descent.direction(w, g);
        let m = mix(self.beta1, m, self.one_minus_beta1, g);
        let v = mix(self.beta2, v, self.one_minus_beta2, g * g);
        (g, m, v)
    }
}

/// How a bias-corrected average of squares is folded into two scalars.
///
/// `x / (sqrt(v / c) + eps)` is `sqrt(c) x / (sqrt(v) + sqrt(c) eps)`, and with eps inside the root
/// `sqrt(c) x / sqrt(v + c eps)`. This saves one division per weight.
#[derive(Clone, Copy, Debug)]
pub struct Correction {
    /// The factor of the step.
    pub gain: f64,
    /// The eps to use with the uncorrected average.
    pub eps: f64,
}

impl Correction {
    /// The correction of step `t`; none unless `on`.
    pub fn new(on: bool, decay: f64, t: u64, eps: f64, eps_inside: bool) -> Self {
        let c = if on { 1.0 - power(decay, t) } else { 1.0 };
        let gain = c.sqrt();
        let eps = eps * if eps_inside { c } else { gain };
        Self { gain, eps }
    }

    /// An error if eps is 0 in f32 at the first step: the step for a gradient of exactly 0 would be
    /// 0/0.
    pub fn check(decay: f64, eps: f64, eps_inside: bool) -> Result<(), String> {
        match Self::new(true, decay, 1, eps, eps_inside).eps as f32 > 0.0 {
            true => Ok(()),
            false => Err(format!(
                "eps = {eps:e} is 0 in f32 once the first step's bias correction has scaled it, and a gradient of 0 would give 0/0; choose a larger eps"
            )),
        }
    }
}

/// `base^t`, for any number of steps.
pub fn power(base: f64, t: u64) -> f64 {
    base.powf(t as f64)
}

/// Sums are added up in so many parts, which vector instructions do side by side.
const LANES: usize = 8;

/// The sum of squares, in f64 and in a fixed order.
#[inline(always)]
pub fn sum_of_squares<R: Element>(numbers: &[R]) -> f64 {
    sum_of(numbers, |x| x * x)
}

/// The sum of `term` of each number, in f64 and in a fixed order.
#[inline(always)]
pub fn sum_of<R: Element>(numbers: &[R], term: impl Fn(f64) -> f64) -> f64 {
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += term(x.as_f64());
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += term(x.as_f64());
    }
    lanes.iter().sum()
}

/// The sum of so many terms, in f64 and in a fixed order that allows for vector instructions.
#[inline(always)]
pub fn sum_of_terms(count: usize, term: impl Fn(usize) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let whole = count / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        for (i, lane) in lanes.iter_mut().enumerate() {
            *lane += term(start + i);
        }
    }
    for (lane, i) in lanes.iter_mut().zip(whole..count) {
        *lane += term(i);
    }
    lanes.iter().sum()
}
