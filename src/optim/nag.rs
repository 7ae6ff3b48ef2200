//! Nesterov's accelerated gradient, in PyTorch's form and with the look-ahead gradient.
//!
//! ```text
//! b <- momentum b + g
//! w <- w - lr (g + momentum b)
//! ```
//!
//! `lookahead` is the form that takes the gradient ahead of the weights:
//!
//! ```text
//! V <- momentum V + lr grad(W - momentum V)
//! W <- W - V
//! ```
//!
//! The parameters hold the point `w = W - momentum V` where the gradient is
//! taken, so that one gradient a step is enough; substituting it gives, exactly,
//!
//! ```text
//! V' = momentum V + lr g(w)
//! w' = w + momentum V - (1 + momentum) V'
//! ```
//!
//! and `W = w + momentum V` recovers the other sequence (Bengio et al. 2013,
//! "Advances in optimizing recurrent networks", section 3.5). At a constant lr
//! it is PyTorch's form with `V = lr b`; when lr changes they differ, because here
//! the velocity keeps the lr that each gradient came with.

use super::{
    AnyRule, Entry, Real, Rule, Values,
    momentum::MOMENTUM,
    params::{COUPLED_DECAY, MAXIMIZE, Param, RESET_MOMENTS},
    parts::{Base, descent, mix},
    rule::erase,
};

pub(super) const ENTRY: Entry = Entry {
    name: "nag",
    summary: "Nesterov's accelerated gradient",
    formula: "b <- momentum b + g; w <- w - lr (g + momentum b)",
    source: "Nesterov 1983; torch.optim.SGD(nesterov=True); lookahead: Bengio et al. 2013, sec. 3.5",
    params: &[
        Param::lr(1e-3),
        MOMENTUM,
        Param::flag(
            "lookahead",
            "V <- momentum V + lr grad(W - momentum V); W <- W - V",
        ),
        COUPLED_DECAY,
        MAXIMIZE,
        RESET_MOMENTS,
    ],
    momentum: Some("momentum"),
    build,
    variants: &[
        "nag",
        "nag:momentum=0.8,weight_decay=0.01,maximize=true",
        "nag:lookahead=true",
    ],
};

fn build(values: &Values) -> Result<Box<dyn AnyRule>, String> {
    let (base, momentum) = (Base::new(values), values.number("momentum"));
    Ok(if values.flag("lookahead") {
        erase(LookAhead { base, momentum })
    } else {
        erase(Nag { base, momentum })
    })
}

pub(super) struct Nag {
    pub base: Base,
    pub momentum: f64,
}

impl Rule<4, 1> for Nag {
    const SCALARS: [&'static str; 4] = ["sign", "weight_decay", "lr", "momentum"];
    const STATES: [&'static str; 1] = ["b"];

    fn scalars(&self, _t: u64, lr: f64) -> [f64; 4] {
        let Base { weight_decay, sign } = self.base;
        [sign, weight_decay, lr, self.momentum]
    }

    #[inline(always)]
    fn update<R: Real>(
        [sign, weight_decay, lr, momentum]: [R; 4],
        w: R,
        g: R,
        [b]: [R; 1],
    ) -> (R, [R; 1]) {
        let g = descent(sign, weight_decay, w, g);
        let b = momentum * b + g;
        (w - lr * (g + momentum * b), [b])
    }
}

struct LookAhead {
    base: Base,
    momentum: f64,
}

impl Rule<5, 1> for LookAhead {
    const SCALARS: [&'static str; 5] = ["sign", "weight_decay", "lr", "momentum", "1 + momentum"];
    const STATES: [&'static str; 1] = ["velocity"];

    fn scalars(&self, _t: u64, lr: f64) -> [f64; 5] {
        let Base { weight_decay, sign } = self.base;
        [sign, weight_decay, lr, self.momentum, 1.0 + self.momentum]
    }

    #[inline(always)]
    fn update<R: Real>(
        [sign, weight_decay, lr, momentum, reach]: [R; 5],
        w: R,
        g: R,
        [velocity]: [R; 1],
    ) -> (R, [R; 1]) {
        let ahead = momentum * velocity;
        let velocity = mix(momentum, velocity, lr, descent(sign, weight_decay, w, g));
        (w + ahead - reach * velocity, [velocity])
    }
}
