use settings::settings;

use crate::{
    AnyRule, MomentumState, OptimiserSettings, Real, Rule, erase,
    parts::{AdamMoments, EPS, LR, WEIGHT_DECAY, power, root},
    scalars,
};

settings! {
    /// RAdam: Adam that takes per-weight steps only once the variance of `v` is known.
    ///
    /// ```text
    /// rho_inf = 2 / (1 - beta2) - 1,  rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t)
    /// rho_t > 5:  w <- w - lr r_t m / (1 - beta1^t) / ((sqrt(v) + eps) / sqrt(1 - beta2^t))
    /// otherwise:  w <- w - lr m / (1 - beta1^t)
    /// r_t = sqrt((rho_t - 4) (rho_t - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho_t))
    /// ```
    pub struct RAdam {
        /// learning rate
        lr: f64 = 1e-3, in LR;
        /// decay of the average of gradients: the momentum
        beta1: f64 = 0.9, in 0.0..1.0;
        /// decay of the average of squares
        beta2: f64 = 0.999, in 0.0..1.0;
        /// added to the root
        eps: f64 = 1e-8, in EPS;
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

impl OptimiserSettings for RAdam {
    const NAME: &'static str = "radam";
    const SUMMARY: &'static str =
        "Adam whose step per weight waits until the variance of v is known";
    const FORMULA: &'static str =
        "w <- w - lr r m / (1 - beta1^t) / (sqrt(v) + eps) sqrt(1 - beta2^t), at first without v";
    const SOURCE: &'static str = "Liu et al. 2020, alg. 2; torch.optim.RAdam";
    const VARIANTS: &'static [&'static str] = &[
        "radam",
        "radam:beta2=0.9,weight_decay=0.01,maximize=true",
        "radam:weight_decay=0.1,decoupled_weight_decay=true",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        // A late step divides lr by eps before it multiplies by m, and infinity times 0 is no number.
        if self.lr / self.eps > f64::from(f32::MAX) {
            return Err(format!(
                "lr = {:e} over eps = {:e} is infinite in f32; allowed: lr / eps <= {:e}",
                self.lr,
                self.eps,
                f32::MAX
            ));
        }
        Ok(erase(RAdamRule(self.clone())))
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("m", self.beta1)
    }
}

struct RAdamRule(RAdam);

impl RAdamRule {
    /// `r_t sqrt(1 - beta2^t)`, once the variance is known.
    fn rectified(&self, t: u64) -> Option<f64> {
        let beta2 = self.0.beta2;
        let c = 1.0 - power(beta2, t);
        let most = 2.0 / (1.0 - beta2) - 1.0;
        let rho = most - 2.0 * t as f64 * (1.0 - c) / c;
        let r = (rho - 4.0) * (rho - 2.0) * most / ((most - 4.0) * (most - 2.0) * rho);
        (rho > 5.0).then(|| (r * c).sqrt())
    }
}

scalars! {
    /// A step's numbers: `step_per_weight` once the variance is known, `step` before.
    pub(crate) struct Scalars { moments: AdamMoments, eps, step_per_weight, step }
}

impl Rule<2> for RAdamRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 2] = ["m", "v"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let radam = &self.0;
        let step = lr / (1.0 - power(radam.beta1, t));
        let (step_per_weight, step) = match self.rectified(t) {
            Some(r) => (r * step, 0.0),
            None => (0.0, step),
        };
        let decay = (radam.weight_decay, radam.decoupled_weight_decay);
        Scalars {
            moments: AdamMoments::new([radam.beta1, radam.beta2], radam.maximize, decay, lr),
            eps: radam.eps,
            step_per_weight,
            step,
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let (_, m, v) = k.moments.next(w, g, m, v);
        let step = k.step_per_weight / root::<false, R>(v, k.eps) + k.step;
        (k.moments.shrink * w - step * m, [m, v])
    }
}
