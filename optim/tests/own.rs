//! Optimisers from outside the crate: a broken promise is named, and one can be registered.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use candle_core::{DType, Device, Tensor, Var};
use optim::{
    AnyRule, Element, Group, MomentumState, Optimiser, OptimiserSettings, Parameter, Real, Rule,
    Shape, TensorRule, contract, erase, erase_tensor_rule, parts, register, scalars,
    settings::settings,
};

settings! {
    /// Steps along the sign of the gradient, with a claim about a momentum.
    pub struct Sign {
        /// learning rate
        lr: f64 = 1e-3, in parts::LR;
        /// added to the gradient's size
        eps: f64 = 0.1, in 0.0..=1.0;
        /// what it says its momentum is
        claimed: f64 = 0.0, in 0.0..=1.0;
    }
}

impl OptimiserSettings for Sign {
    const NAME: &'static str = "sign";
    const SUMMARY: &'static str = "the sign of the gradient";
    const FORMULA: &'static str = "w <- w - lr g / (|g| + eps)";
    const SOURCE: &'static str = "made up";
    const VARIANTS: &'static [&'static str] = &["sign", "sign:eps=1"];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Ok(erase(SignRule(self.clone())))
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
        let eps = self.0.eps;
        SignScalars { lr, eps }
    }

    fn update<R: Real>(k: SignScalars<R>, w: R, g: R, [last]: [R; 1]) -> (R, [R; 1]) {
        let kept = R::constant(0.25) * last + g;
        (w - k.lr * (g / (g.max(-g) + k.eps)), [kept])
    }
}

/// Declares an optimiser with the settings of [`Sign`] and the name `broken`, but another rule or other variants.
macro_rules! broken {
    ($name:ident, $variants:expr, $rule:expr) => {
        settings! {
            /// See [`Sign`].
            pub struct $name {
                /// learning rate
                lr: f64 = 1e-3, in parts::LR;
                /// added to the gradient's size
                eps: f64 = 0.1, in 0.0..=1.0;
                /// what it says its momentum is
                claimed: f64 = 0.0, in 0.0..=1.0;
            }
        }

        impl OptimiserSettings for $name {
            const NAME: &'static str = "broken";
            const SUMMARY: &'static str = Sign::SUMMARY;
            const FORMULA: &'static str = Sign::FORMULA;
            const SOURCE: &'static str = Sign::SOURCE;
            const VARIANTS: &'static [&'static str] = $variants;

            fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
                let Self { lr, eps, claimed } = *self;
                Ok($rule(Sign { lr, eps, claimed }))
            }

            fn momentum(&self) -> Option<MomentumState> {
                MomentumState::new("last", self.claimed)
            }
        }
    };
}

fn sign(settings: Sign) -> Box<dyn AnyRule> {
    erase(SignRule(settings))
}

/// Its lr is different each time it is asked for.
struct Restless(Sign);

impl Rule<0> for Restless {
    type Scalars<T: Copy> = SignScalars<T>;
    const STATES: [&'static str; 0] = [];

    fn scalars(&self, _t: u64, lr: f64) -> SignScalars<f64> {
        static ASKED: AtomicU64 = AtomicU64::new(0);
        let lr = lr * ASKED.fetch_add(1, Relaxed) as f64;
        let eps = self.0.eps;
        SignScalars { lr, eps }
    }

    fn update<R: Real>(k: SignScalars<R>, w: R, g: R, []: [R; 0]) -> (R, [R; 0]) {
        (w - k.lr * g, [])
    }
}

/// In f32 it loses digits of the gradient.
struct Coarse(Sign);

impl Rule<0> for Coarse {
    type Scalars<T: Copy> = SignScalars<T>;
    const STATES: [&'static str; 0] = [];

    fn scalars(&self, _t: u64, lr: f64) -> SignScalars<f64> {
        let eps = self.0.eps;
        SignScalars { lr, eps }
    }

    fn update<R: Real>(k: SignScalars<R>, w: R, g: R, []: [R; 0]) -> (R, [R; 0]) {
        let large = R::constant(1e8);
        (w - k.lr * ((g + large) - large), [])
    }
}

broken!(NoVariants, &[], sign);
broken!(OtherVariants, &["sign"], sign);
broken!(UnknownKey, &["broken:epsilon=0.1"], sign);
broken!(ZeroOverZero, &["broken:eps=1e-46"], sign);
broken!(NotDeterministic, &["broken"], |s| erase(Restless(s)));
broken!(FarInF32, &["broken"], |s| erase(Coarse(s)));
broken!(OtherMomentum, &["broken:claimed=0.5"], sign);

#[test]
fn a_broken_promise_is_named() {
    contract::check::<Sign>().unwrap();
    for (checked, words) in [
        (contract::check::<NoVariants>(), "`broken` has no variants"),
        (
            contract::check::<OtherVariants>(),
            "`sign` is listed as a variant of `broken`",
        ),
        (contract::check::<UnknownKey>(), "allowed: lr, eps, claimed"),
        (
            contract::check::<ZeroOverZero>(),
            "`broken:eps=1e-46` makes a weight NaN at step 1 of gradients that are all 0",
        ),
        (
            contract::check::<NotDeterministic>(),
            "is not deterministic",
        ),
        (contract::check::<FarInF32>(), "in f32 at step 1"),
        (
            contract::check::<OtherMomentum>(),
            "declares that momentum `last` decays by 0.5, and it decays by 0.25",
        ),
    ] {
        let error = checked.unwrap_err().to_string();
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
}

broken!(BranchesOnLr, &["broken"], |s: Sign| match s.lr > 0.1 {
    true => erase(Coarse(s)),
    false => sign(s),
});

#[test]
fn a_group_has_the_terms_of_the_other_parameters() {
    let group = |lr, weight_decay| {
        let var = Var::zeros(2, DType::F32, &Device::Cpu).unwrap();
        let optimiser = Optimiser::new(
            &[BranchesOnLr::default().into()],
            vec![Parameter::new("bias", var)],
        );
        let group = Group {
            parameters: vec!["bias".into()],
            lr,
            weight_decay,
            ..Group::new("biases")
        };
        optimiser.unwrap().group(group)
    };
    group(Some(0.05), None).unwrap();
    for (lr, weight_decay, words) in [
        (Some(0.5), None, "may differ from it only in numbers"),
        (None, Some(0.1), "allowed: lr, eps, claimed"),
    ] {
        let error = group(lr, weight_decay).err().unwrap().to_string();
        assert!(error.starts_with("group `biases`: "), "{error}");
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
}

settings! {
    /// Steps of one length for each tensor, along its gradient.
    pub struct UnitSteps {
        /// learning rate: the length of a step
        lr: f64 = 1e-2, in parts::LR;
    }
}

impl OptimiserSettings for UnitSteps {
    const NAME: &'static str = "unit-steps";
    const SUMMARY: &'static str = "steps of one length for each tensor";
    const FORMULA: &'static str = "w <- w - lr g / |g|";
    const SOURCE: &'static str = "made up";
    const VARIANTS: &'static [&'static str] = &["unit-steps"];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Ok(erase_tensor_rule(UnitStepsRule))
    }
}

struct UnitStepsRule;

scalars! {
    /// A step's number.
    pub struct UnitScalars { lr }
}

impl TensorRule<0> for UnitStepsRule {
    type Scalars<T: Copy> = UnitScalars<T>;
    const STATES: [&'static str; 0] = [];

    fn scalars(&self, _t: u64, lr: f64) -> UnitScalars<f64> {
        UnitScalars { lr }
    }

    fn update<R: Element>(
        &self,
        k: UnitScalars<R>,
        _: Shape,
        w: &mut [R],
        g: &[R],
        []: [&mut [R]; 0],
    ) {
        let length = parts::sum_of_squares(g).sqrt().max(1e-30);
        let step = k.lr / R::constant(length);
        for (w, g) in w.iter_mut().zip(g) {
            *w = *w - step * *g;
        }
    }
}

#[test]
fn a_rule_may_look_at_a_whole_tensor() {
    contract::check::<UnitSteps>().unwrap();
    let var = Var::new(&[[0f64, 0.0], [0.0, 0.0]], &Device::Cpu).unwrap();
    let parameter = Parameter::new("weight", var.clone());
    let mut optimiser = Optimiser::new(&[UnitSteps { lr: 1.0 }.into()], vec![parameter]).unwrap();
    let pull = Tensor::new(&[[3f64, 0.0], [0.0, 4.0]], &Device::Cpu).unwrap();
    let loss = (var.as_tensor() * pull).unwrap().sum_all().unwrap();
    optimiser.step(&loss.backward().unwrap()).unwrap();
    let stepped = var.to_vec2::<f64>().unwrap().concat();
    for (w, expected) in stepped.iter().zip([-0.6, 0.0, 0.0, -0.8]) {
        assert!((w - expected).abs() < 1e-15, "{stepped:?}");
    }
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
