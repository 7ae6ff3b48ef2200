//! Does momentum hurt in reinforcement learning, where samples are not i.i.d.?
pub mod error;
pub mod nn;
pub mod optim;
mod suggest;
pub use error::{Error, Result};
