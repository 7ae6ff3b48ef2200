//! What a run tells while it goes and when it ends. Nothing here knows the time.

use serde::{Deserialize, Serialize};

use super::{DiagnosticsRow, Snapshot};
use crate::Result;

/// A finished training episode: a line of `episodes.csv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpisodeRow {
    /// Environment steps done when it ended.
    pub step: u64,
    /// Its number, from 1.
    pub episode: u64,
    /// The sum of its rewards.
    #[serde(rename = "return")]
    pub episode_return: f64,
    /// Its steps.
    pub length: u32,
    /// The probability of a random action at its end.
    pub epsilon: f64,
}

/// An evaluation of the greedy policy: a line of `evaluations.csv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EvaluationRow {
    /// Environment steps of training done before it.
    pub step: u64,
    /// Its episodes.
    pub episodes: u32,
    /// The mean of their returns.
    pub mean_return: f64,
    /// The standard deviation of their returns (n - 1 in the denominator; 0 for one episode).
    pub std_return: f64,
    /// The smallest return.
    pub min_return: f64,
    /// The largest return.
    pub max_return: f64,
    /// The mean of their lengths.
    pub mean_length: f64,
}

/// A gradient step, of every `log_every`: a line of `updates.csv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UpdateRow {
    /// Environment steps done.
    pub step: u64,
    /// Its number, from 1.
    pub update: u64,
    /// The loss of its batch.
    pub loss: f64,
    /// The mean value of its batch's actions.
    pub mean_q: f64,
    /// The norm of its gradient, before clipping.
    pub grad_norm: f64,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It took all its steps.
    Finished,
    /// Its loss exploded or was no number.
    Diverged,
}

/// What came of a run: the one line of `outcome.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
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
    /// When that was, in steps.
    pub best_step: u64,
    /// The first evaluation that reached the environment's threshold, in steps.
    pub solved_step: Option<u64>,
    /// The mean return of the last 100 training episodes (of all, if there were fewer); the
    /// environment's worst if the run diverged.
    pub last_100_return: Option<f64>,
    /// Bytes of optimiser state for each weight.
    pub optimiser_bytes_per_parameter: f64,
}

/// Somebody who watches a run.
pub trait Observer {
    /// `step` steps are done, and actions are random with probability `epsilon`. Called often.
    fn progress(&mut self, step: u64, epsilon: f64) -> Result<()> {
        let _ = (step, epsilon);
        Ok(())
    }
    /// A training episode ended.
    fn episode(&mut self, row: &EpisodeRow) -> Result<()>;
    /// The greedy policy was evaluated.
    fn evaluation(&mut self, row: &EvaluationRow) -> Result<()>;
    /// A gradient step was recorded.
    fn update(&mut self, row: &UpdateRow) -> Result<()>;
    /// A gradient step was looked at closely.
    fn diagnostics(&mut self, row: &DiagnosticsRow) -> Result<()> {
        let _ = row;
        Ok(())
    }
    /// The run can go on from here.
    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<()> {
        let _ = snapshot;
        Ok(())
    }
    /// The run is over; this is the policy that did best in an evaluation, saved.
    fn policy(&mut self, safetensors: &[u8]) -> Result<()> {
        let _ = safetensors;
        Ok(())
    }
}

/// Nobody watches.
impl Observer for () {
    fn episode(&mut self, _row: &EpisodeRow) -> Result<()> {
        Ok(())
    }
    fn evaluation(&mut self, _row: &EvaluationRow) -> Result<()> {
        Ok(())
    }
    fn update(&mut self, _row: &UpdateRow) -> Result<()> {
        Ok(())
    }
}

impl<A: Observer, B: Observer> Observer for (&mut A, &mut B) {
    fn progress(&mut self, step: u64, epsilon: f64) -> Result<()> {
        self.0.progress(step, epsilon)?;
        self.1.progress(step, epsilon)
    }
    fn episode(&mut self, row: &EpisodeRow) -> Result<()> {
        self.0.episode(row)?;
        self.1.episode(row)
    }
    fn evaluation(&mut self, row: &EvaluationRow) -> Result<()> {
        self.0.evaluation(row)?;
        self.1.evaluation(row)
    }
    fn update(&mut self, row: &UpdateRow) -> Result<()> {
        self.0.update(row)?;
        self.1.update(row)
    }
    fn diagnostics(&mut self, row: &DiagnosticsRow) -> Result<()> {
        self.0.diagnostics(row)?;
        self.1.diagnostics(row)
    }
    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.0.checkpoint(snapshot)?;
        self.1.checkpoint(snapshot)
    }
    fn policy(&mut self, safetensors: &[u8]) -> Result<()> {
        self.0.policy(safetensors)?;
        self.1.policy(safetensors)
    }
}
