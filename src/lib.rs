//! Does momentum hurt in reinforcement learning, where samples are not i.i.d.?
pub mod agent;
pub mod cli;
pub mod error;
pub mod figures;
pub mod nn;
pub mod optim;
mod settings;
pub mod stats;
pub mod streams;
pub mod study;
mod suggest;
pub mod train;
mod wide;
pub use error::{Error, Result};
