//! One run, as a pure function of its configuration.

mod config;
mod evaluate;
mod folder;
mod machine;
mod observe;
mod rl;

pub use config::{Config, ConfigSource, Preset, RunConfig, RunOverrides};
pub use evaluate::Evaluator;
pub use folder::{FIGURE, Finished, Opened, RunFolder, default_folder};
pub use machine::Machine;
pub use observe::{EpisodeRow, EvaluationRow, Observer, Outcome, Status, UpdateRow};
pub use rl::run;
