//! Supervised runs: the same optimisers where samples are independent and identically distributed.

mod classifier;
mod compare;
mod config;
mod configuration;
mod frozen;
mod learner;
mod q_regression;
mod run;
mod teacher;

pub use classifier::Classifier;
pub use compare::write_comparison;
pub use config::{
    DataName, Net, Precision, SupervisedConfig, SupervisedRun, TrainedLayers, note_setting,
};
pub use learner::{BatchScore, Learner};
pub use q_regression::QRegression;
pub use run::train;
pub use teacher::{teacher_config, teacher_env};

use crate::{
    Result,
    data::{Dataset, DatasetName},
};

/// The learner of `config` at its start; `images` returns the data set that it names, if it names one.
pub fn learner(
    config: &SupervisedConfig,
    images: impl FnOnce(DatasetName) -> Result<Dataset>,
) -> Result<Box<dyn Learner>> {
    Ok(match config.run.dataset.images() {
        Some(name) => Box::new(Classifier::new(config, images(name)?)?),
        None => Box::new(QRegression::new(config)?),
    })
}
