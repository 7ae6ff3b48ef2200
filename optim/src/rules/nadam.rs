use std::sync::{Mutex, PoisonError};

use settings::{Interval, settings};

use crate::{
    AnyRule, MomentumState, OptimiserSettings, Real, Rule, erase,
    parts::{AdamMoments, Correction, EPS, LR, WEIGHT_DECAY, mix, root},
    scalars,
};

settings! {
    /// NAdam: Adam with Nesterov's momentum, which grows over time.
    ///
    /// ```text
    /// mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2),  M_t = mu_1 mu_2 ... mu_t
    /// m <- beta1 m + (1 - beta1) g
    /// v <- beta2 v + (1 - beta2) g^2
    /// w <- w - lr ((1 - mu_t) / (1 - M_t) g + mu_{t+1} / (1 - M_{t+1}) m) / (sqrt(v / (1 - beta2^t)) + eps)
    /// ```
    pub struct NAdam {
        /// learning rate
        lr: f64 = 2e-3, in LR;
        /// decay of the average of gradients: the momentum
        beta1: f64 = 0.9, in 0.0..1.0;
        /// decay of the average of squares
        beta2: f64 = 0.999, in 0.0..1.0;
        /// added to the root
        eps: f64 = 1e-8, in EPS;
        /// how fast the momentum grows
        momentum_decay: f64 = 4e-3, in Interval::at_least(0.0);
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

impl OptimiserSettings for NAdam {
    const NAME: &'static str = "nadam";
    const SUMMARY: &'static str = "Adam with Nesterov's momentum, which grows over time";
    const FORMULA: &'static str =
        "w <- w - lr ((1 - mu) g + mu m) / (sqrt(v) + eps), each corrected for its start";
    const SOURCE: &'static str = "Dozat 2016; torch.optim.NAdam";
    const VARIANTS: &'static [&'static str] = &[
        "nadam",
        "nadam:weight_decay=0.01,maximize=true,momentum_decay=0.01",
        "nadam:weight_decay=0.1,decoupled_weight_decay=true",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Correction::check(self.beta2, self.eps, false)?;
        Ok(erase(NAdamRule {
            settings: self.clone(),
            product: Mutex::new((0, 1.0)),
        }))
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("m", self.beta1)
    }
}

struct NAdamRule {
    settings: NAdam,
    /// The last product of `mu` computed, and its step. It follows from `t` alone, but is slow to
    /// compute.
    product: Mutex<(u64, f64)>,
}

impl NAdamRule {
    fn mu(&self, t: u64) -> f64 {
        let grown = 0.96f64.powf(t as f64 * self.settings.momentum_decay);
        self.settings.beta1 * (1.0 - 0.5 * grown)
    }

    /// `mu_1 mu_2 ... mu_t`.
    fn product(&self, t: u64) -> f64 {
        let mut last = self.product.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 > t {
            *last = (0, 1.0);
        }
        // Once the product has underflowed to 0, it no longer changes.
        while last.0 < t && last.1 > 0.0 {
            *last = (last.0 + 1, last.1 * self.mu(last.0 + 1));
        }
        last.1
    }
}

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars { moments: AdamMoments, eps, step_of_g, step_of_m }
}

impl Rule<2> for NAdamRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 2] = ["m", "v"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let nadam = &self.settings;
        let Correction { gain, eps } = Correction::new(true, nadam.beta2, t, nadam.eps, false);
        let (mu, next) = (self.mu(t), self.mu(t + 1));
        let product = self.product(t);
        let decay = (nadam.weight_decay, nadam.decoupled_weight_decay);
        Scalars {
            moments: AdamMoments::new([nadam.beta1, nadam.beta2], nadam.maximize, decay, lr),
            eps,
            step_of_g: lr * gain * (1.0 - mu) / (1.0 - product),
            step_of_m: lr * gain * next / (1.0 - product * next),
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let (g, m, v) = k.moments.next(w, g, m, v);
        let step = mix(k.step_of_g, g, k.step_of_m, m) / root::<false, R>(v, k.eps);
        (k.moments.shrink * w - step, [m, v])
    }
}
