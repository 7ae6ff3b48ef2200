//! Adam: momentum, RMSprop's step per weight, and a correction of both averages' start at zero.
//!
//! ```text
//! m <- beta1 m + (1 - beta1) g
//! v <- beta2 v + (1 - beta2) g^2
//! w <- w - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
//! ```
//!
//! Without `bias_correction`, `beta1 = 0` is RMSprop, exactly; with it,
//! `beta1 = 0` is RMSprop with its own `bias_correction`.

use super::{
    AnyRule, Entry, Real, Rule, Values,
    params::{COUPLED_DECAY, Domain, EPS_INSIDE, MAXIMIZE, Param},
    parts::{Base, Correction, descent, mix, power, root},
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
pub(super) const BIAS_CORRECTION: Param = Param::switch(
    "bias_correction",
    true,
    "divide m by 1 - beta1^t and v by 1 - beta2^t",
);

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
        BIAS_CORRECTION,
        COUPLED_DECAY,
        MAXIMIZE,
    ],
    build: |values| Ok(build(values, false)),
    variants: &[
        "adam",
        "adam:beta1=0",
        "adam:beta2=0.99,eps=1e-4,weight_decay=0.01,maximize=true",
        "adam:eps_inside=true,eps=1e-4",
        "adam:bias_correction=false",
    ],
};

/// Adam, or AdamW where the weight decay is `decoupled` from the gradient.
pub(super) fn build(values: &Values, decoupled: bool) -> Box<dyn AnyRule> {
    let settings = Settings {
        base: Base::new(values),
        beta1: values.number("beta1"),
        beta2: values.number("beta2"),
        eps: values.number("eps"),
        eps_inside: values.flag("eps_inside"),
        bias_correction: values.flag("bias_correction"),
        decoupled,
    };
    if settings.eps_inside {
        erase(Adam::<true>(settings))
    } else {
        erase(Adam::<false>(settings))
    }
}

struct Settings {
    base: Base,
    beta1: f64,
    beta2: f64,
    eps: f64,
    eps_inside: bool,
    bias_correction: bool,
    decoupled: bool,
}

struct Adam<const EPS_INSIDE: bool>(Settings);

impl<const EPS_INSIDE: bool> Rule<9, 2> for Adam<EPS_INSIDE> {
    const SCALARS: [&'static str; 9] = [
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
    const STATES: [&'static str; 2] = ["m", "v"];

    fn scalars(&self, t: u64) -> [f64; 9] {
        let s = &self.0;
        let Base {
            lr,
            weight_decay,
            sign,
        } = s.base;
        let (coupled, shrink) = if s.decoupled {
            (0.0, 1.0 - lr * weight_decay)
        } else {
            (weight_decay, 1.0)
        };
        let Correction { gain, eps } =
            Correction::new(s.bias_correction, s.beta2, t, s.eps, s.eps_inside);
        let first = if s.bias_correction {
            1.0 - power(s.beta1, t)
        } else {
            1.0
        };
        [
            sign,
            coupled,
            shrink,
            s.beta1,
            1.0 - s.beta1,
            s.beta2,
            1.0 - s.beta2,
            eps,
            lr * gain / first,
        ]
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
