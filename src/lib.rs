//! Does momentum hurt in reinforcement learning, where samples are not i.i.d.?
pub mod agent;
pub mod cli;
pub mod error;
pub mod figures;
pub mod nn;
pub mod optim;
mod settings;
pub mod streams;
pub mod train;
mod suggest;
pub use error::{Error, Result};
