use settings::settings;

use crate::{
    AnyRule, MomentumState, OptimiserSettings, Real, Rule, erase,
    parts::{Descent, LR, WEIGHT_DECAY, mix},
    scalars,
};

settings! {
    /// Gradient descent with momentum, in PyTorch's form and as an average.
    ///
    /// ```text
    /// b <- momentum b + (1 - dampening) g      at the first step b = g
    /// w <- w - lr b
    /// ```
    ///
    /// `averaged` gives the exponentially weighted average of the gradients instead, `V <- momentum V +
    /// (1 - momentum) g` from `V = 0`. At the same lr its steps are `1 - momentum` times as long:
    /// compare the two at `lr` and `lr / (1 - momentum)`.
    pub struct Momentum {
        /// learning rate
        lr: f64 = 1e-3, in LR;
        /// how much of the past a step keeps
        momentum: f64 = 0.9, in 0.0..1.0;
        /// share of each new gradient (after the first) held back
        dampening: f64 = 0.0, in 0.0..=1.0;
        /// V <- momentum V + (1 - momentum) g, from V = 0
        averaged: bool = false;
        /// L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// ascend instead of descend
        maximize: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for Momentum {
    const NAME: &'static str = "momentum";
    const SUMMARY: &'static str = "gradient descent with momentum";
    const FORMULA: &'static str = "b <- momentum b + (1 - dampening) g; w <- w - lr b";
    const SOURCE: &'static str =
        "Polyak 1964; torch.optim.SGD; averaged: exponentially weighted average";
    const VARIANTS: &'static [&'static str] = &[
        "momentum",
        "momentum:dampening=0.3,weight_decay=0.01",
        "momentum:maximize=true",
        "momentum:averaged=true",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        if self.averaged && self.dampening != 0.0 {
            return Err("averaged fixes the dampening; leave dampening at 0".into());
        }
        if self.momentum == 0.0 && self.dampening != 0.0 {
            return Err("at momentum 0, PyTorch's SGD ignores dampening, and this formula would scale every step after the first by 1 - dampening; leave dampening at 0".into());
        }
        Ok(erase(MomentumRule {
            descent: Descent::new(self.maximize, self.weight_decay),
            momentum: self.momentum,
            dampening: self.dampening,
            averaged: self.averaged,
        }))
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("b", self.momentum)
    }
}

pub(super) struct MomentumRule {
    pub descent: Descent<f64>,
    pub momentum: f64,
    pub dampening: f64,
    pub averaged: bool,
}

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars { descent: Descent, lr, momentum, gain }
}

impl Rule<1> for MomentumRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 1] = ["b"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let gain = match (self.averaged, t) {
            (true, _) => 1.0 - self.momentum,
            (false, 1) => 1.0,
            (false, _) => 1.0 - self.dampening,
        };
        Scalars {
            descent: self.descent,
            lr,
            momentum: self.momentum,
            gain,
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [b]: [R; 1]) -> (R, [R; 1]) {
        let b = mix(k.momentum, b, k.gain, k.descent.direction(w, g));
        (w - k.lr * b, [b])
    }
}
