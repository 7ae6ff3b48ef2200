//! Updates as the run sees them.

use optim::state_file::Array;
use rand_chacha::ChaCha8Rng;

use crate::Result;

/// The run's side of learning: which agents still learn, and the receiver of reports on updates.
pub trait Learning {
    /// Whether agent number `agent` learns, which it does until it diverges.
    fn is_alive(&self, agent: usize) -> bool;

    /// Whether update number `update`, counted from 1, is recorded and must therefore be measured.
    fn is_recorded(&self, update: u64) -> bool;

    /// Update number `update` of agent number `agent` is about to be made. Must be called before every update whose loss
    /// is sound. An error ends the run, even during the learning after a step, of which nothing is then saved.
    fn pending(&mut self, agent: usize, update: u64, pending: &dyn PendingUpdate) -> Result<()>;

    /// Update number `update` of agent number `agent` was made; `measured` has a number for each of
    /// [`Definition::update_columns`](super::Definition::update_columns). Must be called for recorded
    /// updates and for those that diverged.
    fn updated(&mut self, agent: usize, update: u64, measured: &[f64]) -> Result<()>;

    /// Agent number `agent` has diverged: its loss is too large or not a number.
    fn diverged(&mut self, agent: usize);
}

/// Which targets a minibatch is evaluated against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// Those from the time when it was learned from.
    Then,
    /// Those computed now.
    Now,
}

/// The gradient and targets of a minibatch at the present weights.
pub struct MinibatchGradient {
    /// The gradient of its loss, one number per weight in the order of the parameters.
    pub gradient: Vec<f32>,
    /// Its targets.
    pub targets: Vec<f32>,
}

/// One agent's update about to be made, before anything has changed. Gradients are those of the loss,
/// before clipping and weight decay: one number per weight, in the order of the parameters.
pub trait PendingUpdate {
    /// The gradient of the update.
    fn gradient(&self) -> Result<Vec<f32>>;

    /// The optimiser's state `name`, in the same order.
    fn optimiser_state(&self, name: &str) -> Result<Vec<f32>>;

    /// The minibatch of the update, with all that [`evaluate`](Self::evaluate) will need later.
    fn minibatch(&self) -> Result<Vec<Array>>;

    /// Evaluates a minibatch from an earlier update at the present weights.
    fn evaluate(&self, minibatch: &[Array], targets: Targets) -> Result<MinibatchGradient>;

    /// The gradient of a minibatch drawn now from the data that an update can use now.
    fn fresh_gradient(&self, rng: &mut ChaCha8Rng) -> Result<Vec<f32>>;

    /// For each transition of the minibatch, how many environment steps ago it began.
    fn ages(&self) -> Vec<u64>;
}
