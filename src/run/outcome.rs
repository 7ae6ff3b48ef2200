//! How runs end.

use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It took all its steps.
    Finished,
    /// Its loss exploded or was not a number.
    Diverged,
}

/// The result of a run: the one line of `outcome.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RlOutcome {
    /// The run's id, a hash of its configuration.
    pub id: String,
    /// The environment.
    pub env: String,
    /// The optimiser, with the hyper-parameters that were set.
    pub optimiser: String,
    /// The learning rate.
    pub lr: f64,
    /// The seed.
    pub seed: u64,
    /// How it ended.
    pub status: Status,
    /// Environment steps done.
    pub steps: u64,
    /// Training episodes finished.
    pub episodes: u64,
    /// Gradient steps done.
    pub updates: u64,
    /// The mean return of the last evaluation; the environment's worst if the run diverged.
    pub final_return: f64,
    /// The best mean return of an evaluation.
    pub best_return: f64,
    /// The environment step of that evaluation.
    pub best_step: u64,
    /// The first evaluation that reached the environment's threshold, in steps.
    pub solved_step: Option<u64>,
    /// The mean return of the last 100 training episodes (of all, if there were fewer); the
    /// environment's worst if the run diverged.
    pub last_100_return: Option<f64>,
    /// Bytes of optimiser state for each weight.
    pub optimiser_bytes_per_parameter: f64,
}

/// The result of a supervised run: the one line of `outcome.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SupervisedOutcome {
    /// The run's id, a hash of its configuration.
    pub id: String,
    /// The data set.
    pub dataset: String,
    /// The network.
    pub net: String,
    /// The layers that learned.
    pub train: String,
    /// The optimiser, with the hyper-parameters that were set.
    pub optimiser: String,
    /// The learning rate.
    pub lr: f64,
    /// The seed.
    pub seed: u64,
    /// How it ended.
    pub status: Status,
    /// Batches done.
    pub steps: u64,
    /// Epochs begun.
    pub epochs: u64,
    /// The mean loss of the last epoch's samples; none if the run diverged.
    pub train_loss: Option<f64>,
    /// The loss on the test data at the end; none if the run diverged.
    pub test_loss: Option<f64>,
    /// The share of correct answers on the test data at the end; 0 if the run diverged.
    pub test_accuracy: f64,
    /// For action values, the mean return of their greedy policy at the end; none if the run diverged.
    pub test_return: Option<f64>,
    /// The best share of correct answers at the end of an epoch.
    pub best_test_accuracy: f64,
    /// The epoch in which it was reached; 0 if there was none.
    pub best_epoch: u64,
    /// The lowest loss on the test data that one answer for all samples can have: the entropy of the labels for
    /// classes, the variance of the teacher's values for action values.
    pub constant_loss: f64,
    /// Weights that learned.
    pub parameters: usize,
    /// Bytes of optimiser state for each of them.
    pub optimiser_bytes_per_parameter: f64,
}
