//! What a supervised run asks of a network and its samples.

use candle_core::backprop::GradStore;
use optim::{
    Layout, Parameter,
    state_file::{Array, StatePart},
};

use crate::Result;

/// The results of a batch, besides its gradients.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchScore {
    /// The mean loss.
    pub loss: f64,
    /// The share of right answers.
    pub accuracy: f64,
}

/// A network and the samples it learns from.
pub trait Learner {
    /// Training samples.
    fn samples(&self) -> usize;

    /// The variables that learn.
    fn parameters(&self) -> Vec<Parameter>;

    /// How each of them is laid out, for optimisers that step whole tensors. Most networks here are cohorts of one,
    /// whose variables have the agents as their first axis.
    fn layouts(&self) -> Vec<(String, Layout)> {
        let parameters = self.parameters().into_iter();
        let layouts = parameters.map(|p| (p.name, Layout::Rows(vec![1])));
        layouts.collect()
    }

    /// The mean loss of the training samples `rows`, which begin at place `start` of `epoch`, and its
    /// gradients.
    fn learn(&mut self, rows: &[u32], epoch: u64, start: usize) -> Result<(BatchScore, GradStore)>;

    /// Called when `step` batches and the optimiser's steps after them are done. Returns whether the
    /// targets have moved, as they do if a network's own answers are part of them.
    fn stepped(&mut self, step: u64) -> Result<bool> {
        let _ = step;
        Ok(false)
    }

    /// The mean loss of the test samples.
    fn test(&self) -> Result<BatchScore>;

    /// The mean return of the policy that has been learned, in the episodes that follow epoch number `epoch`;
    /// none if it is no policy.
    fn play(&mut self, epoch: u64) -> Result<Option<f64>> {
        let _ = epoch;
        Ok(None)
    }

    /// The least mean loss of the test samples if the answer is the same for all of them.
    fn constant_loss(&self) -> f64;

    /// What is needed to continue, in addition to the samples.
    fn arrays(&self) -> Result<Vec<Array>>;

    /// Restores what [`arrays`](Self::arrays) returned.
    fn restore(&mut self, saved: &StatePart) -> Result<()>;

    /// The weights in safetensors, a ResNet's as torchvision names and orders them.
    fn weights(&self) -> Result<Vec<u8>>;
}
