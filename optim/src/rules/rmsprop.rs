use settings::{Interval, settings};

use crate::{
    AnyRule, MomentumState, OptimiserSettings, Real, Rule, erase,
    parts::{Correction, Descent, EPS, LR, WEIGHT_DECAY, mix, root},
    scalars,
};

settings! {
    /// RMSprop: each weight's step divided by a running root mean square of its gradient.
    ///
    /// ```text
    /// v <- decay v + (1 - decay) g^2            from v0
    /// w <- w - lr g / (sqrt(v) + eps)
    /// ```
    ///
    /// Libraries disagree on the rest, so each convention is a field:
    /// - `eps_inside`: `sqrt(v + eps)` (TensorFlow 1, optax, the Nature DQN) instead of PyTorch's `sqrt(v) + eps`.
    /// - `centered`: uses `v - a^2` for `v`, where `a <- decay a + (1 - decay) g`. It is clamped at 0,
    ///   because rounding can push it below.
    /// - `momentum`: `b <- momentum b + g / root`, `w <- w - lr b`. The Nature DQN has none: its two
    ///   0.95s are the decays of `v` and `a`.
    /// - `v0`: 0 in PyTorch, 1 in TensorFlow 1.
    /// - `bias_correction`: uses `v / (1 - decay^t)` for `v`. With this it is exactly Adam at `beta1 =
    ///   0`.
    pub struct RmsProp {
        /// learning rate
        lr: f64 = 1e-2, in LR;
        /// decay of the average of squares
        decay: f64 = 0.99, in 0.0..1.0;
        /// added to the root
        eps: f64 = 1e-8, in EPS;
        /// sqrt(v + eps) instead of sqrt(v) + eps
        eps_inside: bool = false;
        /// subtract the squared average gradient from v
        centered: bool = false;
        /// how much of the past a step keeps
        momentum: f64 = 0.0, in 0.0..1.0;
        /// initial value of v
        v0: f64 = 0.0, in Interval::at_least(0.0);
        /// divide v by 1 - decay^t
        bias_correction: bool = false;
        /// L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// ascend instead of descend
        maximize: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for RmsProp {
    const NAME: &'static str = "rmsprop";
    const SUMMARY: &'static str = "steps divided by a running root mean square of the gradient";
    const FORMULA: &'static str = "v <- decay v + (1 - decay) g^2; w <- w - lr g / (sqrt(v) + eps)";
    const SOURCE: &'static str =
        "Tieleman & Hinton 2012, lecture 6.5; torch.optim.RMSprop; optax.rmsprop";
    const VARIANTS: &'static [&'static str] = &[
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
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        if self.bias_correction {
            if self.v0 != 0.0 {
                return Err("bias_correction assumes that v starts at 0; leave v0 at 0".into());
            }
            if self.centered {
                return Err("bias_correction and centered together make the variance of the first step 0, and the step lr g / eps; choose one".into());
            }
            Correction::check(self.decay, self.eps, self.eps_inside)?;
        }
        let settings = self.clone();
        Ok(
            match (self.eps_inside, self.centered, self.momentum != 0.0) {
                (false, false, false) => erase(Plain::<false>(settings)),
                (false, false, true) => erase(WithMomentum::<false>(settings)),
                (false, true, false) => erase(Centered::<false>(settings)),
                (false, true, true) => erase(CenteredMomentum::<false>(settings)),
                (true, false, false) => erase(Plain::<true>(settings)),
                (true, false, true) => erase(WithMomentum::<true>(settings)),
                (true, true, false) => erase(Centered::<true>(settings)),
                (true, true, true) => erase(CenteredMomentum::<true>(settings)),
            },
        )
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("b", self.momentum)
    }
}

scalars! {
    /// The scalars of all four forms. Without momentum, the step contains the gain.
    pub(crate) struct Scalars {
        descent: Descent, decay, one_minus_decay, eps, step, momentum, gain
    }
}

impl RmsProp {
    fn scalars(&self, t: u64, lr: f64, gain_in_step: bool) -> Scalars<f64> {
        let Correction { gain, eps } = Correction::new(
            self.bias_correction,
            self.decay,
            t,
            self.eps,
            self.eps_inside,
        );
        let (step, gain) = match gain_in_step {
            true => (lr * gain, 1.0),
            false => (lr, gain),
        };
        Scalars {
            descent: Descent::new(self.maximize, self.weight_decay),
            decay: self.decay,
            one_minus_decay: 1.0 - self.decay,
            eps,
            step,
            momentum: self.momentum,
            gain,
        }
    }
}

impl<R: Real> Scalars<R> {
    /// The running average `old`, updated with `new`.
    #[inline(always)]
    fn average(self, old: R, new: R) -> R {
        mix(self.decay, old, self.one_minus_decay, new)
    }
}

/// `v - a^2`, which rounding can push below 0.
#[inline(always)]
fn variance<R: Real>(v: R, a: R) -> R {
    (v - a * a).max(R::constant(0.0))
}

struct Plain<const EPS_INSIDE: bool>(RmsProp);

impl<const EPS_INSIDE: bool> Rule<1> for Plain<EPS_INSIDE> {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 1] = ["v"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        self.0.scalars(t, lr, true)
    }

    fn initial(&self) -> [f64; 1] {
        [self.0.v0]
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [v]: [R; 1]) -> (R, [R; 1]) {
        let g = k.descent.direction(w, g);
        let v = k.average(v, g * g);
        (w - k.step * (g / root::<EPS_INSIDE, R>(v, k.eps)), [v])
    }
}

struct WithMomentum<const EPS_INSIDE: bool>(RmsProp);

impl<const EPS_INSIDE: bool> Rule<2> for WithMomentum<EPS_INSIDE> {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 2] = ["v", "b"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        self.0.scalars(t, lr, false)
    }

    fn initial(&self) -> [f64; 2] {
        [self.0.v0, 0.0]
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [v, b]: [R; 2]) -> (R, [R; 2]) {
        let g = k.descent.direction(w, g);
        let v = k.average(v, g * g);
        let b = mix(k.momentum, b, k.gain, g / root::<EPS_INSIDE, R>(v, k.eps));
        (w - k.step * b, [v, b])
    }
}

struct Centered<const EPS_INSIDE: bool>(RmsProp);

impl<const EPS_INSIDE: bool> Rule<2> for Centered<EPS_INSIDE> {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 2] = ["v", "a"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        self.0.scalars(t, lr, true)
    }

    fn initial(&self) -> [f64; 2] {
        [self.0.v0, 0.0]
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [v, a]: [R; 2]) -> (R, [R; 2]) {
        let g = k.descent.direction(w, g);
        let v = k.average(v, g * g);
        let a = k.average(a, g);
        let root = root::<EPS_INSIDE, R>(variance(v, a), k.eps);
        (w - k.step * (g / root), [v, a])
    }
}

struct CenteredMomentum<const EPS_INSIDE: bool>(RmsProp);

impl<const EPS_INSIDE: bool> Rule<3> for CenteredMomentum<EPS_INSIDE> {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 3] = ["v", "a", "b"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        self.0.scalars(t, lr, false)
    }

    fn initial(&self) -> [f64; 3] {
        [self.0.v0, 0.0, 0.0]
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [v, a, b]: [R; 3]) -> (R, [R; 3]) {
        let g = k.descent.direction(w, g);
        let v = k.average(v, g * g);
        let a = k.average(a, g);
        let root = root::<EPS_INSIDE, R>(variance(v, a), k.eps);
        let b = mix(k.momentum, b, k.gain, g / root);
        (w - k.step * b, [v, a, b])
    }
}
