//! NAdam: Adam with Nesterov's momentum, which grows over time.
//!
//! ```text
//! mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2),  M_t = mu_1 mu_2 ... mu_t
//! m <- beta1 m + (1 - beta1) g
//! v <- beta2 v + (1 - beta2) g^2
//! w <- w - lr ((1 - mu_t) / (1 - M_t) g + mu_{t+1} / (1 - M_{t+1}) m) / (sqrt(v / (1 - beta2^t)) + eps)
//! ```

use std::sync::{Mutex, PoisonError};

use super::{
    AnyRule, Entry, Real, Rule, Values,
    adam::{BETA1, BETA2, EPS},
    params::{DECOUPLED, Domain, MAXIMIZE, Param, RESET_MOMENTS, SOME_DECAY},
    parts::{Base, Correction, Decay, descent, mix, root},
    rule::erase,
};

pub(super) const ENTRY: Entry = Entry {
    name: "nadam",
    summary: "Adam with Nesterov's momentum, which grows over time",
    formula: "w <- w - lr ((1 - mu) g + mu m) / (sqrt(v) + eps), each corrected for its start",
    source: "Dozat 2016; torch.optim.NAdam",
    params: &[
        Param::lr(2e-3),
        BETA1,
        BETA2,
        EPS,
        Param::number(
            "momentum_decay",
            4e-3,
            Domain::NonNegative,
            "how fast the momentum grows",
        ),
        SOME_DECAY,
        DECOUPLED,
        MAXIMIZE,
        RESET_MOMENTS,
    ],
    momentum: Some("beta1"),
    build,
    variants: &[
        "nadam",
        "nadam:weight_decay=0.01,maximize=true,momentum_decay=0.01",
        "nadam:weight_decay=0.1,decoupled_weight_decay=true",
    ],
};

fn build(values: &Values) -> Result<Box<dyn AnyRule>, String> {
    Ok(erase(NAdam {
        base: Base::new(values),
        decoupled: values.flag("decoupled_weight_decay"),
        beta1: values.number("beta1"),
        beta2: values.number("beta2"),
        eps: values.number("eps"),
        momentum_decay: values.number("momentum_decay"),
        product: Mutex::new((0, 1.0)),
    }))
}

struct NAdam {
    base: Base,
    decoupled: bool,
    beta1: f64,
    beta2: f64,
    eps: f64,
    momentum_decay: f64,
    /// The last product computed, and up to which step: it follows from `t` alone, but not quickly.
    product: Mutex<(u64, f64)>,
}

impl NAdam {
    fn mu(&self, t: u64) -> f64 {
        self.beta1 * (1.0 - 0.5 * 0.96f64.powf(t as f64 * self.momentum_decay))
    }

    /// `mu_1 mu_2 ... mu_t`.
    fn product(&self, t: u64) -> f64 {
        let mut last = self.product.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 > t {
            *last = (0, 1.0);
        }
        // Below the smallest number nothing changes any more.
        while last.0 < t && last.1 > 0.0 {
            *last = (last.0 + 1, last.1 * self.mu(last.0 + 1));
        }
        last.1
    }
}

impl Rule<10, 2> for NAdam {
    const SCALARS: [&'static str; 10] = [
        "sign",
        "weight_decay",
        "shrink",
        "beta1",
        "1 - beta1",
        "beta2",
        "1 - beta2",
        "eps",
        "step of g",
        "step of m",
    ];
    const STATES: [&'static str; 2] = ["m", "v"];

    fn scalars(&self, t: u64, lr: f64) -> [f64; 10] {
        let Decay { coupled, shrink } = Decay::new(self.base.weight_decay, self.decoupled, lr);
        let Correction { gain, eps } = Correction::new(true, self.beta2, t, self.eps, false);
        let (mu, next) = (self.mu(t), self.mu(t + 1));
        let product = self.product(t);
        [
            self.base.sign,
            coupled,
            shrink,
            self.beta1,
            1.0 - self.beta1,
            self.beta2,
            1.0 - self.beta2,
            eps,
            lr * gain * (1.0 - mu) / (1.0 - product),
            lr * gain * next / (1.0 - product * next),
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
            of_g,
            of_m,
        ]: [R; 10],
        w: R,
        g: R,
        [m, v]: [R; 2],
    ) -> (R, [R; 2]) {
        let g = descent(sign, coupled, w, g);
        let m = mix(beta1, m, fresh1, g);
        let v = mix(beta2, v, fresh2, g * g);
        let step = mix(of_g, g, of_m, m) / root::<false, R>(v, eps);
        (shrink * w - step, [m, v])
    }
}
