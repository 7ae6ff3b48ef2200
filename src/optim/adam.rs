//! Adam: momentum, RMSprop's step per weight, and a correction of both averages' start at zero.
//!
//! ```text
//! m <- beta1 m + (1 - beta1) g
//! v <- beta2 v + (1 - beta2) g^2
//! w <- w - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
//! ```
//!
//! - `correct_m`, `correct_v`: each correction can be left out. Without both, `beta1 = 0` is
//!   RMSprop, exactly; with `correct_v`, it is RMSprop with its `bias_correction`. They are
//!   rungs of the ladder from one to the other (the presets `ladder-0` to `ladder-4`).
//! - `amsgrad`: the largest `v` so far in place of `v` (Reddi et al. 2018, alg. 2), corrected as PyTorch does.
//! - `restart_t`: Adam-Rel (Ellis et al. 2024, "Adam on local time"): `t` counts from the last update of
//!   the target network, the averages stay.

use super::{
    AnyRule, Entry, Real, Rule, Values,
    params::{COUPLED_DECAY, Domain, EPS_INSIDE, MAXIMIZE, Param, RESET_MOMENTS, RESTART_T},
    parts::{Base, Correction, Decay, descent, mix, power, root},
    rule::erase,
};

pub(super) const BETA1: Param = Param::number(
    "beta1",
    0.9,
    Domain::Fraction,
    "of the average of gradients: the momentum",
);
pub(super) const BETA2: Param = Param::number(
    "beta2",
    0.999,
    Domain::Fraction,
    "of the average of squares",
);
pub(super) const EPS: Param = Param::number("eps", 1e-8, Domain::NonNegative, "added to the root");
pub(super) const CORRECT_M: Param = Param::switch("correct_m", true, "divide m by 1 - beta1^t");
pub(super) const CORRECT_V: Param = Param::switch("correct_v", true, "divide v by 1 - beta2^t");
pub(super) const AMSGRAD: Param = Param::flag("amsgrad", "use the largest v so far");

pub(super) const ENTRY: Entry = Entry {
    name: "adam",
    summary: "momentum and a step per weight, both corrected for their start",
    formula: "w <- w - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)",
    source: "Kingma & Ba 2015, alg. 1; torch.optim.Adam",
    params: &[
        Param::lr(1e-3),
        BETA1,
        BETA2,
        EPS,
        EPS_INSIDE,
        CORRECT_M,
        CORRECT_V,
        AMSGRAD,
        COUPLED_DECAY,
        MAXIMIZE,
        RESTART_T,
        RESET_MOMENTS,
    ],
    momentum: Some("beta1"),
    build: |values| Ok(build(values, false)),
    variants: &[
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
    ],
};

/// Adam, or AdamW where the weight decay is `decoupled` from the gradient.
pub(super) fn build(values: &Values, decoupled: bool) -> Box<dyn AnyRule> {
    let settings = Settings {
        base: Base::new(values),
        decoupled,
        beta1: values.number("beta1"),
        beta2: values.number("beta2"),
        eps: values.number("eps"),
        eps_inside: values.flag("eps_inside"),
        correct_m: values.flag("correct_m"),
        correct_v: values.flag("correct_v"),
    };
    match (values.flag("amsgrad"), settings.eps_inside) {
        (false, false) => erase(Adam::<false>(settings)),
        (false, true) => erase(Adam::<true>(settings)),
        (true, false) => erase(AmsGrad::<false>(settings)),
        (true, true) => erase(AmsGrad::<true>(settings)),
    }
}

struct Settings {
    base: Base,
    decoupled: bool,
    beta1: f64,
    beta2: f64,
    eps: f64,
    eps_inside: bool,
    correct_m: bool,
    correct_v: bool,
}

const SCALARS: [&str; 9] = [
    "sign",
    "weight_decay",
    "shrink",
    "beta1",
    "1 - beta1",
    "beta2",
    "1 - beta2",
    "eps",
    "step",
];

impl Settings {
    fn scalars(&self, t: u64, lr: f64) -> [f64; 9] {
        let Decay { coupled, shrink } = Decay::new(self.base.weight_decay, self.decoupled, lr);
        let Correction { gain, eps } =
            Correction::new(self.correct_v, self.beta2, t, self.eps, self.eps_inside);
        let first = if self.correct_m {
            1.0 - power(self.beta1, t)
        } else {
            1.0
        };
        [
            self.base.sign,
            coupled,
            shrink,
            self.beta1,
            1.0 - self.beta1,
            self.beta2,
            1.0 - self.beta2,
            eps,
            lr * gain / first,
        ]
    }
}

struct Adam<const EPS_INSIDE: bool>(Settings);

impl<const EPS_INSIDE: bool> Rule<9, 2> for Adam<EPS_INSIDE> {
    const SCALARS: [&'static str; 9] = SCALARS;
    const STATES: [&'static str; 2] = ["m", "v"];

    fn scalars(&self, t: u64, lr: f64) -> [f64; 9] {
        self.0.scalars(t, lr)
    }

    #[inline(always)]
    fn update<R: Real>(
        [
            sign,
            coupled,
            shrink,
            beta1,
            fresh1,
            beta2,
            fresh2,
            eps,
            step,
        ]: [R; 9],
        w: R,
        g: R,
        [m, v]: [R; 2],
    ) -> (R, [R; 2]) {
        let g = descent(sign, coupled, w, g);
        let m = mix(beta1, m, fresh1, g);
        let v = mix(beta2, v, fresh2, g * g);
        (
            shrink * w - step * (m / root::<EPS_INSIDE, R>(v, eps)),
            [m, v],
        )
    }
}

struct AmsGrad<const EPS_INSIDE: bool>(Settings);

impl<const EPS_INSIDE: bool> Rule<9, 3> for AmsGrad<EPS_INSIDE> {
    const SCALARS: [&'static str; 9] = SCALARS;
    const STATES: [&'static str; 3] = ["m", "v", "v_max"];

    fn scalars(&self, t: u64, lr: f64) -> [f64; 9] {
        self.0.scalars(t, lr)
    }

    #[inline(always)]
    fn update<R: Real>(
        [
            sign,
            coupled,
            shrink,
            beta1,
            fresh1,
            beta2,
            fresh2,
            eps,
            step,
        ]: [R; 9],
        w: R,
        g: R,
        [m, v, v_max]: [R; 3],
    ) -> (R, [R; 3]) {
        let g = descent(sign, coupled, w, g);
        let m = mix(beta1, m, fresh1, g);
        let v = mix(beta2, v, fresh2, g * g);
        let v_max = v.max(v_max);
        let step = step * (m / root::<EPS_INSIDE, R>(v_max, eps));
        (shrink * w - step, [m, v, v_max])
    }
}
