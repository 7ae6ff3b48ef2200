//! How our benchmark, and peers written in Rust, measure optimisers.
//!
//! Peers use another version of candle: they include this file unchanged, and each builds it with its
//! own version.

mod copy;
mod effort;
mod problem;
mod rows;

pub use effort::{Effort, spread};
pub use problem::{CASES, Case, Problem};
pub use rows::ResultRows;

/// The learning rate of every optimiser: small enough that no weight becomes too large in a million
/// steps.
pub const LR: f64 = 1e-3;
