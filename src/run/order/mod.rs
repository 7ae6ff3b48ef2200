//! Runs that differ only in the order of their samples.
//!
//! A DQN learns in an environment, and the stream of transitions that it sees is recorded. Then a fresh network of the
//! same shape learns the values of the DQN's final greedy policy from this stream: in its recorded order, shuffled, or
//! shuffled within windows. The transitions, the number of updates and the initial weights are the same for every
//! order and every optimiser. The score measures how far the learned values are from the true ones, which are measured
//! from the environment's saved states.

mod arrange;
mod config;
mod configuration;
mod learner;
mod outcome;
mod pending;
mod recording;
mod run;
mod settings;
mod transitions;
mod truth;

pub use arrange::{Order, arranged};
pub use config::OrderConfig;
pub use learner::{Rules, Taught, ValueLearner};
pub use outcome::OrderOutcome;
pub use recording::{RECORDED_SEED, Recording, recorded_config};
pub use run::{WORST, rehearse, train};
pub use settings::{OrderRun, TargetKind};
pub use transitions::Transitions;
