//! The DQN agent: acting, remembering, learning.

mod config;
mod critic;
mod dqn;
mod explore;
mod loss;
mod munchausen;
mod policy;
mod replay;

pub use config::{Convs, DqnConfig, DqnOverrides, Hidden, Loss};
pub use critic::{Critic, Fit, TargetValues};
pub use dqn::{Ahead, Details, Dqn, Learned};
pub use explore::{epsilon, greedy};
pub use loss::td_loss;
pub use policy::Policy;
pub use replay::{Batch, Encoding, Replay, Transition};
