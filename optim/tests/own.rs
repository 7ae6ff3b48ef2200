//! An optimiser from outside the crate: its broken promise is named, and it can be registered.

use optim::{
    AnyRule, MomentumState, OptimiserSettings, Real, Rule, contract, erase, parts, register,
    scalars, settings::settings,
};

settings! {
    /// Gradient descent that divides by the gradient's size, and claims a momentum.
    pub struct Sign {
        /// learning rate
        lr: f64 = 1e-3, in parts::LR;
        /// added to the gradient's size
        eps: f64 = 0.0, in 0.0..=1.0;
        /// what it says its momentum is
        claimed: f64 = 0.0, in 0.0..=1.0;
    }
}

impl OptimiserSettings for Sign {
    const NAME: &'static str = "sign";
    const SUMMARY: &'static str = "the sign of the gradient";
    const FORMULA: &'static str = "w <- w - lr g / (|g| + eps)";
    const SOURCE: &'static str = "made up";
    const VARIANTS: &'static [&'static str] = &["sign:eps=0.1,claimed=0.5"];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Ok(erase(SignRule(self.clone())))
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("last", self.claimed)
    }
}

scalars! {
    /// A step's numbers.
    pub struct SignScalars { lr, eps }
}

struct SignRule(Sign);

impl Rule<1> for SignRule {
    type Scalars<T: Copy> = SignScalars<T>;
    const STATES: [&'static str; 1] = ["last"];

    fn scalars(&self, _t: u64, lr: f64) -> SignScalars<f64> {
        SignScalars {
            lr,
            eps: self.0.eps,
        }
    }

    fn update<R: Real>(k: SignScalars<R>, w: R, g: R, [last]: [R; 1]) -> (R, [R; 1]) {
        let kept = R::constant(0.25) * last + g;
        (w - k.lr * (g / (g.max(-g) + k.eps)), [kept])
    }
}

#[test]
fn a_broken_promise_is_named() {
    let error = contract::check::<Sign>().unwrap_err().to_string();
    assert!(
        error.contains("declares that momentum `last` decays by 0.5, and it decays by 0.25"),
        "{error}"
    );
}

#[test]
fn a_registered_optimiser_is_found_by_name() {
    assert!("sign".parse::<optim::Spec>().is_err());
    let entry = register::<Sign>().unwrap();
    assert_eq!(entry.name, "sign");
    register::<Sign>().unwrap();
    let spec: optim::Spec = "sign:eps=0.5".parse().unwrap();
    let typed = Sign {
        eps: 0.5,
        ..Sign::default()
    };
    assert_eq!(spec.settings::<Sign>(), Some(&typed));
}
