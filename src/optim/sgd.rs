//! Gradient descent.
//!
//! ```text
//! w <- w - lr g
//! ```
//!
//! `sgd` takes PyTorch's `SGD` arguments whole: with `momentum` it is
//! [`momentum`](super::momentum), with `nesterov` [`nag`](super::nag).

use super::{
    AnyRule, Entry, Real, Rule, Values,
    momentum::{DAMPENING, Momentum},
    nag::Nag,
    params::{COUPLED_DECAY, Domain, MAXIMIZE, Param},
    parts::{Base, descent},
    rule::erase,
};

pub(super) const ENTRY: Entry = Entry {
    name: "sgd",
    summary: "gradient descent, PyTorch's SGD with all its arguments",
    formula: "w <- w - lr g",
    source: "Robbins & Monro 1951; torch.optim.SGD",
    params: &[
        Param::lr(1e-3),
        Param::number("momentum", 0.0, Domain::Fraction, "as in `momentum`"),
        DAMPENING,
        Param::flag("nesterov", "as in `nag`"),
        COUPLED_DECAY,
        MAXIMIZE,
    ],
    momentum: Some("momentum"),
    build,
    variants: &[
        "sgd",
        "sgd:weight_decay=0.01",
        "sgd:maximize=true",
        "sgd:momentum=0.9,dampening=0.5,weight_decay=0.01",
        "sgd:momentum=0.9,nesterov=true,maximize=true",
    ],
};

fn build(values: &Values) -> Result<Box<dyn AnyRule>, String> {
    let base = Base::new(values);
    let momentum = values.number("momentum");
    let dampening = values.number("dampening");
    if values.flag("nesterov") {
        if momentum == 0.0 || dampening != 0.0 {
            return Err("nesterov needs momentum > 0 and dampening = 0".into());
        }
        return Ok(erase(Nag { base, momentum }));
    }
    if momentum == 0.0 {
        return Ok(erase(Sgd(base)));
    }
    Ok(erase(Momentum {
        base,
        momentum,
        dampening,
        averaged: false,
    }))
}

struct Sgd(Base);

impl Rule<3, 0> for Sgd {
    const SCALARS: [&'static str; 3] = ["sign", "weight_decay", "lr"];
    const STATES: [&'static str; 0] = [];

    fn scalars(&self, _t: u64, lr: f64) -> [f64; 3] {
        [self.0.sign, self.0.weight_decay, lr]
    }

    #[inline(always)]
    fn update<R: Real>([sign, weight_decay, lr]: [R; 3], w: R, g: R, []: [R; 0]) -> (R, [R; 0]) {
        (w - lr * descent(sign, weight_decay, w, g), [])
    }
}
