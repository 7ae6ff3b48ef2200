//! Optimisers: each a [`Rule`] in a file of its own, with a line in [`registry`].
//!
//! ```
//! use optimiser_paradigms::optim::Spec;
//!
//! let spec: Spec = "rmsprop:lr=3e-4,centered=true".parse()?;
//! assert_eq!(spec.to_string(), "rmsprop:lr=3e-4,centered=true");
//! let rule = spec.rule()?;
//! assert_eq!(rule.state_names(), ["v", "a"]);
//! # Ok::<(), optimiser_paradigms::Error>(())
//! ```

pub mod adadelta;
pub mod adagrad;
pub mod adam;
pub mod adamax;
pub mod adamw;
mod candle;
mod clip;
mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
pub mod face;
pub mod kernel;
pub mod lion;
pub mod momentum;
pub mod nadam;
pub mod nag;
mod params;
mod parts;
mod presets;
pub mod radam;
mod real;
mod record;
pub mod rmsprop;
mod rule;
mod schedule;
mod serial;
pub mod sgd;
mod spec;
mod state;
mod watch;

pub use candle::{Optimiser, Parameter, Restart};
pub use clip::{Clip, Clipping};
pub use params::{Domain, Param, Value, Values};
pub use presets::{Published, published};
pub use real::Real;
pub use rule::{AnyRule, Rule};
pub use schedule::Schedule;
pub use serial::Table;
pub use spec::{Momentum, Spec};
pub(crate) use watch::flat_gradient;

/// An optimiser in the registry.
pub struct Entry {
    /// The name to ask for it by.
    pub name: &'static str,
    /// What it is, in a phrase.
    pub summary: &'static str,
    /// Its recurrence at the defaults.
    pub formula: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Its hyper-parameters, `lr` first.
    pub params: &'static [Param],
    /// The hyper-parameter by which its average of past gradients decays, if it steps along one.
    pub momentum: Option<&'static str>,
    /// Builds the rule from checked values; the error says which values do not go together.
    build: fn(&Values) -> Result<Box<dyn AnyRule>, String>,
    /// Settings that between them reach every formula it has; each has a golden trace.
    pub variants: &'static [&'static str],
}

/// Every optimiser there is.
pub fn registry() -> &'static [Entry] {
    &[
        sgd::ENTRY,
        momentum::ENTRY,
        nag::ENTRY,
        rmsprop::ENTRY,
        adagrad::ENTRY,
        adadelta::ENTRY,
        adam::ENTRY,
        adamw::ENTRY,
        adamax::ENTRY,
        nadam::ENTRY,
        radam::ENTRY,
        lion::ENTRY,
    ]
}
