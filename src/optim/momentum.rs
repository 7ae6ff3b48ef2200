//! Gradient descent with momentum, in PyTorch's form and as an average.
//!
//! ```text
//! b <- momentum b + (1 - dampening) g      at the first step b = g
//! w <- w - lr b
//! ```
//!
//! `averaged` is the exponentially weighted average of the gradients instead,
//! `V <- momentum V + (1 - momentum) g` from `V = 0`. At the same lr its steps
//! are `1 - momentum` times as long: compare the two at `lr` and `lr / (1 - momentum)`.

use super::{
    AnyRule, Entry, Real, Rule, Values,
    params::{COUPLED_DECAY, Domain, MAXIMIZE, Param, RESET_MOMENTS},
    parts::{Base, descent, mix},
    rule::erase,
};

pub(super) const MOMENTUM: Param = Param::number(
    "momentum",
    0.9,
    Domain::Fraction,
    "how much of the past a step keeps",
);
pub(super) const DAMPENING: Param = Param::number(
    "dampening",
    0.0,
    Domain::ClosedFraction,
    "share of each new gradient (after the first) held back",
);

pub(super) const ENTRY: Entry = Entry {
    name: "momentum",
    summary: "gradient descent with momentum",
    formula: "b <- momentum b + (1 - dampening) g; w <- w - lr b",
    source: "Polyak 1964; torch.optim.SGD; averaged: exponentially weighted average",
    params: &[
        Param::lr(1e-3),
        MOMENTUM,
        DAMPENING,
        Param::flag("averaged", "V <- momentum V + (1 - momentum) g, from V = 0"),
        COUPLED_DECAY,
        MAXIMIZE,
        RESET_MOMENTS,
    ],
    momentum: Some("momentum"),
    build,
    variants: &[
        "momentum",
        "momentum:dampening=0.3,weight_decay=0.01",
        "momentum:maximize=true",
        "momentum:averaged=true",
    ],
};

fn build(values: &Values) -> Result<Box<dyn AnyRule>, String> {
    let (averaged, dampening) = (values.flag("averaged"), values.number("dampening"));
    if averaged && dampening != 0.0 {
        return Err("averaged fixes the dampening; leave dampening at 0".into());
    }
    Ok(erase(Momentum {
        base: Base::new(values),
        momentum: values.number("momentum"),
        dampening,
        averaged,
    }))
}

pub(super) struct Momentum {
    pub base: Base,
    pub momentum: f64,
    pub dampening: f64,
    pub averaged: bool,
}

impl Rule<5, 1> for Momentum {
    const SCALARS: [&'static str; 5] = ["sign", "weight_decay", "lr", "momentum", "gain"];
    const STATES: [&'static str; 1] = ["b"];

    fn scalars(&self, t: u64, lr: f64) -> [f64; 5] {
        let gain = match (self.averaged, t) {
            (true, _) => 1.0 - self.momentum,
            (false, 1) => 1.0,
            (false, _) => 1.0 - self.dampening,
        };
        let Base { weight_decay, sign } = self.base;
        [sign, weight_decay, lr, self.momentum, gain]
    }

    #[inline(always)]
    fn update<R: Real>(
        [sign, weight_decay, lr, momentum, gain]: [R; 5],
        w: R,
        g: R,
        [b]: [R; 1],
    ) -> (R, [R; 1]) {
        let b = mix(momentum, b, gain, descent(sign, weight_decay, w, g));
        (w - lr * b, [b])
    }
}
