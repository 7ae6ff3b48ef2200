use settings::settings;

use crate::{
    AnyRule, MomentumState, OptimiserSettings, Real, Rule, erase,
    parts::{Descent, LR, WEIGHT_DECAY, mix},
    scalars,
};

settings! {
    /// Nesterov's accelerated gradient, in PyTorch's form and with the look-ahead gradient.
    ///
    /// ```text
    /// b <- momentum b + g
    /// w <- w - lr (g + momentum b)
    /// ```
    ///
    /// `lookahead` is the form that takes the gradient ahead of the weights:
    ///
    /// ```text
    /// V <- momentum V + lr grad(W - momentum V)
    /// W <- W - V
    /// ```
    ///
    /// The parameters hold the point `w = W - momentum V` where the gradient is taken, so that one
    /// gradient per step is enough. Exact substitution gives
    ///
    /// ```text
    /// V' = momentum V + lr g(w)
    /// w' = w + momentum V - (1 + momentum) V'
    /// ```
    ///
    /// and `W = w + momentum V` recovers the other sequence (Bengio et al. 2013, "Advances in
    /// optimizing recurrent networks", section 3.5). At a constant lr it is PyTorch's form with `V = lr
    /// b`. When lr changes they differ, because here the velocity keeps the lr that each gradient came
    /// with.
    pub struct Nag {
        /// learning rate
        lr: f64 = 1e-3, in LR;
        /// how much of the past a step keeps
        momentum: f64 = 0.9, in 0.0..1.0;
        /// V <- momentum V + lr grad(W - momentum V); W <- W - V
        lookahead: bool = false;
        /// L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// ascend instead of descend
        maximize: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for Nag {
    const NAME: &'static str = "nag";
    const SUMMARY: &'static str = "Nesterov's accelerated gradient";
    const FORMULA: &'static str = "b <- momentum b + g; w <- w - lr (g + momentum b)";
    const SOURCE: &'static str =
        "Nesterov 1983; torch.optim.SGD(nesterov=True); lookahead: Bengio et al. 2013, sec. 3.5";
    const VARIANTS: &'static [&'static str] = &[
        "nag",
        "nag:momentum=0.8,weight_decay=0.01,maximize=true",
        "nag:lookahead=true",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        let descent = Descent::new(self.maximize, self.weight_decay);
        let momentum = self.momentum;
        Ok(match self.lookahead {
            true => erase(LookAhead { descent, momentum }),
            false => erase(NagRule { descent, momentum }),
        })
    }

    fn momentum(&self) -> Option<MomentumState> {
        let state = if self.lookahead { "velocity" } else { "b" };
        MomentumState::new(state, self.momentum)
    }
}

pub(super) struct NagRule {
    pub descent: Descent<f64>,
    pub momentum: f64,
}

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars { descent: Descent, lr, momentum }
}

impl Rule<1> for NagRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 1] = ["b"];

    fn scalars(&self, _t: u64, lr: f64) -> Scalars<f64> {
        Scalars {
            descent: self.descent,
            lr,
            momentum: self.momentum,
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [b]: [R; 1]) -> (R, [R; 1]) {
        let g = k.descent.direction(w, g);
        let b = k.momentum * b + g;
        (w - k.lr * (g + k.momentum * b), [b])
    }
}

struct LookAhead {
    descent: Descent<f64>,
    momentum: f64,
}

scalars! {
    /// A look-ahead step's numbers.
    pub(crate) struct LookAheadScalars { descent: Descent, lr, momentum, one_plus_momentum }
}

impl Rule<1> for LookAhead {
    type Scalars<T: Copy> = LookAheadScalars<T>;
    const STATES: [&'static str; 1] = ["velocity"];

    fn scalars(&self, _t: u64, lr: f64) -> LookAheadScalars<f64> {
        LookAheadScalars {
            descent: self.descent,
            lr,
            momentum: self.momentum,
            one_plus_momentum: 1.0 + self.momentum,
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: LookAheadScalars<R>, w: R, g: R, [velocity]: [R; 1]) -> (R, [R; 1]) {
        let ahead = k.momentum * velocity;
        let velocity = mix(k.momentum, velocity, k.lr, k.descent.direction(w, g));
        (w + ahead - k.one_plus_momentum * velocity, [velocity])
    }
}
