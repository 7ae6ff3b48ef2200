//! The interface between algorithms and runs.
//!
//! An [`Algorithm`] is a cohort of agents that share a network's shape. It owns its networks, optimiser,
//! replay or rollout, exploration, targets and schedules. The run loop, checkpoints, evaluation,
//! diagnostics and studies know none of these. Adding an algorithm takes one folder here and one line in
//! [`registry`]; a program of your own adds one with [`register`].

pub mod a2c;
mod definition;
pub mod dqn;
mod layers;
mod policy;
pub mod pqn;
mod registry;
pub mod stream_q;
mod update;
mod weights;

pub use definition::{Definition, Preset, Setup, Span};
pub use layers::{Convs, Hidden};
pub use policy::{Policy, greedy};
pub use registry::{find, register, registry};
pub use update::{Learning, MinibatchGradient, PendingUpdate, Targets};

use optim::state_file::{Array, StatePart};

use crate::{Error, Result};

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

/// For an update with a given number, counted from 1, returns how many updates before it were made
/// since its targets last moved as a whole; since the first if they never move.
pub type TargetClock = Box<dyn Fn(u64) -> u64 + Send>;

/// A cohort of agents. The run calls [`act`](Self::act), [`observe`](Self::observe) for each environment of each
/// agent that is alive, and [`learn`](Self::learn), over and over.
///
/// An agent acts in [`Definition::environments`] environments at once; in most algorithms it is one. They are
/// copies of one environment, each with its own episode, random stream and clock: what changes with time in an
/// environment, such as a drift, counts the steps of that environment. A step in each of n environments counts as
/// n environment steps of the agent, so between two calls `step` grows by the number of environments.
///
/// Agents do not influence each other: each one's results are, to the byte, those that it would have alone. An agent that
/// has diverged is no longer alive: it keeps its place in the tensors, and is not asked for anything.
pub trait Algorithm {
    /// Chooses an action in each environment of each agent, `[agents, environments]`, from the observations
    /// `obs`, `[agents, environments, observation]`, after `step` environment steps. The actions of agents
    /// that are not `alive`, `[agents]`, are ignored.
    fn act(&mut self, step: u64, obs: &[f32], alive: &[bool], actions: &mut [usize]) -> Result<()>;

    /// How agents act at present, a number for each of [`Definition::behaviour_columns`].
    fn behaviour(&self) -> Vec<f64>;

    /// Agent number `agent` took a step in its environment number `environment`, both counted from 0.
    fn observe(&mut self, agent: usize, environment: usize, experience: &Experience) -> Result<()>;

    /// Makes the updates that are due when the environments have taken the step that the last
    /// [`act`](Self::act), with the same `step`, chose actions for, and tells `learning` of each.
    fn learn(&mut self, step: u64, learning: &mut dyn Learning) -> Result<()>;

    /// Updates that agent number `agent` has made.
    fn updates(&self, agent: usize) -> u64;

    /// When targets move.
    fn target_clock(&self) -> TargetClock {
        Box::new(|update| update - 1)
    }

    /// The present policy of agent number `agent`, as it is evaluated.
    fn policy(&self, agent: usize) -> Result<Box<dyn Policy>>;

    /// All networks of agent number `agent`, as [`start_from`](Self::start_from) takes them: its saved policy, and
    /// whatever else it has learned.
    fn networks(&self, agent: usize) -> Result<Vec<u8>> {
        self.policy(agent)?.to_safetensors()
    }

    /// Gives agent number `agent`, which has not begun yet, what another agent had learned: its
    /// [`networks`](Self::networks) or its saved policy. Optimiser, experience and random streams stay as they are.
    fn start_from(&mut self, agent: usize, networks: &[u8]) -> Result<()> {
        let _ = (agent, networks);
        Err(Error::usage(
            "agents of this algorithm cannot start from others; leave out --from",
        ))
    }

    /// Bytes of optimiser state for each weight.
    fn optimiser_bytes_per_parameter(&self) -> f64;

    /// Everything that agent number `agent` needs to continue exactly: weights, optimiser, experience, positions in its
    /// random streams, counters.
    fn save(&self, agent: usize) -> Result<Vec<Array>>;

    /// Restores what [`save`](Self::save) returned for an agent with the same settings.
    fn load(&mut self, agent: usize, state: &StatePart) -> Result<()>;
}
