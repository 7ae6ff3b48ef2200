//! Many runs together.
//!
//! An [`Experiment`](experiment::Experiment) is one TOML file; a [`Study`] is that and its runs. Its tuning
//! stage runs every trial on the tuning seeds, a rule chooses each optimiser's settings in each
//! environment, and the report stage runs those on seeds of its own. Whoever does the runs, the results
//! are the same bytes.

pub mod describe;
mod engine;
mod estimate;
pub mod experiment;
mod folder;
pub mod kind;
mod mechanism;
mod merge;
mod pool;
mod progress;
mod record;
pub mod report;
mod rows;
mod select;
mod slurm;
mod splice;
mod verify;

pub use crate::keys::Key;
pub use engine::{Chosen, Part, Study};
pub use estimate::Pace;
pub use folder::results_folder;
pub use mechanism::Mechanism;
pub use pool::Settings;
pub use progress::{Progress, Show};
pub use slurm::{Slurm, submit};
pub use splice::splice;
pub use verify::Rehearsed;
