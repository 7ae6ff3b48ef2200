#![doc = include_str!("../README.md")]
//!
//! # Words
//!
//! - **run**: one score, of one task with one seed.
//! - **arm**: what is compared with something else, such as an optimiser. [`Scores`] holds the runs of one arm.
//! - **task**: what runs are repeated on, such as an environment.
//! - **estimate**: a number with its interval ([`Estimate`]).

mod aggregate;
pub mod autocorrelation;
mod bootstrap;
mod contrast;
mod distribution;
mod equivalence;
mod error;
mod estimate;
mod family;
mod improvement;
mod moments;
mod needed;
mod normal;
mod power;
mod profile;
mod scores;
mod selection;
mod sensitivity;
mod slope;
mod tuned;
pub mod two_sample;

pub use aggregate::Aggregate;
pub use bootstrap::{Bootstrap, Method, mean};
pub use contrast::{Contrast, Measure, Tested};
pub use equivalence::{Equivalence, t_equivalence, t_test};
pub use error::{Error, Result};
pub use estimate::{Estimate, three_digits};
pub use family::holm;
pub use moments::Moments;
pub use power::{Pairing, Power};
pub use profile::Counted;
pub use scores::{Scores, Task};
pub use selection::{Choice, Evaluation, choose, tuning_noise};
pub use sensitivity::{Plateau, Point, Sensitivity};
pub use slope::Slope;
pub use tuned::{PerSetting, Tuned};
