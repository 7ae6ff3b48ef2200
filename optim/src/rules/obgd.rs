use settings::{Interval, settings};

use crate::{AnyRule, OptimiserSettings, Real, Rule, StepBound, erase, parts::LR, scalars};

settings! {
    /// ObGD, overshooting-bounded gradient descent: gradient descent whose lr is lowered where the step could
    /// overshoot.
    ///
    /// ```text
    /// w <- w - lr / max(1, lr kappa size) g
    /// ```
    ///
    /// `size` is the L1 norm of `g` over all weights of an agent. For learning with eligibility traces `e` and the
    /// TD error `d`, `g` is `-d e`, and the paper's `size` is `max(|d|, 1)` times the L1 norm of `e`: what calls
    /// [`SliceOptimiser::step`](crate::SliceOptimiser::step) gives it.
    pub struct ObGd {
        /// learning rate, as long as nothing overshoots
        lr: f64 = 1.0, in LR;
        /// how far from overshooting a step stays; 1 is just short of it
        kappa: f64 = 2.0, in Interval::at_least(0.0);
        /// ascend instead of descend
        maximize: bool = false;
    }
}

impl OptimiserSettings for ObGd {
    const NAME: &'static str = "obgd";
    const SUMMARY: &'static str =
        "gradient descent whose lr is lowered where a step could overshoot";
    const FORMULA: &'static str = "w <- w - lr / max(1, lr kappa sum |g|) g";
    const SOURCE: &'static str =
        "Elsayed, Vasan & Mahmood 2024, sec. 3.3 (overshooting-bounded gradient descent)";
    const VARIANTS: &'static [&'static str] = &["obgd", "obgd:kappa=0.5,maximize=true"];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Ok(erase(ObGdRule(self.clone())))
    }

    fn bound(&self) -> Option<StepBound> {
        Some(StepBound { kappa: self.kappa })
    }
}

struct ObGdRule(ObGd);

scalars! {
    /// A step's number: the bounded lr, negative to ascend.
    pub(crate) struct Scalars { step }
}

impl Rule<0> for ObGdRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 0] = [];

    fn scalars(&self, _t: u64, lr: f64) -> Scalars<f64> {
        let step = if self.0.maximize { -lr } else { lr };
        Scalars { step }
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, []: [R; 0]) -> (R, [R; 0]) {
        (w - k.step * g, [])
    }
}
