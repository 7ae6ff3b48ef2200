use settings::{Interval, settings};

use crate::{
    AnyRule, OptimiserSettings, Real, Rule, erase,
    parts::{Descent, EPS, LR, WEIGHT_DECAY, root},
    scalars,
};

settings! {
    /// Adagrad: each weight's step divided by the root of all its squared gradients so far.
    ///
    /// ```text
    /// v <- v + g^2                              from initial_accumulator_value
    /// w <- w - lr / (1 + (t - 1) lr_decay) g / (sqrt(v) + eps)
    /// ```
    ///
    /// It never forgets: it is RMSprop's recurrence with both factors 1.
    pub struct Adagrad {
        /// learning rate
        lr: f64 = 1e-2, in LR;
        /// lr is divided by 1 + (t - 1) lr_decay
        lr_decay: f64 = 0.0, in Interval::at_least(0.0);
        /// added to the root
        eps: f64 = 1e-10, in Interval::at_least(0.0);
        /// sqrt(v + eps) instead of sqrt(v) + eps
        eps_inside: bool = false;
        /// initial value of v
        initial_accumulator_value: f64 = 0.0, in Interval::at_least(0.0);
        /// L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// ascend instead of descend
        maximize: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for Adagrad {
    const NAME: &'static str = "adagrad";
    const SUMMARY: &'static str = "steps divided by the root of all squared gradients so far";
    const FORMULA: &'static str = "v <- v + g^2; w <- w - lr g / (sqrt(v) + eps)";
    const SOURCE: &'static str = "Duchi, Hazan & Singer 2011, fig. 1; torch.optim.Adagrad";
    const VARIANTS: &'static [&'static str] = &[
        "adagrad",
        "adagrad:lr_decay=0.01,initial_accumulator_value=0.1,weight_decay=0.01,maximize=true",
        "adagrad:eps_inside=true,eps=1e-7,initial_accumulator_value=0.1",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        // v never falls, so an initial value above 0 is enough.
        if !EPS.contains(self.eps) && !EPS.contains(self.initial_accumulator_value) {
            return Err(format!(
                "eps = {:e} and initial_accumulator_value = {:e} make the step of a gradient of 0 the quotient 0/0 in f32; allowed: one of them {EPS}",
                self.eps, self.initial_accumulator_value
            ));
        }
        Ok(match self.eps_inside {
            true => erase(AdagradRule::<true>(self.clone())),
            false => erase(AdagradRule::<false>(self.clone())),
        })
    }
}

struct AdagradRule<const EPS_INSIDE: bool>(Adagrad);

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars { descent: Descent, eps, step }
}

impl<const EPS_INSIDE: bool> Rule<1> for AdagradRule<EPS_INSIDE> {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 1] = ["v"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let Adagrad { lr_decay, eps, .. } = self.0;
        Scalars {
            descent: Descent::new(self.0.maximize, self.0.weight_decay),
            eps,
            step: lr / (1.0 + (t - 1) as f64 * lr_decay),
        }
    }

    fn initial(&self) -> [f64; 1] {
        [self.0.initial_accumulator_value]
    }

    #[inline(always)]
    fn update<R: Real>(k: Scalars<R>, w: R, g: R, [v]: [R; 1]) -> (R, [R; 1]) {
        let g = k.descent.direction(w, g);
        let v = v + g * g;
        (w - k.step * (g / root::<EPS_INSIDE, R>(v, k.eps)), [v])
    }
}
