//! Updates, as the run sees them.

use optim::state_file::Array;
use rand_chacha::ChaCha8Rng;

use crate::Result;

/// The run's side of learning: who still learns, and who is told of updates.
pub trait Learning {
    /// Whether agent number `agent` learns; it does until it diverges.
    fn is_alive(&self, agent: usize) -> bool;

    /// Whether update number `update`, counted from 1, is recorded, so that it has to be measured.
    fn is_recorded(&self, update: u64) -> bool;

    /// Update number `update` of agent number `agent` is about to be made.
    fn pending(&mut self, agent: usize, update: u64, pending: &dyn PendingUpdate) -> Result<()>;

    /// Update number `update` of agent number `agent` was made, and `measured` has a number for each of
    /// [`Definition::update_columns`](super::Definition::update_columns). To be called for recorded
    /// updates and for those that diverged.
    fn updated(&mut self, agent: usize, update: u64, measured: &[f64]) -> Result<()>;

    /// Agent number `agent` has diverged: its loss is too large or not a number.
    fn diverged(&mut self, agent: usize);
}

/// The targets that a minibatch is evaluated against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// Those that it had when it was learned from.
    Then,
    /// Those that it would have now.
    Now,
}

/// What a minibatch says at the present weights.
pub struct MinibatchGradient {
    /// The gradient of its loss, every weight's in the order of the parameters.
    pub gradient: Vec<f32>,
    /// Its targets.
    pub targets: Vec<f32>,
}

/// One agent's update about to be made, when nothing has moved yet. Gradients are the loss's, before
/// clipping and weight decay: every weight's, in the order of the parameters.
pub trait PendingUpdate {
    /// The gradient of the update.
    fn gradient(&self) -> Result<Vec<f32>>;

    /// The optimiser's state called `name`, in the same order.
    fn optimiser_state(&self, name: &str) -> Result<Vec<f32>>;

    /// The minibatch of the update, with all that [`evaluate`](Self::evaluate) will need of it later.
    fn minibatch(&self) -> Result<Vec<Array>>;

    /// Evaluates a minibatch that an earlier update gave, at the weights of now.
    fn evaluate(&self, minibatch: &[Array], targets: Targets) -> Result<MinibatchGradient>;

    /// The gradient of a minibatch drawn now, from the data that an update has now.
    fn fresh_gradient(&self, rng: &mut ChaCha8Rng) -> Result<Vec<f32>>;

    /// For each transition of the minibatch, how many environment steps ago it began.
    fn ages(&self) -> Vec<u64>;
}
