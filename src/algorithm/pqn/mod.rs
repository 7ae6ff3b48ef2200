//! PQN (Gallici et al. 2024, arXiv 2407.04811): Q-learning in many environments at once, with layer normalisation
//! instead of a target network and lambda-returns instead of replay.
//!
//! In the order of purejaxql, its authors' program: a rollout with fixed weights, its lambda-returns, and epochs of
//! shuffled minibatches. Unlike there, a truncated episode bootstraps.

mod cohort;
mod config;
mod definition;
mod learner;
mod pending;
mod policy;
mod rollout;

pub use config::PqnConfig;
pub use definition::{DEFINITION, NAME};
pub use learner::{Minibatch, Pqn};
pub use rollout::{End, lambda_returns};
