//! What a supervised run tells while it goes and when it ends.

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    train::{Snapshot, Status},
};

/// A few batches of training: a line of `history.csv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Batches done.
    pub step: u64,
    /// The epoch they are of, from 1.
    pub epoch: u64,
    /// The mean of their losses.
    pub loss: f64,
    /// The mean of their shares of right answers. Of action values, an answer is right if it has the
    /// teacher's best action.
    pub accuracy: f64,
}

/// An epoch, or what was run of it: a line of `epochs.csv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochRow {
    /// Its number, from 1.
    pub epoch: u64,
    /// Batches done by its end.
    pub step: u64,
    /// The mean loss of its samples, each before the step that learned from it.
    pub train_loss: f64,
    /// The share of right answers among them.
    pub train_accuracy: f64,
    /// The mean loss on the test data at its end; of action values, the mean squared distance from the
    /// teacher's.
    pub test_loss: f64,
    /// The share of right answers among them.
    pub test_accuracy: f64,
    /// Of action values, the mean return of their greedy policy in five episodes.
    pub test_return: Option<f64>,
}

/// What came of a supervised run: the one line of `outcome.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SupervisedOutcome {
    /// The run's id, a hash of its configuration.
    pub id: String,
    /// What was learned.
    pub dataset: String,
    /// By what.
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
    /// The share of right answers on the test data at the end; 0 if the run diverged.
    pub test_accuracy: f64,
    /// Of action values, the mean return of their greedy policy at the end; none if the run diverged.
    pub test_return: Option<f64>,
    /// The best share of an epoch's end.
    pub best_test_accuracy: f64,
    /// That epoch; 0 if there was none.
    pub best_epoch: u64,
    /// The least loss on the test data of an answer that is the same for all: of classes the entropy of
    /// the labels, of action values the variance of the teacher's.
    pub constant_loss: f64,
    /// Weights that learned.
    pub parameters: usize,
    /// Bytes of optimiser state for each of them.
    pub optimiser_bytes_per_parameter: f64,
}

/// Somebody who watches a supervised run.
pub trait SupervisedObserver {
    /// A batch is done: how many there have been, of which epoch, its loss and its share of right answers.
    fn batch(&mut self, row: &HistoryRow) -> Result<()> {
        let _ = row;
        Ok(())
    }
    /// A line of the history.
    fn history(&mut self, row: &HistoryRow) -> Result<()>;
    /// An epoch is over.
    fn epoch(&mut self, row: &EpochRow) -> Result<()>;
    /// The run can go on from here.
    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<()> {
        let _ = snapshot;
        Ok(())
    }
    /// The run is over; these are its weights, in safetensors.
    fn weights(&mut self, safetensors: Vec<u8>) -> Result<()> {
        let _ = safetensors;
        Ok(())
    }
}

impl<A: SupervisedObserver, B: SupervisedObserver> SupervisedObserver for (&mut A, &mut B) {
    fn batch(&mut self, row: &HistoryRow) -> Result<()> {
        self.0.batch(row)?;
        self.1.batch(row)
    }
    fn history(&mut self, row: &HistoryRow) -> Result<()> {
        self.0.history(row)?;
        self.1.history(row)
    }
    fn epoch(&mut self, row: &EpochRow) -> Result<()> {
        self.0.epoch(row)?;
        self.1.epoch(row)
    }
    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.0.checkpoint(snapshot)?;
        self.1.checkpoint(snapshot)
    }
    fn weights(&mut self, safetensors: Vec<u8>) -> Result<()> {
        self.0.weights(safetensors.clone())?;
        self.1.weights(safetensors)
    }
}
