//! How an optimiser describes itself.

use std::{
    any::{Any, TypeId},
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use settings::{Setting, Settings, Value};

use crate::AnyRule;

/// The settings of an optimiser, declared with [`settings!`](settings::settings), and the rule that they make.
///
/// One setting must be called `lr`. Flags called `reset_moments` and `restart_t` say what restarts when
/// the target network is updated.
pub trait OptimiserSettings:
    Settings + Clone + Default + fmt::Debug + Send + Sync + 'static
{
    /// The name by which it is requested.
    const NAME: &'static str;
    /// What it is, in a phrase.
    const SUMMARY: &'static str;
    /// Its recurrence at the defaults.
    const FORMULA: &'static str;
    /// Where it comes from.
    const SOURCE: &'static str;
    /// Texts such as `adam:beta1=0` that together reach every formula it has.
    const VARIANTS: &'static [&'static str];
    /// The setting that is the learning rate of what is no matrix: another one if `lr` is that of matrices alone.
    const LR_OF_VECTORS: &'static str = "lr";

    /// The rule with these values; the error says which of them contradict each other.
    fn rule(&self) -> Result<Box<dyn AnyRule>, String>;

    /// The decaying sum of past gradients that the steps follow, if these values have one.
    fn momentum(&self) -> Option<MomentumState> {
        None
    }

    /// The weights to evaluate with, if they are not those that are stepped.
    fn evaluation(&self) -> Option<EvaluationWeights> {
        None
    }

    /// What keeps its step from overshooting, if these values have that.
    fn bound(&self) -> Option<StepBound> {
        None
    }
}

/// A learning rate that is lowered where a step along a direction could go too far (Elsayed, Vasan & Mahmood
/// 2024, arXiv 2410.14606, sec. 3.3).
///
/// It depends on all of an agent's weights at once, so it is computed before the rule steps each by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepBound {
    /// How far from overshooting a step stays: 1 is just short of it, 2 twice as far.
    pub kappa: f64,
}

impl StepBound {
    /// `lr / max(1, lr kappa size)`, where `size` is the direction's L1 norm. A size that is no number
    /// makes the lr so too.
    pub fn lr(self, lr: f64, size: f64) -> f64 {
        let reach = lr * self.kappa * size;
        if reach <= 1.0 { lr } else { lr / reach }
    }
}

/// Weights to evaluate with: `w + factor state`. A gradient is still taken at `w`.
///
/// [`Optimiser::evaluation_weights`](crate::Optimiser::evaluation_weights) and
/// [`SliceOptimiser::evaluation_weights`](crate::SliceOptimiser::evaluation_weights) compute them. A rule that
/// averages its weights stores how far the average, or what it follows from, is from the weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvaluationWeights {
    /// The state that is added to the weights.
    pub state: &'static str,
    /// What it is multiplied by.
    pub factor: f64,
}

/// What an optimiser steps along in place of the gradient: a decaying sum of all gradients so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MomentumState {
    /// The state that holds it.
    pub state: &'static str,
    /// The share of it that each step keeps.
    pub beta: f64,
}

impl MomentumState {
    /// The momentum in `state`, unless a step keeps nothing of it.
    pub fn new(state: &'static str, beta: f64) -> Option<Self> {
        (beta > 0.0).then_some(Self { state, beta })
    }
}

/// What restarts when the target network is updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Nothing.
    Nothing,
    /// The step count that corrections and the like depend on.
    Time,
    /// The step count and every state.
    State,
}

/// An optimiser that can be requested by name.
#[derive(Debug)]
pub struct Entry {
    /// The name.
    pub name: &'static str,
    /// What it is, in a phrase.
    pub summary: &'static str,
    /// Its recurrence at the defaults.
    pub formula: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Its hyper-parameters.
    pub params: &'static [Setting],
    /// Texts that together reach every formula it has.
    pub variants: &'static [&'static str],
    /// The setting that is the learning rate of what is no matrix.
    pub lr_of_vectors: &'static str,
    pub(crate) type_id: TypeId,
    pub(crate) default: fn() -> Box<dyn AnySettings>,
}

impl Entry {
    /// The entry of the optimiser with the settings `T`, registered or not.
    pub fn of<T: OptimiserSettings>() -> &'static Self {
        static KNOWN: Mutex<BTreeMap<TypeId, &'static Entry>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(TypeId::of::<T>()).or_insert_with(|| {
            // One for each type in the program, kept until the program ends.
            Box::leak(Box::new(Self {
                name: T::NAME,
                summary: T::SUMMARY,
                formula: T::FORMULA,
                source: T::SOURCE,
                params: T::declared(),
                variants: T::VARIANTS,
                lr_of_vectors: T::LR_OF_VECTORS,
                type_id: TypeId::of::<T>(),
                default: || Box::new(T::default()),
            }))
        })
    }
}

/// [`OptimiserSettings`] of a type known only at run time.
pub(crate) trait AnySettings: Send + Sync {
    fn get(&self, name: &str) -> Option<Value>;
    fn set(&mut self, name: &str, value: &Value) -> Result<(), settings::Error>;
    fn set_text(&mut self, name: &str, text: &str) -> Result<(), settings::Error>;
    fn check_ranges(&self) -> Result<(), settings::Error>;
    fn rule(&self) -> Result<Box<dyn AnyRule>, String>;
    fn momentum(&self) -> Option<MomentumState>;
    fn evaluation(&self) -> Option<EvaluationWeights>;
    fn bound(&self) -> Option<StepBound>;
    fn boxed(&self) -> Box<dyn AnySettings>;
    fn as_any(&self) -> &dyn Any;
}

impl<T: OptimiserSettings> AnySettings for T {
    fn get(&self, name: &str) -> Option<Value> {
        Settings::get(self, name)
    }
    fn set(&mut self, name: &str, value: &Value) -> Result<(), settings::Error> {
        Settings::set(self, name, value)
    }
    fn set_text(&mut self, name: &str, text: &str) -> Result<(), settings::Error> {
        Settings::set_text(self, name, text)
    }
    fn check_ranges(&self) -> Result<(), settings::Error> {
        Settings::check_ranges(self)
    }
    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        OptimiserSettings::rule(self)
    }
    fn momentum(&self) -> Option<MomentumState> {
        OptimiserSettings::momentum(self)
    }
    fn evaluation(&self) -> Option<EvaluationWeights> {
        OptimiserSettings::evaluation(self)
    }
    fn bound(&self) -> Option<StepBound> {
        OptimiserSettings::bound(self)
    }
    fn boxed(&self) -> Box<dyn AnySettings> {
        Box::new(self.clone())
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}
