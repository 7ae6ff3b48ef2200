//! RAdam: Adam whose step per weight waits until the variance of `v` is known.
//!
//! ```text
//! rho_inf = 2 / (1 - beta2) - 1,  rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t)
//! rho_t > 5:  w <- w - lr r_t m / (1 - beta1^t) / ((sqrt(v) + eps) / sqrt(1 - beta2^t))
//! otherwise:  w <- w - lr m / (1 - beta1^t)
//! r_t = sqrt((rho_t - 4) (rho_t - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho_t))
//! ```

use super::{
    AnyRule, Entry, Real, Rule, Values,
    adam::{BETA1, BETA2},
    params::{DECOUPLED, Domain, MAXIMIZE, Param, RESET_MOMENTS, SOME_DECAY},
    parts::{Base, Decay, descent, mix, power, root},
    rule::erase,
};

pub(super) const ENTRY: Entry = Entry {
    name: "radam",
    summary: "Adam whose step per weight waits until the variance of v is known",
    formula: "w <- w - lr r m / (1 - beta1^t) / (sqrt(v) + eps) sqrt(1 - beta2^t), at first without v",
    source: "Liu et al. 2020, alg. 2; torch.optim.RAdam",
    params: &[
        Param::lr(1e-3),
        BETA1,
        BETA2,
        Param::number("eps", 1e-8, Domain::Positive, "added to the root"),
        SOME_DECAY,
        DECOUPLED,
        MAXIMIZE,
        RESET_MOMENTS,
    ],
    momentum: Some("beta1"),
    build,
    variants: &[
        "radam",
        "radam:beta2=0.9,weight_decay=0.01,maximize=true",
        "radam:weight_decay=0.1,decoupled_weight_decay=true",
    ],
};

fn build(values: &Values) -> Result<Box<dyn AnyRule>, String> {
    Ok(erase(RAdam {
        base: Base::new(values),
        decoupled: values.flag("decoupled_weight_decay"),
        beta1: values.number("beta1"),
        beta2: values.number("beta2"),
        eps: values.number("eps"),
    }))
}

struct RAdam {
    base: Base,
    decoupled: bool,
    beta1: f64,
    beta2: f64,
    eps: f64,
}

impl RAdam {
    /// `r_t sqrt(1 - beta2^t)`, once the variance is known.
    fn rectified(&self, t: u64) -> Option<f64> {
        let c = 1.0 - power(self.beta2, t);
        let most = 2.0 / (1.0 - self.beta2) - 1.0;
        let rho = most - 2.0 * t as f64 * (1.0 - c) / c;
        let r = (rho - 4.0) * (rho - 2.0) * most / ((most - 4.0) * (most - 2.0) * rho);
        (rho > 5.0).then(|| (r * c).sqrt())
    }
}

impl Rule<10, 2> for RAdam {
    const SCALARS: [&'static str; 10] = [
        "sign",
        "weight_decay",
        "shrink",
        "beta1",
        "1 - beta1",
        "beta2",
        "1 - beta2",
        "eps",
        "step per weight",
        "step",
    ];
    const STATES: [&'static str; 2] = ["m", "v"];

    fn scalars(&self, t: u64, lr: f64) -> [f64; 10] {
        let Decay { coupled, shrink } = Decay::new(self.base.weight_decay, self.decoupled, lr);
        let step = lr / (1.0 - power(self.beta1, t));
        let (per_weight, plain) = match self.rectified(t) {
            Some(r) => (r * step, 0.0),
            None => (0.0, step),
        };
        [
            self.base.sign,
            coupled,
            shrink,
            self.beta1,
            1.0 - self.beta1,
            self.beta2,
            1.0 - self.beta2,
            self.eps,
            per_weight,
            plain,
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
            per_weight,
            plain,
        ]: [R; 10],
        w: R,
        g: R,
        [m, v]: [R; 2],
    ) -> (R, [R; 2]) {
        let g = descent(sign, coupled, w, g);
        let m = mix(beta1, m, fresh1, g);
        let v = mix(beta2, v, fresh2, g * g);
        let step = per_weight / root::<false, R>(v, eps) + plain;
        (shrink * w - step * m, [m, v])
    }
}
