//! Adadelta: RMSprop whose lr is a running root mean square of its own steps.
//!
//! ```text
//! v <- decay v + (1 - decay) g^2
//! d  = g sqrt(u + eps) / sqrt(v + eps)
//! u <- decay u + (1 - decay) d^2
//! w <- w - lr d
//! ```
//!
//! Its natural lr is 1: a grid shared with Adam's is not fair to it.

use super::{
    AnyRule, Entry, Real, Rule, Values,
    params::{COUPLED_DECAY, Domain, MAXIMIZE, Param, RESET_MOMENTS},
    parts::{Base, descent, mix},
    rule::erase,
};

pub(super) const ENTRY: Entry = Entry {
    name: "adadelta",
    summary: "RMSprop whose lr is a running root mean square of its own steps",
    formula: "d = g sqrt(u + eps) / sqrt(v + eps); w <- w - lr d",
    source: "Zeiler 2012, alg. 1; torch.optim.Adadelta",
    params: &[
        Param::lr(1.0),
        Param::number("decay", 0.9, Domain::Fraction, "of both averages (rho)"),
        Param::number("eps", 1e-6, Domain::NonNegative, "added inside both roots"),
        COUPLED_DECAY,
        MAXIMIZE,
        RESET_MOMENTS,
    ],
    momentum: None,
    build,
    variants: &[
        "adadelta",
        "adadelta:lr=0.5,decay=0.95,eps=1e-4,weight_decay=0.01,maximize=true",
    ],
};

fn build(values: &Values) -> Result<Box<dyn AnyRule>, String> {
    Ok(erase(Adadelta {
        base: Base::new(values),
        decay: values.number("decay"),
        eps: values.number("eps"),
    }))
}

struct Adadelta {
    base: Base,
    decay: f64,
    eps: f64,
}

impl Rule<6, 2> for Adadelta {
    const SCALARS: [&'static str; 6] = ["sign", "weight_decay", "decay", "1 - decay", "eps", "lr"];
    const STATES: [&'static str; 2] = ["v", "u"];

    fn scalars(&self, _t: u64, lr: f64) -> [f64; 6] {
        let Base { weight_decay, sign } = self.base;
        [
            sign,
            weight_decay,
            self.decay,
            1.0 - self.decay,
            self.eps,
            lr,
        ]
    }

    #[inline(always)]
    fn update<R: Real>(
        [sign, weight_decay, decay, fresh, eps, lr]: [R; 6],
        w: R,
        g: R,
        [v, u]: [R; 2],
    ) -> (R, [R; 2]) {
        let g = descent(sign, weight_decay, w, g);
        let v = mix(decay, v, fresh, g * g);
        // One root of the quotient costs half of two roots.
        let d = g * ((u + eps) / (v + eps)).sqrt();
        let u = mix(decay, u, fresh, d * d);
        (w - lr * d, [v, u])
    }
}
