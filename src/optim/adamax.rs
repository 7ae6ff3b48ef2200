//! Adamax: Adam with the largest decayed gradient in place of the root mean square.
//!
//! ```text
//! m <- beta1 m + (1 - beta1) g
//! u <- max(beta2 u, |g| + eps)
//! w <- w - lr / (1 - beta1^t) m / u
//! ```

use super::{
    AnyRule, Entry, Real, Rule, Values,
    adam::{BETA1, BETA2},
    params::{COUPLED_DECAY, Domain, MAXIMIZE, Param, RESET_MOMENTS},
    parts::{Base, descent, mix, power},
    rule::erase,
};

pub(super) const ENTRY: Entry = Entry {
    name: "adamax",
    summary: "Adam with the largest decayed gradient in place of the root mean square",
    formula: "u <- max(beta2 u, |g| + eps); w <- w - lr / (1 - beta1^t) m / u",
    source: "Kingma & Ba 2015, alg. 2; torch.optim.Adamax",
    params: &[
        Param::lr(2e-3),
        BETA1,
        BETA2,
        Param::number(
            "eps",
            1e-8,
            Domain::Positive,
            "added to the gradient's size",
        ),
        COUPLED_DECAY,
        MAXIMIZE,
        RESET_MOMENTS,
    ],
    momentum: Some("beta1"),
    build,
    variants: &["adamax", "adamax:beta2=0.9,weight_decay=0.01,maximize=true"],
};

fn build(values: &Values) -> Result<Box<dyn AnyRule>, String> {
    Ok(erase(Adamax {
        base: Base::new(values),
        beta1: values.number("beta1"),
        beta2: values.number("beta2"),
        eps: values.number("eps"),
    }))
}

struct Adamax {
    base: Base,
    beta1: f64,
    beta2: f64,
    eps: f64,
}

impl Rule<7, 2> for Adamax {
    const SCALARS: [&'static str; 7] = [
        "sign",
        "weight_decay",
        "beta1",
        "1 - beta1",
        "beta2",
        "eps",
        "step",
    ];
    const STATES: [&'static str; 2] = ["m", "u"];

    fn scalars(&self, t: u64, lr: f64) -> [f64; 7] {
        let Base { weight_decay, sign } = self.base;
        [
            sign,
            weight_decay,
            self.beta1,
            1.0 - self.beta1,
            self.beta2,
            self.eps,
            lr / (1.0 - power(self.beta1, t)),
        ]
    }

    #[inline(always)]
    fn update<R: Real>(
        [sign, weight_decay, beta1, fresh, beta2, eps, step]: [R; 7],
        w: R,
        g: R,
        [m, u]: [R; 2],
    ) -> (R, [R; 2]) {
        let g = descent(sign, weight_decay, w, g);
        let m = mix(beta1, m, fresh, g);
        let u = (g.max(-g) + eps).max(beta2 * u);
        (w - step * (m / u), [m, u])
    }
}
