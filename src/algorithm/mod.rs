//! The seam between algorithms and runs.
//!
//! An [`Algorithm`] is a cohort of agents that share a network's shape. It owns everything that is its
//! own: networks, optimiser, replay or rollout, exploration, targets, schedules. The run loop, checkpoints,
//! evaluation, diagnostics and studies know none of these. Adding an algorithm is one folder here and
//! one line in [`registry`]; a program of your own adds one with [`register`].

mod definition;
pub mod dqn;
mod policy;
mod registry;
mod update;

pub use definition::{Definition, Preset, Setup};
pub use policy::Policy;
pub use registry::{find, register, registry};
pub use update::{Learning, MinibatchGradient, PendingUpdate, Targets};

use optim::state_file::{Array, Part};

use crate::Result;

/// What an agent saw, did and got in one step.
#[derive(Clone, Copy, Debug)]
pub struct Experience<'a> {
    /// The observation before the step.
    pub obs: &'a [f32],
    /// The action taken.
    pub action: usize,
    /// The reward.
    pub reward: f32,
    /// The observation after the step, before any reset.
    pub next_obs: &'a [f32],
    /// Whether the episode is over for good: what follows is worth nothing.
    pub terminated: bool,
    /// Whether the episode was cut short, which does not stop the bootstrap.
    pub truncated: bool,
}

/// Counts, for the update of a given number from 1, the updates before it since its targets last moved
/// as a whole; since the first if they never do.
pub type TargetClock = Box<dyn Fn(u64) -> u64 + Send>;

/// A cohort of agents at work. In each environment step the run calls [`act`](Self::act),
/// [`observe`](Self::observe) for each agent that is alive, and [`learn`](Self::learn).
///
/// Agents do not influence each other: what becomes of one is what would become of it alone, to the
/// byte. An agent that has diverged is no longer alive; it keeps its place in the tensors, draws no
/// random number, and nothing is asked about it any more.
pub trait Algorithm {
    /// Chooses an action for each agent in environment step `step`, counted from 0, from the
    /// observations `obs`, `[agents, observation]`. What it puts down for agents that are not `alive` is
    /// not looked at.
    fn act(&mut self, step: u64, obs: &[f32], alive: &[bool], actions: &mut [usize]) -> Result<()>;

    /// How agents act at present, a number for each of [`Definition::behaviour_columns`].
    fn behaviour(&self) -> Vec<f64>;

    /// Agent number `agent` took a step.
    fn observe(&mut self, agent: usize, experience: &Experience) -> Result<()>;

    /// Makes the updates that are due after environment step `step`, counted from 0, and tells
    /// `learning` of each.
    fn learn(&mut self, step: u64, learning: &mut dyn Learning) -> Result<()>;

    /// Updates that agent number `agent` has made.
    fn updates(&self, agent: usize) -> u64;

    /// When targets move.
    fn target_clock(&self) -> TargetClock {
        Box::new(|update| update - 1)
    }

    /// The policy that agent number `agent` has now, as it is evaluated.
    fn policy(&self, agent: usize) -> Result<Box<dyn Policy>>;

    /// Bytes of optimiser state for each weight.
    fn optimiser_bytes_per_parameter(&self) -> f64;

    /// Everything it takes for agent number `agent` to go on exactly: weights, optimiser, experience,
    /// the places in its random streams, counters.
    fn save(&self, agent: usize) -> Result<Vec<Array>>;

    /// Takes over what [`save`](Self::save) gave for an agent with the same settings.
    fn load(&mut self, agent: usize, state: &Part) -> Result<()>;
}
