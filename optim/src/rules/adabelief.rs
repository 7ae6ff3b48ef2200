use settings::settings;

use crate::{
    AnyRule, MomentumState, OptimiserSettings, Real, Rule, erase,
    parts::{Correction, Descent, EPS, LR, WEIGHT_DECAY, mix, power, root, shrink},
    scalars,
};

settings! {
    /// AdaBelief: Adam with the gradient's distance from its average in place of its size.
    ///
    /// ```text
    /// m <- beta1 m + (1 - beta1) g
    /// s <- beta2 s + (1 - beta2) (g - m)^2 + eps
    /// w <- w - lr m / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + eps)
    /// ```
    pub struct AdaBelief {
        /// learning rate
        lr: f64 = 1e-3, in LR;
        /// decay of the average of gradients: the momentum
        beta1: f64 = 0.9, in 0.0..1.0;
        /// decay of the average of squared distances
        beta2: f64 = 0.999, in 0.0..1.0;
        /// added to s and to its root
        eps: f64 = 1e-16, in EPS;
        /// L2 penalty, or with decoupled_weight_decay a factor
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// shrink the weights by lr weight_decay a step
        decoupled_weight_decay: bool = false;
        /// ascend instead of descend
        maximize: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for AdaBelief {
    const NAME: &'static str = "adabelief";
    const SUMMARY: &'static str =
        "Adam with the gradient's distance from its average in place of its size";
    const FORMULA: &'static str =
        "s <- beta2 s + (1 - beta2) (g - m)^2 + eps; w <- w - lr m / (sqrt(s) + eps)";
    const SOURCE: &'static str = "Zhuang et al. 2020, alg. 2; optax.adabelief";
    const VARIANTS: &'static [&'static str] = &[
        "adabelief",
        "adabelief:beta2=0.9,eps=1e-8,weight_decay=0.01,maximize=true",
        "adabelief:weight_decay=0.1,decoupled_weight_decay=true",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Correction::check(self.beta2, self.eps, false)?;
        Ok(erase(AdaBeliefRule(self.clone())))
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("m", self.beta1)
    }
}

struct AdaBeliefRule(AdaBelief);

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars {
        descent: Descent, shrink, beta1, one_minus_beta1, beta2, one_minus_beta2, eps, eps_of_root, step
    }
}

impl Rule<2> for AdaBeliefRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 2] = ["m", "s"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let AdaBelief {
            beta1,
            beta2,
            eps,
            weight_decay,
            decoupled_weight_decay,
            maximize,
            ..
        } = self.0;
        let (penalty, shrink) = match decoupled_weight_decay {
            true => (0.0, shrink(lr, weight_decay)),
            false => (weight_decay, 1.0),
        };
        let corrected = Correction::new(true, beta2, t, eps, false);
        Scalars {
            descent: Descent::new(maximize, penalty),
            shrink,
            beta1,
            one_minus_beta1: 1.0 - beta1,
            beta2,
            one_minus_beta2: 1.0 - beta2,
            eps,
            eps_of_root: corrected.eps,
            step: lr * corrected.gain / (1.0 - power(beta1, t)),
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [m, s]: [R; 2]) -> (R, [R; 2]) {
        let g = k.descent.direction(w, g);
        let m = mix(k.beta1, m, k.one_minus_beta1, g);
        let s = mix(k.beta2, s, k.one_minus_beta2, (g - m) * (g - m)) + k.eps;
        let step = k.step * (m / root::<false, R>(s, k.eps_of_root));
        (k.shrink * w - step, [m, s])
    }
}
