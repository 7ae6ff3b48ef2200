use settings::settings;

use crate::{
    AnyRule, MomentumState, OptimiserSettings, Real, Rule, erase,
    parts::{Descent, EPS, LR, WEIGHT_DECAY, mix, shrink},
    scalars,
};

settings! {
    /// ADOPT: Adam that divides a gradient by the average of the squares before it, so that it converges for any
    /// `beta2`.
    ///
    /// ```text
    /// v <- g^2 at the first step, which moves nothing
    /// m <- beta1 m + (1 - beta1) clip(g / max(sqrt(v), eps), (t - 1)^(1/4))
    /// w <- w - lr m
    /// v <- beta2 v + (1 - beta2) g^2
    /// ```
    pub struct Adopt {
        /// learning rate
        lr: f64 = 1e-3, in LR;
        /// decay of the average of divided gradients: the momentum
        beta1: f64 = 0.9, in 0.0..1.0;
        /// decay of the average of squares
        beta2: f64 = 0.9999, in 0.0..1.0;
        /// the least that a gradient is divided by
        eps: f64 = 1e-6, in EPS;
        /// cut a divided gradient to (t - 1)^(1/4)
        clip: bool = true;
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

impl OptimiserSettings for Adopt {
    const NAME: &'static str = "adopt";
    const SUMMARY: &'static str =
        "Adam that divides a gradient by the average of the squares before it";
    const FORMULA: &'static str =
        "m <- beta1 m + (1 - beta1) clip(g / max(sqrt(v), eps), (t - 1)^(1/4)); w <- w - lr m";
    const SOURCE: &'static str = "Taniguchi et al. 2024, alg. 2; optax.contrib.adopt";
    const VARIANTS: &'static [&'static str] = &[
        "adopt",
        "adopt:clip=false,beta2=0.99,eps=0.01,weight_decay=0.01,maximize=true",
        "adopt:weight_decay=0.1,decoupled_weight_decay=true",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Ok(match self.clip {
            true => erase(AdoptRule::<true>(self.clone())),
            false => erase(AdoptRule::<false>(self.clone())),
        })
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("m", self.beta1)
    }
}

struct AdoptRule<const CLIP: bool>(Adopt);

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars {
        descent: Descent, shrink, beta1, one_minus_beta1, beta2, one_minus_beta2, eps, bound, lr
    }
}

impl<const CLIP: bool> Rule<2> for AdoptRule<CLIP> {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 2] = ["m", "v"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let Adopt {
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
        let descent = Descent::new(maximize, penalty);
        if t <= 1 {
            // Nothing moves, and `v` becomes the first square. `g` is divided by 1, because the quotient is
            // multiplied by 0 and must not be infinite.
            return Scalars {
                descent,
                shrink: 1.0,
                beta1: 1.0,
                one_minus_beta1: 0.0,
                beta2: 1.0,
                one_minus_beta2: 1.0,
                eps: 1.0,
                bound: 0.0,
                lr: 0.0,
            };
        }
        Scalars {
            descent,
            shrink,
            beta1,
            one_minus_beta1: 1.0 - beta1,
            beta2,
            one_minus_beta2: 1.0 - beta2,
            eps,
            bound: ((t - 1) as f64).sqrt().sqrt(),
            lr,
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let g = k.descent.direction(w, g);
        let mut divided = g / v.sqrt().max(k.eps);
        if CLIP {
            let at_least = divided.max(-k.bound);
            divided = -(-at_least).max(-k.bound);
        }
        let m = mix(k.beta1, m, k.one_minus_beta1, divided);
        let v = mix(k.beta2, v, k.one_minus_beta2, g * g);
        (k.shrink * w - k.lr * m, [m, v])
    }
}
