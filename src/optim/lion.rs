//! Lion: the sign of a momentum that is part gradient, with decoupled weight decay.
//!
//! ```text
//! w <- (1 - lr weight_decay) w - lr sign(beta1 m + (1 - beta1) g)
//! m <- beta2 m + (1 - beta2) g
//! ```

use super::{
    AnyRule, Entry, Real, Rule, Values,
    params::{Domain, MAXIMIZE, Param, RESET_MOMENTS},
    parts::{Base, Decay, mix},
    rule::erase,
};

pub(super) const ENTRY: Entry = Entry {
    name: "lion",
    summary: "the sign of a momentum that is part gradient",
    formula: "w <- (1 - lr weight_decay) w - lr sign(beta1 m + (1 - beta1) g)",
    source: "Chen et al. 2023, alg. 2; optax.lion",
    params: &[
        Param::lr(1e-4),
        Param::number(
            "beta1",
            0.9,
            Domain::Fraction,
            "share of m in a step's sign",
        ),
        Param::number(
            "beta2",
            0.99,
            Domain::Fraction,
            "of the average of gradients",
        ),
        Param::weight_decay(0.0, "shrinks the weights by lr weight_decay a step"),
        MAXIMIZE,
        RESET_MOMENTS,
    ],
    momentum: Some("beta2"),
    build,
    variants: &["lion", "lion:beta1=0.95,beta2=0.98,weight_decay=0.1"],
};

fn build(values: &Values) -> Result<Box<dyn AnyRule>, String> {
    Ok(erase(Lion {
        base: Base::new(values),
        beta1: values.number("beta1"),
        beta2: values.number("beta2"),
    }))
}

struct Lion {
    base: Base,
    beta1: f64,
    beta2: f64,
}

impl Rule<7, 1> for Lion {
    const SCALARS: [&'static str; 7] = [
        "sign",
        "shrink",
        "beta1",
        "1 - beta1",
        "beta2",
        "1 - beta2",
        "lr",
    ];
    const STATES: [&'static str; 1] = ["m"];

    fn scalars(&self, _t: u64, lr: f64) -> [f64; 7] {
        let Decay { shrink, .. } = Decay::new(self.base.weight_decay, true, lr);
        [
            self.base.sign,
            shrink,
            self.beta1,
            1.0 - self.beta1,
            self.beta2,
            1.0 - self.beta2,
            lr,
        ]
    }

    #[inline(always)]
    fn update<R: Real>(
        [sign, shrink, beta1, fresh1, beta2, fresh2, lr]: [R; 7],
        w: R,
        g: R,
        [m]: [R; 1],
    ) -> (R, [R; 1]) {
        let g = sign * g;
        let direction = mix(beta1, m, fresh1, g).signum();
        (shrink * w - lr * direction, [mix(beta2, m, fresh2, g)])
    }
}
