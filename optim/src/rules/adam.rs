use settings::settings;

use crate::{
    AnyRule, MomentumState, OptimiserSettings, Real, Rule, erase,
    parts::{AdamMoments, Correction, EPS, LR, WEIGHT_DECAY, power, root},
    scalars,
};

settings! {
    /// Adam: momentum, RMSprop's per-weight step, and a correction for the start of both averages at
    /// zero.
    ///
    /// ```text
    /// m <- beta1 m + (1 - beta1) g
    /// v <- beta2 v + (1 - beta2) g^2
    /// w <- w - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
    /// ```
    ///
    /// - `correct_m`, `correct_v`: each correction can be left out. Without both, `beta1 = 0` is
    ///   RMSprop, exactly; with `correct_v`, it is RMSprop with its `bias_correction`. They are
    ///   rungs of the ladder from one to the other (the presets `ladder-0` to `ladder-4`).
    /// - `amsgrad`: uses the largest `v` so far in place of `v` (Reddi et al. 2018, alg. 2), corrected
    ///   as in PyTorch.
    /// - `restart_t`: Adam-Rel (Ellis et al. 2024, "Adam on local time"): `t` counts from the last
    ///   update of the target network; the averages are kept.
    pub struct Adam {
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
        /// L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// ascend instead of descend
        maximize: bool = false;
        /// count t from the last update of the target network (Adam-Rel)
        restart_t: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for Adam {
    const NAME: &'static str = "adam";
    const SUMMARY: &'static str = "momentum and a step per weight, both corrected for their start";
    const FORMULA: &'static str = "w <- w - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)";
    const SOURCE: &'static str = "Kingma & Ba 2015, alg. 1; torch.optim.Adam";
    const VARIANTS: &'static [&'static str] = &[
        "adam",
        "adam:beta1=0",
        "adam:beta2=0.99,eps=1e-4,weight_decay=0.01,maximize=true",
        "adam:eps_inside=true,eps=1e-4",
        "adam:correct_m=false,correct_v=false",
        "adam:correct_m=false",
        "adam:amsgrad=true",
        "adam:amsgrad=true,eps_inside=true,eps=1e-4",
        "adam:restart_t=true",
        "adam:reset_moments=true",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        adam_rule(self.clone(), false)
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("m", self.beta1)
    }
}

/// Adam's rule, or AdamW's if the weight decay is `decoupled` from the gradient.
pub(super) fn adam_rule(settings: Adam, decoupled: bool) -> Result<Box<dyn AnyRule>, String> {
    if settings.correct_v {
        Correction::check(settings.beta2, settings.eps, settings.eps_inside)?;
    }
    let (amsgrad, eps_inside) = (settings.amsgrad, settings.eps_inside);
    let steps = ScalarSource::new(settings, decoupled);
    Ok(match (amsgrad, eps_inside) {
        (false, false) => erase(AdamRule::<false>(steps)),
        (false, true) => erase(AdamRule::<true>(steps)),
        (true, false) => erase(AmsGradRule::<false>(steps)),
        (true, true) => erase(AmsGradRule::<true>(steps)),
    })
}

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars { moments: AdamMoments, eps, step }
}

/// Where the numbers of a step come from.
pub(super) struct ScalarSource {
    settings: Adam,
    decoupled: bool,
}

impl ScalarSource {
    /// Adam's, or AdamW's if the weight decay is `decoupled` from the gradient.
    pub fn new(settings: Adam, decoupled: bool) -> Self {
        Self {
            settings,
            decoupled,
        }
    }

    pub fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let adam = &self.settings;
        let Correction { gain, eps } =
            Correction::new(adam.correct_v, adam.beta2, t, adam.eps, adam.eps_inside);
        let first = match adam.correct_m {
            true => 1.0 - power(adam.beta1, t),
            false => 1.0,
        };
        let decay = (adam.weight_decay, self.decoupled);
        Scalars {
            moments: AdamMoments::new([adam.beta1, adam.beta2], adam.maximize, decay, lr),
            eps,
            step: lr * gain / first,
        }
    }
}

pub(super) struct AdamRule<const EPS_INSIDE: bool>(ScalarSource);

impl<const EPS_INSIDE: bool> Rule<2> for AdamRule<EPS_INSIDE> {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 2] = ["m", "v"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        self.0.scalars(t, lr)
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let (_, m, v) = k.moments.next(w, g, m, v);
        (
            k.moments.shrink * w - k.step * (m / root::<EPS_INSIDE, R>(v, k.eps)),
            [m, v],
        )
    }
}

struct AmsGradRule<const EPS_INSIDE: bool>(ScalarSource);

impl<const EPS_INSIDE: bool> Rule<3> for AmsGradRule<EPS_INSIDE> {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 3] = ["m", "v", "v_max"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        self.0.scalars(t, lr)
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [m, v, v_max]: [R; 3]) -> (R, [R; 3]) {
        let (_, m, v) = k.moments.next(w, g, m, v);
        let v_max = v.max(v_max);
        let step = k.step * (m / root::<EPS_INSIDE, R>(v_max, k.eps));
        (k.moments.shrink * w - step, [m, v, v_max])
    }
}
