//! Supervised runs: the same optimisers where samples are independent and identically distributed.

mod compare;
mod config;
mod folder;
mod learner;
mod machine;
mod rows;
mod run;

pub use compare::write_comparison;
pub use config::{
    DataName, Layers, Net, Precision, SupervisedConfig, SupervisedOverrides, SupervisedRun,
    note_setting,
};
pub use folder::{
    METRICS, SupervisedFinished, SupervisedFolder, SupervisedOpened, SupervisedReady,
    default_supervised_folder,
};
pub use learner::{Classifier, Learner};
pub use machine::SupervisedMachine;
pub use rows::{EpochRow, HistoryRow, SupervisedObserver, SupervisedOutcome};
pub use run::{Score, SupervisedSnapshot, run_supervised};
