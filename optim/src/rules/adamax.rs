use settings::settings;

use crate::{
    AnyRule, MomentumState, OptimiserSettings, Real, Rule, erase,
    parts::{Descent, EPS, LR, WEIGHT_DECAY, mix, power},
    scalars,
};

settings! {
    /// Adamax: Adam with the largest decayed gradient in place of the root mean square.
    ///
    /// ```text
    /// m <- beta1 m + (1 - beta1) g
    /// u <- max(beta2 u, |g| + eps)
    /// w <- w - lr / (1 - beta1^t) m / u
    /// ```
    pub struct Adamax {
        /// learning rate
        lr: f64 = 2e-3, in LR;
        /// decay of the average of gradients: the momentum
        beta1: f64 = 0.9, in 0.0..1.0;
        /// decay of the average of squares
        beta2: f64 = 0.999, in 0.0..1.0;
        /// added to the absolute value of the gradient
        eps: f64 = 1e-8, in EPS;
        /// L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// ascend instead of descend
        maximize: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for Adamax {
    const NAME: &'static str = "adamax";
    const SUMMARY: &'static str =
        "Adam with the largest decayed gradient in place of the root mean square";
    const FORMULA: &'static str = "u <- max(beta2 u, |g| + eps); w <- w - lr / (1 - beta1^t) m / u";
    const SOURCE: &'static str = "Kingma & Ba 2015, alg. 2; torch.optim.Adamax";
    const VARIANTS: &'static [&'static str] =
        &["adamax", "adamax:beta2=0.9,weight_decay=0.01,maximize=true"];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Ok(erase(AdamaxRule(self.clone())))
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("m", self.beta1)
    }
}

struct AdamaxRule(Adamax);

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars { descent: Descent, beta1, one_minus_beta1, beta2, eps, step }
}

impl Rule<2> for AdamaxRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 2] = ["m", "u"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let Adamax {
            beta1, beta2, eps, ..
        } = self.0;
        Scalars {
            descent: Descent::new(self.0.maximize, self.0.weight_decay),
            beta1,
            one_minus_beta1: 1.0 - beta1,
            beta2,
            eps,
            step: lr / (1.0 - power(beta1, t)),
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [m, u]: [R; 2]) -> (R, [R; 2]) {
        let g = k.descent.direction(w, g);
        let m = mix(k.beta1, m, k.one_minus_beta1, g);
        let u = (g.max(-g) + k.eps).max(k.beta2 * u);
        (w - k.step * (m / u), [m, u])
    }
}
