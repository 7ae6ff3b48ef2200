//! What our benchmark and the peers written in Rust measure optimisers with.
//!
//! Peers are on another version of candle: they include this file as it is, and each
//! builds it with its own.

mod copy;
mod effort;
mod problem;
mod rows;

pub use effort::{Effort, spread};
pub use problem::{CASES, Case, Problem};
pub use rows::Rows;

/// The learning rate of every optimiser: small enough that no weight grows out of hand in a million steps.
pub const LR: f64 = 1e-3;
