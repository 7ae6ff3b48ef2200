//! Many runs together.
//!
//! An [`Experiment`](experiment::Experiment) is one TOML file, and a [`Study`] is an experiment with
//! its runs. The tuning stage runs every trial on the tuning seeds. A rule then chooses each
//! optimiser's settings in each environment, and the report stage runs the chosen settings on separate
//! seeds. The results have the same bytes whichever processes and machines do the runs.

mod assay;
pub mod card;
mod commit;
pub mod describe;
mod engine;
mod estimate;
pub mod experiment;
pub mod family;
mod finished;
mod folder;
mod lock;
mod mechanism;
mod pool;
mod progress;
mod record;
pub mod report;
mod rows;
mod select;
mod slurm;
mod splice;
mod tuned;
mod verify;
mod work;

pub use assay::Assay;
pub use engine::{Chosen, Study};
pub use estimate::{Pace, PaceFrom};
pub use folder::results_folder;
pub use mechanism::Mechanism;
pub use pool::PoolOptions;
pub use progress::{ProgressDisplay, RunsProgress};
pub use slurm::{SlurmOptions, submit_to_slurm};
pub use splice::{check_marks, splice};
pub use tuned::TunedCell;
pub use verify::Rehearsed;
pub use work::Part;
