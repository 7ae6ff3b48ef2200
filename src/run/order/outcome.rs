//! The outcome of a run.

use serde::{Deserialize, Serialize};

use crate::run::Status;

/// The outcome of a run of order alone: the one line of `outcome.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderOutcome {
    /// The run's id, a hash of its configuration.
    pub id: String,
    /// The environment.
    pub env: String,
    /// The order.
    pub order: String,
    /// Consecutive transitions that were shuffled together: 1 in the recorded order, all in the shuffled one.
    pub window: usize,
    /// The target of a transition.
    pub targets: String,
    /// The optimiser, with the hyper-parameters that were set.
    pub optimiser: String,
    /// The learning rate.
    pub lr: f64,
    /// The seed.
    pub seed: u64,
    /// How it ended.
    pub status: Status,
    /// Updates done.
    pub updates: u64,
    /// Transitions learned from.
    pub transitions: u64,
    /// The error of the last evaluation; none if the run diverged.
    pub error: Option<f64>,
    /// The score of the last evaluation; the worst if the run diverged.
    pub score: f64,
    /// The best score.
    pub best_score: f64,
    /// The updates done by then.
    pub best_update: u64,
    /// The standard deviation of the true values held out: the error of the best constant.
    pub constant_error: f64,
    /// Whether the true values are exact; if not, they are means over rollouts.
    pub exact: bool,
    /// Weights that learned.
    pub parameters: usize,
    /// Bytes of optimiser state for each of them.
    pub optimiser_bytes_per_parameter: f64,
}
