//! Statistics: every number with its interval, and the generator passed in.

pub mod autocorrelation;
mod bootstrap;
mod show;
pub mod two_sample;

pub use bootstrap::mean;
pub(crate) use show::{digits, rounded};

/// A number, the 95 % interval around it, and how many observations it rests on.
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
