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
pub mod kind;
mod mechanism;
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
pub use mechanism::Mechanism;
pub use pool::Settings;
pub use progress::{Progress, Show};
pub use slurm::{Slurm, submit};
pub use splice::splice;
pub use verify::Rehearsed;

use std::path::{Path, PathBuf};

use crate::{Error, Result, files};

/// The folder `path` for results, made where needed; it may not be a run's.
pub fn folder(path: &Path) -> Result<PathBuf> {
    if path.join("config.toml").exists() {
        return Err(Error::usage(format!(
            "{} is a run's folder; choose another --out",
            path.display()
        )));
    }
    files::folder(path)
}
