//! A2C, synchronous advantage actor-critic: A3C (Mnih et al. 2016) with its actors in lock-step.
//!
//! An agent acts in several environments at once with the policy that it learns. After every few steps it makes
//! one update from what it saw in them, and then forgets it. There is no replay and no target network. A policy is
//! evaluated by its most probable action.

mod advantage;
mod cohort;
mod config;
mod definition;
mod learner;
mod loss;
mod networks;
mod outputs;
mod pending;
mod policy;
mod rollout;

pub use advantage::{Steps, advantages};
pub use config::{A2cConfig, Init};
pub use definition::DEFINITION;
pub use learner::{A2c, Details, Learned, Pending};
pub use loss::{Choices, Weighting, actor_critic_loss};
pub use networks::ActorCritic;
pub use outputs::Outputs;
pub use rollout::{Cut, Rollout};
