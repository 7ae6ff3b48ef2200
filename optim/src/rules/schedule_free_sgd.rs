use settings::{Interval, settings};

use super::average::Shares;
use crate::{
    AnyRule, EvaluationWeights, OptimiserSettings, Real, Rule, erase,
    parts::{Descent, LR, WEIGHT_DECAY},
    scalars,
};

settings! {
    /// Schedule-free SGD: gradients are taken between where gradient descent is (`z`) and the average of where it
    /// has been (`x`), and `x` is what is evaluated.
    ///
    /// ```text
    /// w = (1 - momentum) z + momentum x
    /// z <- z - lr g
    /// x <- (1 - c) x + c z,   c = 1 / t
    /// ```
    ///
    /// What is stored is `u = z - w`: `u <- (1 - c) (u - lr momentum g)` and
    /// `x = w - (1 / momentum - 1) u`, which [`Optimiser::evaluation_weights`](crate::Optimiser::evaluation_weights)
    /// gives.
    ///
    /// - `warmup_steps`: the lr grows in proportion to `t` for so many steps. A schedule is of no use here, as the name
    ///   says; one that warms up does not lower the first steps' share in the average, and `warmup_steps` does.
    /// - `r`, `weight_lr_power`: step `t` has the weight `t^r (its lr)^weight_lr_power` in the average.
    pub struct ScheduleFreeSgd {
        /// learning rate
        lr: f64 = 1.0, in LR;
        /// how near the average gradients are taken
        momentum: f64 = 0.9, in Interval::above(0.0).below(1.0);
        /// L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// steps in which the lr grows to its full size
        warmup_steps: u64 = 0, in 0..=1_000_000_000;
        /// power of t in a step's weight in the average
        r: f64 = 0.0, in 0.0..=10.0;
        /// power of the lr in a step's weight in the average
        weight_lr_power: f64 = 2.0, in 0.0..=10.0;
        /// ascend instead of descend
        maximize: bool = false;
        /// begin the average anew at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for ScheduleFreeSgd {
    const NAME: &'static str = "schedule-free-sgd";
    const SUMMARY: &'static str =
        "gradient descent that is evaluated at the average of its weights";
    const FORMULA: &'static str =
        "z <- z - lr g; x <- x + (z - x) / t; w = (1 - momentum) z + momentum x";
    const SOURCE: &'static str = "Defazio et al. 2024, eq. 2 to 4; schedulefree.SGDScheduleFree";
    const VARIANTS: &'static [&'static str] = &[
        "schedule-free-sgd",
        "schedule-free-sgd:momentum=0.5,weight_decay=0.01,warmup_steps=10,r=1,maximize=true",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Ok(erase(ScheduleFreeSgdRule {
            shares: Shares::new(self.warmup_steps, self.r, self.weight_lr_power),
            settings: self.clone(),
        }))
    }

    fn evaluation(&self) -> Option<EvaluationWeights> {
        Some(EvaluationWeights {
            state: "u",
            factor: 1.0 - 1.0 / self.momentum,
        })
    }
}

struct ScheduleFreeSgdRule {
    settings: ScheduleFreeSgd,
    shares: Shares,
}

scalars! {
    /// What a step does with a direction to descend, whatever it comes from.
    pub(crate) struct Averaged { share, rest, step_of_w, step_of_u }
}

impl Averaged<f64> {
    /// Where a step at `lr` has the share `share` in the average.
    pub fn new(share: f64, momentum: f64, lr: f64) -> Self {
        Self {
            share,
            rest: 1.0 - share,
            step_of_w: lr * (1.0 - momentum * (1.0 - share)),
            step_of_u: lr * momentum,
        }
    }
}

impl<R: Real> Averaged<R> {
    /// The new weight and `u` after a step along `d`.
    #[inline(always)]
    pub fn next(self, w: R, u: R, d: R) -> (R, R) {
        (
            w + self.share * u - self.step_of_w * d,
            self.rest * (u - self.step_of_u * d),
        )
    }
}

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars { descent: Descent, averaged: Averaged }
}

impl Rule<1> for ScheduleFreeSgdRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 1] = ["u"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let ScheduleFreeSgd {
            momentum,
            weight_decay,
            maximize,
            ..
        } = self.settings;
        let lr = lr * self.shares.warmed(t);
        Scalars {
            descent: Descent::new(maximize, weight_decay),
            averaged: Averaged::new(self.shares.share(t), momentum, lr),
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [u]: [R; 1]) -> (R, [R; 1]) {
        let (w, u) = k.averaged.next(w, u, k.descent.direction(w, g));
        (w, [u])
    }
}
