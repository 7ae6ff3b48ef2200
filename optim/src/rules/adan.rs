use settings::settings;

use crate::{
    AnyRule, MomentumState, OptimiserSettings, Real, Rule, erase,
    parts::{Correction, EPS, LR, WEIGHT_DECAY, mix, power, root, shrink},
    scalars,
};

settings! {
    /// Adan: Adam with Nesterov's momentum, estimated from the gradient's change since the last step.
    ///
    /// ```text
    /// c = g - (the last g), 0 at the first step
    /// m <- beta1 m + (1 - beta1) g
    /// d <- beta2 d + (1 - beta2) c
    /// v <- beta3 v + (1 - beta3) (g + beta2 c)^2
    /// w <- (w - lr (m / (1 - beta1^t) + beta2 d / (1 - beta2^t)) / (sqrt(v / (1 - beta3^t)) + eps)) / (1 + lr weight_decay)
    /// ```
    ///
    /// The betas are decays, as in the authors' code; the paper calls `1 - beta` what is `beta` here.
    pub struct Adan {
        /// learning rate
        lr: f64 = 1e-3, in LR;
        /// decay of the average of gradients: the momentum
        beta1: f64 = 0.98, in 0.0..1.0;
        /// decay of the average of changes, and their share in a step
        beta2: f64 = 0.92, in 0.0..1.0;
        /// decay of the average of squares
        beta3: f64 = 0.99, in 0.0..1.0;
        /// added to the root
        eps: f64 = 1e-8, in EPS;
        /// divides the weights by 1 + lr weight_decay a step
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// multiply the weights by 1 - lr weight_decay before the step, as AdamW does, in place of the division after it
        no_prox: bool = false;
        /// ascend instead of descend
        maximize: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for Adan {
    const NAME: &'static str = "adan";
    const SUMMARY: &'static str = "Adam with Nesterov's momentum from the change of the gradient";
    const FORMULA: &'static str = "w <- (w - lr (m + beta2 d) / (sqrt(v) + eps)) / (1 + lr weight_decay), each corrected for its start";
    const SOURCE: &'static str =
        "Xie et al. 2022, alg. 1; the authors' code (github.com/sail-sg/Adan)";
    const VARIANTS: &'static [&'static str] = &[
        "adan",
        "adan:beta1=0.9,beta2=0.8,beta3=0.95,eps=1e-4,weight_decay=0.1,maximize=true",
        "adan:weight_decay=0.1,no_prox=true",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Correction::check(self.beta3, self.eps, false)?;
        Ok(erase(AdanRule(self.clone())))
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("m", self.beta1)
    }
}

struct AdanRule(Adan);

scalars! {
    /// A step's numbers. `known` is 0 at the first step, where there is no last gradient, and then 1.
    pub(crate) struct Scalars {
        sign, known, beta1, one_minus_beta1, beta2, one_minus_beta2, beta3, one_minus_beta3, eps,
        step_of_m, step_of_d, before, after
    }
}

impl Rule<4> for AdanRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 4] = ["m", "d", "v", "last"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let Adan {
            beta1,
            beta2,
            beta3,
            weight_decay,
            ..
        } = self.0;
        let Correction { gain, eps } = Correction::new(true, beta3, t, self.0.eps, false);
        let (before, after) = match self.0.no_prox {
            true => (shrink(lr, weight_decay), 1.0),
            false => (1.0, 1.0 / (1.0 + lr * weight_decay)),
        };
        Scalars {
            sign: if self.0.maximize { -1.0 } else { 1.0 },
            known: if t > 1 { 1.0 } else { 0.0 },
            beta1,
            one_minus_beta1: 1.0 - beta1,
            beta2,
            one_minus_beta2: 1.0 - beta2,
            beta3,
            one_minus_beta3: 1.0 - beta3,
            eps,
            step_of_m: lr * gain / (1.0 - power(beta1, t)),
            step_of_d: lr * gain * beta2 / (1.0 - power(beta2, t)),
            before,
            after,
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [m, d, v, last]: [R; 4]) -> (R, [R; 4]) {
        let g = k.sign * g;
        let change = k.known * (g - last);
        let m = mix(k.beta1, m, k.one_minus_beta1, g);
        let d = mix(k.beta2, d, k.one_minus_beta2, change);
        let ahead = g + k.beta2 * change;
        let v = mix(k.beta3, v, k.one_minus_beta3, ahead * ahead);
        let step = mix(k.step_of_m, m, k.step_of_d, d) / root::<false, R>(v, k.eps);
        (k.after * (k.before * w - step), [m, d, v, g])
    }
}
