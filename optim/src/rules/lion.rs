use settings::settings;

use crate::{
    AnyRule, MomentumState, OptimiserSettings, Real, Rule, erase,
    parts::{LR, WEIGHT_DECAY, mix, shrink},
    scalars,
};

settings! {
    /// Lion: the sign of momentum mixed with the gradient, with decoupled weight decay.
    ///
    /// ```text
    /// w <- (1 - lr weight_decay) w - lr sign(beta1 m + (1 - beta1) g)
    /// m <- beta2 m + (1 - beta2) g
    /// ```
    pub struct Lion {
        /// learning rate
        lr: f64 = 1e-4, in LR;
        /// share of m in a step's sign
        beta1: f64 = 0.9, in 0.0..1.0;
        /// decay of the average of gradients
        beta2: f64 = 0.99, in 0.0..1.0;
        /// shrinks the weights by lr weight_decay a step
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// ascend instead of descend
        maximize: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for Lion {
    const NAME: &'static str = "lion";
    const SUMMARY: &'static str = "the sign of a momentum that is part gradient";
    const FORMULA: &'static str = "w <- (1 - lr weight_decay) w - lr sign(beta1 m + (1 - beta1) g)";
    const SOURCE: &'static str = "Chen et al. 2023, alg. 2; optax.lion";
    const VARIANTS: &'static [&'static str] =
        &["lion", "lion:beta1=0.95,beta2=0.98,weight_decay=0.1"];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Ok(erase(LionRule(self.clone())))
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("m", self.beta2)
    }
}

struct LionRule(Lion);

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars {
        sign, shrink, beta1, one_minus_beta1, beta2, one_minus_beta2, lr
    }
}

impl Rule<1> for LionRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 1] = ["m"];

    fn scalars(&self, _t: u64, lr: f64) -> Scalars<f64> {
        let Lion { beta1, beta2, .. } = self.0;
        Scalars {
            sign: if self.0.maximize { -1.0 } else { 1.0 },
            shrink: shrink(lr, self.0.weight_decay),
            beta1,
            one_minus_beta1: 1.0 - beta1,
            beta2,
            one_minus_beta2: 1.0 - beta2,
            lr,
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [m]: [R; 1]) -> (R, [R; 1]) {
        let g = k.sign * g;
        let direction = mix(k.beta1, m, k.one_minus_beta1, g).signum();
        let w = k.shrink * w - k.lr * direction;
        (w, [mix(k.beta2, m, k.one_minus_beta2, g)])
    }
}
