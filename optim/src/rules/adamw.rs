use settings::settings;

use super::adam::{Adam, adam_rule};
use crate::{
    AnyRule, MomentumState, OptimiserSettings,
    parts::{EPS, LR, WEIGHT_DECAY},
};

settings! {
    /// AdamW: Adam whose weight decay shrinks the weights directly.
    ///
    /// ```text
    /// w <- (1 - lr weight_decay) w - (Adam's step)
    /// ```
    pub struct AdamW {
        /// learning rate
        lr: f64 = 1e-3, in LR;
        /// decay of the average of gradients: the momentum
        beta1: f64 = 0.9, in 0.0..1.0;
        /// decay of the average of squares
        beta2: f64 = 0.999, in 0.0..1.0;
        /// added to the root
        eps: f64 = 1e-8, in EPS;
        /// sqrt(v + eps) instead of sqrt(v) + eps
        eps_inside: bool = false;
        /// divide m by 1 - beta1^t
        correct_m: bool = true;
        /// divide v by 1 - beta2^t
        correct_v: bool = true;
        /// use the largest v so far
        amsgrad: bool = false;
        /// shrinks the weights by lr weight_decay a step
        weight_decay: f64 = 1e-2, in WEIGHT_DECAY;
        /// ascend instead of descend
        maximize: bool = false;
        /// count t from the last update of the target network (Adam-Rel)
        restart_t: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for AdamW {
    const NAME: &'static str = "adamw";
    const SUMMARY: &'static str = "Adam with decoupled weight decay";
    const FORMULA: &'static str = "w <- (1 - lr weight_decay) w - (Adam's step)";
    const SOURCE: &'static str = "Loshchilov & Hutter 2019, alg. 2; torch.optim.AdamW";
    const VARIANTS: &'static [&'static str] = &[
        "adamw",
        "adamw:weight_decay=0.1,maximize=true",
        "adamw:amsgrad=true",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        let adam = Adam {
            lr: self.lr,
            beta1: self.beta1,
            beta2: self.beta2,
            eps: self.eps,
            eps_inside: self.eps_inside,
            correct_m: self.correct_m,
            correct_v: self.correct_v,
            amsgrad: self.amsgrad,
            weight_decay: self.weight_decay,
            maximize: self.maximize,
            restart_t: self.restart_t,
            reset_moments: self.reset_moments,
        };
        adam_rule(adam, true)
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("m", self.beta1)
    }
}
