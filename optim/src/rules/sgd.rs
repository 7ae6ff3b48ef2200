use settings::settings;

use super::{momentum::MomentumRule, nag::NagRule};
use crate::{
    AnyRule, MomentumState, OptimiserSettings, Real, Rule, erase,
    parts::{Descent, LR, WEIGHT_DECAY},
    scalars,
};

settings! {
    /// Gradient descent.
    ///
    /// ```text
    /// w <- w - lr g
    /// ```
    ///
    /// `sgd` takes all arguments of PyTorch's `SGD`: with `momentum` it is
    /// [`Momentum`](crate::Momentum), with `nesterov` [`Nag`](crate::Nag).
    pub struct Sgd {
        /// learning rate
        lr: f64 = 1e-3, in LR;
        /// as in `momentum`
        momentum: f64 = 0.0, in 0.0..1.0;
        /// share of each new gradient (after the first) held back
        dampening: f64 = 0.0, in 0.0..=1.0;
        /// as in `nag`
        nesterov: bool = false;
        /// L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// ascend instead of descend
        maximize: bool = false;
    }
}

impl OptimiserSettings for Sgd {
    const NAME: &'static str = "sgd";
    const SUMMARY: &'static str = "gradient descent, PyTorch's SGD with all its arguments";
    const FORMULA: &'static str = "w <- w - lr g";
    const SOURCE: &'static str = "Robbins & Monro 1951; torch.optim.SGD";
    const VARIANTS: &'static [&'static str] = &[
        "sgd",
        "sgd:weight_decay=0.01",
        "sgd:maximize=true",
        "sgd:momentum=0.9,dampening=0.5,weight_decay=0.01",
        "sgd:momentum=0.9,nesterov=true,maximize=true",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        let (momentum, dampening) = (self.momentum, self.dampening);
        let descent = Descent::new(self.maximize, self.weight_decay);
        if self.nesterov {
            if momentum == 0.0 || dampening != 0.0 {
                return Err("nesterov needs momentum > 0 and dampening = 0".into());
            }
            return Ok(erase(NagRule { descent, momentum }));
        }
        // As in PyTorch, dampening has no effect without momentum.
        if momentum == 0.0 {
            return Ok(erase(SgdRule { descent }));
        }
        Ok(erase(MomentumRule {
            descent,
            momentum,
            dampening,
            averaged: false,
        }))
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("b", self.momentum)
    }
}

struct SgdRule {
    descent: Descent<f64>,
}

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars { descent: Descent, lr }
}

impl Rule<0> for SgdRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 0] = [];

    fn scalars(&self, _t: u64, lr: f64) -> Scalars<f64> {
        Scalars {
            descent: self.descent,
            lr,
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, []: [R; 0]) -> (R, [R; 0]) {
        (w - k.lr * k.descent.direction(w, g), [])
    }
}
