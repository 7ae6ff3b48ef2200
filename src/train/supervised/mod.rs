//! Supervised runs: the same optimisers where samples are independent and identically distributed.

mod compare;
mod config;
mod folder;
mod frozen;
mod learner;
mod machine;
mod q_regression;
mod rows;
mod run;
mod teacher;

pub use compare::write_comparison;
pub use config::{
    DataName, Layers, Net, Precision, SupervisedConfig, SupervisedOverrides, SupervisedRun,
    note_setting,
};
pub use folder::{
    METRICS, SupervisedFinished, SupervisedFolder, SupervisedOpened, SupervisedReady,
    default_supervised_folder,
};
pub use learner::{Classifier, Learner, learner};
pub use machine::SupervisedMachine;
pub use q_regression::QRegression;
pub use rows::{EpochRow, HistoryRow, SupervisedObserver, SupervisedOutcome};
pub use run::{Score, run_supervised};
pub use teacher::{teacher_config, teacher_env};
