//! Adagrad: each weight's step divided by the root of all its squared gradients so far.
//!
//! ```text
//! v <- v + g^2                              from initial_accumulator_value
//! w <- w - lr / (1 + (t - 1) lr_decay) g / (sqrt(v) + eps)
//! ```
//!
//! It never forgets: it is RMSprop's recurrence with both weights 1.

use super::{
    AnyRule, Entry, Real, Rule, Values,
    params::{COUPLED_DECAY, Domain, EPS_INSIDE, MAXIMIZE, Param, RESET_MOMENTS},
    parts::{Base, descent, root},
    rule::erase,
};

pub(super) const ENTRY: Entry = Entry {
    name: "adagrad",
    summary: "steps divided by the root of all squared gradients so far",
    formula: "v <- v + g^2; w <- w - lr g / (sqrt(v) + eps)",
    source: "Duchi, Hazan & Singer 2011, fig. 1; torch.optim.Adagrad",
    params: &[
        Param::lr(1e-2),
        Param::number(
            "lr_decay",
            0.0,
            Domain::NonNegative,
            "lr is divided by 1 + (t - 1) lr_decay",
        ),
        Param::number("eps", 1e-10, Domain::NonNegative, "added to the root"),
        EPS_INSIDE,
        Param::number(
            "initial_accumulator_value",
            0.0,
            Domain::NonNegative,
            "where v starts",
        ),
        COUPLED_DECAY,
        MAXIMIZE,
        RESET_MOMENTS,
    ],
    momentum: None,
    build,
    variants: &[
        "adagrad",
        "adagrad:lr_decay=0.01,initial_accumulator_value=0.1,weight_decay=0.01,maximize=true",
        "adagrad:eps_inside=true,eps=1e-7,initial_accumulator_value=0.1",
    ],
};

fn build(values: &Values) -> Result<Box<dyn AnyRule>, String> {
    let settings = Settings {
        base: Base::new(values),
        lr_decay: values.number("lr_decay"),
        eps: values.number("eps"),
        v0: values.number("initial_accumulator_value"),
    };
    Ok(if values.flag("eps_inside") {
        erase(Adagrad::<true>(settings))
    } else {
        erase(Adagrad::<false>(settings))
    })
}

struct Settings {
    base: Base,
    lr_decay: f64,
    eps: f64,
    v0: f64,
}

struct Adagrad<const EPS_INSIDE: bool>(Settings);

impl<const EPS_INSIDE: bool> Rule<4, 1> for Adagrad<EPS_INSIDE> {
    const SCALARS: [&'static str; 4] = ["sign", "weight_decay", "eps", "step"];
    const STATES: [&'static str; 1] = ["v"];

    fn scalars(&self, t: u64, lr: f64) -> [f64; 4] {
        let Settings {
            base,
            lr_decay,
            eps,
            ..
        } = self.0;
        let step = lr / (1.0 + (t - 1) as f64 * lr_decay);
        [base.sign, base.weight_decay, eps, step]
    }

    fn initial(&self) -> [f64; 1] {
        [self.0.v0]
    }

    #[inline(always)]
    fn update<R: Real>(
        [sign, weight_decay, eps, step]: [R; 4],
        w: R,
        g: R,
        [v]: [R; 1],
    ) -> (R, [R; 1]) {
        let g = descent(sign, weight_decay, w, g);
        let v = v + g * g;
        (w - step * (g / root::<EPS_INSIDE, R>(v, eps)), [v])
    }
}
