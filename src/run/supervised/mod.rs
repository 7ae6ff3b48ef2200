//! Supervised runs: the same optimisers where samples are independent and identically distributed.

mod compare;
mod config;
mod expected_table;
mod frozen;
mod learner;
mod q_regression;
mod run;
mod teacher;

pub use compare::write_comparison;
pub use config::{DataName, Layers, Net, Precision, SupervisedConfig, SupervisedRun, note_setting};
pub use learner::{Classifier, Learner, learner};
pub use q_regression::QRegression;
pub use run::{Score, train};
pub use teacher::{teacher_config, teacher_env};
