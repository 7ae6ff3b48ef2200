use settings::settings;

use crate::{
    AnyRule, OptimiserSettings, Real, Rule, erase,
    parts::{Descent, EPS, LR, WEIGHT_DECAY, mix},
    scalars,
};

settings! {
    /// Adadelta: RMSprop with a running root mean square of its own steps as its lr.
    ///
    /// ```text
    /// v <- decay v + (1 - decay) g^2
    /// d  = g sqrt(u + eps) / sqrt(v + eps)
    /// u <- decay u + (1 - decay) d^2
    /// w <- w - lr d
    /// ```
    ///
    /// Its natural lr is 1, so a grid shared with Adam would not be fair to it.
    pub struct Adadelta {
        /// learning rate
        lr: f64 = 1.0, in LR;
        /// decay of both averages (rho)
        decay: f64 = 0.9, in 0.0..1.0;
        /// added inside both roots
        eps: f64 = 1e-6, in EPS;
        /// L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// ascend instead of descend
        maximize: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for Adadelta {
    const NAME: &'static str = "adadelta";
    const SUMMARY: &'static str = "RMSprop whose lr is a running root mean square of its own steps";
    const FORMULA: &'static str = "d = g sqrt(u + eps) / sqrt(v + eps); w <- w - lr d";
    const SOURCE: &'static str = "Zeiler 2012, alg. 1; torch.optim.Adadelta";
    const VARIANTS: &'static [&'static str] = &[
        "adadelta",
        "adadelta:lr=0.5,decay=0.95,eps=1e-4,weight_decay=0.01,maximize=true",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Ok(erase(AdadeltaRule(self.clone())))
    }
}

struct AdadeltaRule(Adadelta);

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars { descent: Descent, decay, one_minus_decay, eps, lr }
}

impl Rule<2> for AdadeltaRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 2] = ["v", "u"];

    fn scalars(&self, _t: u64, lr: f64) -> Scalars<f64> {
        let Adadelta { decay, eps, .. } = self.0;
        Scalars {
            descent: Descent::new(self.0.maximize, self.0.weight_decay),
            decay,
            one_minus_decay: 1.0 - decay,
            eps,
            lr,
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [v, u]: [R; 2]) -> (R, [R; 2]) {
        let g = k.descent.direction(w, g);
        let v = mix(k.decay, v, k.one_minus_decay, g * g);
        // One root of the quotient costs half of two roots.
        let d = g * ((u + k.eps) / (v + k.eps)).sqrt();
        let u = mix(k.decay, u, k.one_minus_decay, d * d);
        (w - k.lr * d, [v, u])
    }
}
