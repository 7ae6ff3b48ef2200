//! RMSprop: each weight's step divided by a running root mean square of its gradient.
//!
//! ```text
//! v <- decay v + (1 - decay) g^2            from v0
//! w <- w - lr g / (sqrt(v) + eps)
//! ```
//!
//! Libraries disagree on the rest, so each convention is a field:
//! - `eps_inside`: `sqrt(v + eps)` (TensorFlow 1, optax, the Nature DQN) instead of PyTorch's `sqrt(v) + eps`.
//! - `centered`: `v - a^2` for `v`, where `a <- decay a + (1 - decay) g`; clamped at 0,
//!   below which rounding can push it.
//! - `momentum`: `b <- momentum b + g / root`, `w <- w - lr b`. The Nature DQN has none: its two
//!   0.95s are the decays of `v` and `a`.
//! - `v0`: 0 in PyTorch, 1 in TensorFlow 1.
//! - `bias_correction`: `v / (1 - decay^t)` for `v`. With this it is Adam at `beta1 = 0`, exactly.

use super::{
    AnyRule, Entry, Real, Rule, Values,
    params::{COUPLED_DECAY, Domain, EPS_INSIDE, MAXIMIZE, Param, RESET_MOMENTS},
    parts::{Base, Correction, descent, mix, root},
    rule::erase,
};

pub(super) const ENTRY: Entry = Entry {
    name: "rmsprop",
    summary: "steps divided by a running root mean square of the gradient",
    formula: "v <- decay v + (1 - decay) g^2; w <- w - lr g / (sqrt(v) + eps)",
    source: "Tieleman & Hinton 2012, lecture 6.5; torch.optim.RMSprop; optax.rmsprop",
    params: &[
        Param::lr(1e-2),
        Param::number("decay", 0.99, Domain::Fraction, "of the average of squares"),
        Param::number("eps", 1e-8, Domain::NonNegative, "added to the root"),
        EPS_INSIDE,
        Param::flag("centered", "subtract the squared average gradient from v"),
        Param::number(
            "momentum",
            0.0,
            Domain::Fraction,
            "how much of the past a step keeps",
        ),
        Param::number("v0", 0.0, Domain::NonNegative, "where v starts"),
        Param::flag("bias_correction", "divide v by 1 - decay^t"),
        COUPLED_DECAY,
        MAXIMIZE,
        RESET_MOMENTS,
    ],
    momentum: Some("momentum"),
    build,
    variants: &[
        "rmsprop",
        "rmsprop:decay=0.9,weight_decay=0.01,maximize=true",
        "rmsprop:momentum=0.9",
        "rmsprop:centered=true,decay=0.95,eps=0.01",
        "rmsprop:centered=true,momentum=0.9,weight_decay=0.01",
        "rmsprop:eps_inside=true,decay=0.9",
        "rmsprop:eps_inside=true,decay=0.9,v0=1,momentum=0.9",
        "rmsprop:eps_inside=true,centered=true,decay=0.95,eps=0.01",
        "rmsprop:eps_inside=true,centered=true,decay=0.9,v0=1,momentum=0.9",
        "rmsprop:bias_correction=true,decay=0.999",
        "rmsprop:bias_correction=true,eps_inside=true,decay=0.9,eps=0.001",
        "rmsprop:bias_correction=true,momentum=0.9,decay=0.9,eps=0.001",
    ],
};

fn build(values: &Values) -> Result<Box<dyn AnyRule>, String> {
    let settings = Settings {
        base: Base::new(values),
        decay: values.number("decay"),
        eps: values.number("eps"),
        eps_inside: values.flag("eps_inside"),
        momentum: values.number("momentum"),
        v0: values.number("v0"),
        bias_correction: values.flag("bias_correction"),
    };
    if settings.bias_correction && settings.v0 != 0.0 {
        return Err("bias_correction assumes that v starts at 0; leave v0 at 0".into());
    }
    let (centered, momentum) = (values.flag("centered"), settings.momentum != 0.0);
    if settings.bias_correction && centered {
        return Err("bias_correction and centered together make the variance of the first step 0, and the step lr g / eps; choose one".into());
    }
    Ok(match (settings.eps_inside, centered, momentum) {
        (false, false, false) => erase(Plain::<false>(settings)),
        (false, false, true) => erase(WithMomentum::<false>(settings)),
        (false, true, false) => erase(Centered::<false>(settings)),
        (false, true, true) => erase(CenteredMomentum::<false>(settings)),
        (true, false, false) => erase(Plain::<true>(settings)),
        (true, false, true) => erase(WithMomentum::<true>(settings)),
        (true, true, false) => erase(Centered::<true>(settings)),
        (true, true, true) => erase(CenteredMomentum::<true>(settings)),
    })
}

struct Settings {
    base: Base,
    decay: f64,
    eps: f64,
    eps_inside: bool,
    momentum: f64,
    v0: f64,
    bias_correction: bool,
}

/// The scalars of all four forms: a form without momentum folds the gain into the step.
const SCALARS: [&str; 8] = [
    "sign",
    "weight_decay",
    "decay",
    "1 - decay",
    "eps",
    "step",
    "momentum",
    "gain",
];

impl Settings {
    fn scalars(&self, t: u64, lr: f64, folded: bool) -> [f64; 8] {
        let Base { weight_decay, sign } = self.base;
        let Correction { gain, eps } = Correction::new(
            self.bias_correction,
            self.decay,
            t,
            self.eps,
            self.eps_inside,
        );
        let (step, gain) = if folded { (lr * gain, 1.0) } else { (lr, gain) };
        [
            sign,
            weight_decay,
            self.decay,
            1.0 - self.decay,
            eps,
            step,
            self.momentum,
            gain,
        ]
    }
}

/// `v - a^2`, which rounding can push below 0.
#[inline(always)]
fn variance<R: Real>(v: R, a: R) -> R {
    (v - a * a).max(R::constant(0.0))
}

struct Plain<const EPS_INSIDE: bool>(Settings);

impl<const EPS_INSIDE: bool> Rule<8, 1> for Plain<EPS_INSIDE> {
    const SCALARS: [&'static str; 8] = SCALARS;
    const STATES: [&'static str; 1] = ["v"];

    fn scalars(&self, t: u64, lr: f64) -> [f64; 8] {
        self.0.scalars(t, lr, true)
    }

    fn initial(&self) -> [f64; 1] {
        [self.0.v0]
    }

    #[inline(always)]
    fn update<R: Real>(
        [sign, weight_decay, decay, fresh, eps, step, _, _]: [R; 8],
        w: R,
        g: R,
        [v]: [R; 1],
    ) -> (R, [R; 1]) {
        let g = descent(sign, weight_decay, w, g);
        let v = mix(decay, v, fresh, g * g);
        (w - step * (g / root::<EPS_INSIDE, R>(v, eps)), [v])
    }
}

struct WithMomentum<const EPS_INSIDE: bool>(Settings);

impl<const EPS_INSIDE: bool> Rule<8, 2> for WithMomentum<EPS_INSIDE> {
    const SCALARS: [&'static str; 8] = SCALARS;
    const STATES: [&'static str; 2] = ["v", "b"];

    fn scalars(&self, t: u64, lr: f64) -> [f64; 8] {
        self.0.scalars(t, lr, false)
    }

    fn initial(&self) -> [f64; 2] {
        [self.0.v0, 0.0]
    }

    #[inline(always)]
    fn update<R: Real>(
        [sign, weight_decay, decay, fresh, eps, step, momentum, gain]: [R; 8],
        w: R,
        g: R,
        [v, b]: [R; 2],
    ) -> (R, [R; 2]) {
        let g = descent(sign, weight_decay, w, g);
        let v = mix(decay, v, fresh, g * g);
        let b = mix(momentum, b, gain, g / root::<EPS_INSIDE, R>(v, eps));
        (w - step * b, [v, b])
    }
}

struct Centered<const EPS_INSIDE: bool>(Settings);

impl<const EPS_INSIDE: bool> Rule<8, 2> for Centered<EPS_INSIDE> {
    const SCALARS: [&'static str; 8] = SCALARS;
    const STATES: [&'static str; 2] = ["v", "a"];

    fn scalars(&self, t: u64, lr: f64) -> [f64; 8] {
        self.0.scalars(t, lr, true)
    }

    fn initial(&self) -> [f64; 2] {
        [self.0.v0, 0.0]
    }

    #[inline(always)]
    fn update<R: Real>(
        [sign, weight_decay, decay, fresh, eps, step, _, _]: [R; 8],
        w: R,
        g: R,
        [v, a]: [R; 2],
    ) -> (R, [R; 2]) {
        let g = descent(sign, weight_decay, w, g);
        let v = mix(decay, v, fresh, g * g);
        let a = mix(decay, a, fresh, g);
        let root = root::<EPS_INSIDE, R>(variance(v, a), eps);
        (w - step * (g / root), [v, a])
    }
}

struct CenteredMomentum<const EPS_INSIDE: bool>(Settings);

impl<const EPS_INSIDE: bool> Rule<8, 3> for CenteredMomentum<EPS_INSIDE> {
    const SCALARS: [&'static str; 8] = SCALARS;
    const STATES: [&'static str; 3] = ["v", "a", "b"];

    fn scalars(&self, t: u64, lr: f64) -> [f64; 8] {
        self.0.scalars(t, lr, false)
    }

    fn initial(&self) -> [f64; 3] {
        [self.0.v0, 0.0, 0.0]
    }

    #[inline(always)]
    fn update<R: Real>(
        [sign, weight_decay, decay, fresh, eps, step, momentum, gain]: [R; 8],
        w: R,
        g: R,
        [v, a, b]: [R; 3],
    ) -> (R, [R; 3]) {
        let g = descent(sign, weight_decay, w, g);
        let v = mix(decay, v, fresh, g * g);
        let a = mix(decay, a, fresh, g);
        let root = root::<EPS_INSIDE, R>(variance(v, a), eps);
        let b = mix(momentum, b, gain, g / root);
        (w - step * b, [v, a, b])
    }
}
