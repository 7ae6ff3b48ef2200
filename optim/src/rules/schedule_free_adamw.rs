use settings::{Interval, settings};

use super::{average::Shares, schedule_free_sgd::Averaged};
use crate::{
    AnyRule, EvaluationWeights, OptimiserSettings, Real, Rule, erase,
    parts::{Correction, EPS, LR, WEIGHT_DECAY, mix, root},
    scalars,
};

settings! {
    /// Schedule-free AdamW: [`ScheduleFreeSgd`](crate::ScheduleFreeSgd) along RMSprop's direction, with AdamW's
    /// correction and weight decay. The average takes the place of Adam's momentum.
    ///
    /// ```text
    /// w = (1 - beta1) z + beta1 x
    /// v <- beta2 v + (1 - beta2) g^2
    /// z <- z - lr (g / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay w)
    /// x <- (1 - c) x + c z,   c = 1 / t
    /// ```
    pub struct ScheduleFreeAdamW {
        /// learning rate
        lr: f64 = 2.5e-3, in LR;
        /// how near the average gradients are taken
        beta1: f64 = 0.9, in Interval::above(0.0).below(1.0);
        /// decay of the average of squares
        beta2: f64 = 0.999, in 0.0..1.0;
        /// added to the root
        eps: f64 = 1e-8, in EPS;
        /// shrinks the weights by lr weight_decay a step
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// steps in which the lr grows to its full size
        warmup_steps: u64 = 0, in 0..=1_000_000_000;
        /// power of t in a step's weight in the average
        r: f64 = 0.0, in 0.0..=10.0;
        /// power of the lr in a step's weight in the average
        weight_lr_power: f64 = 2.0, in 0.0..=10.0;
        /// ascend instead of descend
        maximize: bool = false;
        /// begin the averages anew at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for ScheduleFreeAdamW {
    const NAME: &'static str = "schedule-free-adamw";
    const SUMMARY: &'static str = "AdamW that is evaluated at the average of its weights";
    const FORMULA: &'static str = "z <- z - lr g / (sqrt(v / (1 - beta2^t)) + eps); x <- x + (z - x) / t; w = (1 - beta1) z + beta1 x";
    const SOURCE: &'static str = "Defazio et al. 2024, alg. 1; schedulefree.AdamWScheduleFree";
    const VARIANTS: &'static [&'static str] = &[
        "schedule-free-adamw",
        "schedule-free-adamw:beta1=0.95,beta2=0.99,eps=1e-4,weight_decay=0.1,warmup_steps=10,maximize=true",
        "schedule-free-adamw:warmup_steps=5,r=0.5,weight_lr_power=1",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Correction::check(self.beta2, self.eps, false)?;
        Ok(erase(ScheduleFreeAdamWRule {
            shares: Shares::new(self.warmup_steps, self.r, self.weight_lr_power),
            settings: self.clone(),
        }))
    }

    fn evaluation(&self) -> Option<EvaluationWeights> {
        Some(EvaluationWeights {
            state: "u",
            factor: 1.0 - 1.0 / self.beta1,
        })
    }
}

struct ScheduleFreeAdamWRule {
    settings: ScheduleFreeAdamW,
    shares: Shares,
}

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars { gain, beta2, one_minus_beta2, eps, weight_decay, averaged: Averaged }
}

impl Rule<2> for ScheduleFreeAdamWRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 2] = ["u", "v"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let ScheduleFreeAdamW {
            beta1,
            beta2,
            weight_decay,
            maximize,
            ..
        } = self.settings;
        let Correction { gain, eps } = Correction::new(true, beta2, t, self.settings.eps, false);
        let lr = lr * self.shares.warmed(t);
        Scalars {
            gain: if maximize { -gain } else { gain },
            beta2,
            one_minus_beta2: 1.0 - beta2,
            eps,
            weight_decay,
            averaged: Averaged::new(self.shares.share(t), beta1, lr),
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [u, v]: [R; 2]) -> (R, [R; 2]) {
        let v = mix(k.beta2, v, k.one_minus_beta2, g * g);
        let d = k.gain * (g / root::<false, R>(v, k.eps)) + k.weight_decay * w;
        let (w, u) = k.averaged.next(w, u, d);
        (w, [u, v])
    }
}
