//! Statistics: every number with its interval, and the generator passed in.
//!
//! [`Scores`] are the runs of one arm: their [`Aggregate`], profile and probability of improvement over
//! another arm. A [`Contrast`] compares arms: paired effects, interactions, whether they are equivalent.
//! [`choose`] and [`Sensitivity`] are for tuning, [`Power`] says how many seeds would decide.

mod aggregate;
pub mod autocorrelation;
mod bootstrap;
mod contrast;
mod distribution;
mod equivalence;
mod family;
mod improvement;
mod moments;
mod normal;
mod power;
mod profile;
mod scores;
mod selection;
mod sensitivity;
mod show;
mod slope;
mod tolerance;
pub mod two_sample;

pub use aggregate::Aggregate;
pub use bootstrap::{Bootstrap, Method, mean};
pub use contrast::Contrast;
pub use equivalence::{Equivalence, t_equivalence, t_test};
pub use family::{benjamini_hochberg, holm};
pub use moments::Moments;
pub use power::{Design, Power};
pub use profile::Counted;
pub use scores::{Scores, Task};
pub use selection::{Chosen, Report, choose};
pub use sensitivity::{Plateau, Point, Sensitivity};
pub(crate) use show::{digits, rounded};
pub use slope::Slope;
pub use tolerance::{Tolerance, normal_tolerance, tolerance};

/// A number, the 95 % interval around it, and how many observations it rests on.
///
/// Where another level is asked for, the interval has that one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub point: f64,
    /// The lower end of its interval.
    pub lo: f64,
    /// The upper end of its interval.
    pub hi: f64,
    /// Observations.
    pub n: usize,
}
