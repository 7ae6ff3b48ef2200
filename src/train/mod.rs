//! One run, as a pure function of its configuration.

mod config;
mod evaluate;
mod folder;
mod machine;
mod observe;
mod play;
mod policy;
mod rl;

pub use config::{Config, ConfigSource, Preset, RunConfig, RunOverrides};
pub use evaluate::Evaluator;
pub use folder::{FIGURE, Finished, Opened, RunFolder, default_folder};
pub use machine::Machine;
pub use observe::{EpisodeRow, EvaluationRow, Observer, Outcome, Status, UpdateRow};
pub use play::{Episode, Picture, play};
pub use policy::{POLICY, Policy, Trained, load as load_policy, save as save_policy};
pub use rl::run;
