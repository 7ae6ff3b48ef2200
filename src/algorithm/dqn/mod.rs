//! DQN (Mnih et al. 2015) and its variants: Q-learning from replay with a target network.

mod cohort;
mod config;
mod critic;
mod definition;
mod explore;
mod learner;
mod loss;
mod memory;
mod munchausen;
mod pending;
mod policy;
mod replay;

pub use super::{Convs, Hidden, greedy};
pub use config::{DqnConfig, Loss};
pub use critic::{Critic, Fit, TargetValues};
pub use definition::{DEFINITION, NAME};
pub use explore::epsilon;
pub use learner::{Details, Dqn, Learned, Pending};
pub use loss::td_loss;
pub use policy::{QPolicy, untrained_policy};
pub use replay::{Batch, Encoding, Packed, Replay, Transition};
