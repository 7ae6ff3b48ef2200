//! Stream Q(lambda) (Elsayed, Vasan & Mahmood 2024, arXiv 2410.14606): Q-learning with eligibility traces on one
//! sample at a time, without replay, batches or a target network.
//!
//! As in the authors' program, a trace is cut after the update of an action that is not greedy, and at the
//! end of an episode. Unlike there, a truncated episode bootstraps.

mod cohort;
mod config;
mod definition;
mod learner;
mod normalise;
mod pending;
mod policy;

pub use config::{Direction, StreamLoss, StreamQConfig};
pub use definition::{DEFINITION, NAME};
pub use learner::{Seen, StreamQ, Update};
pub use normalise::{Normaliser, RewardScale};

use crate::nn::Rectifier;

/// What follows each layer but the last: PyTorch's leaky relu.
const LEAKY: Rectifier = Rectifier::Relu(0.01);
