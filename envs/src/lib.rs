//! Reinforcement-learning environments: exact, fast, with their state and
//! their randomness in the open.
//!
//! [`make`] gives any registered environment by name, with its time limit:
//!
//! ```
//! use rand::SeedableRng;
//! let mut draws = rand_chacha::ChaCha8Rng::seed_from_u64(1);
//! let mut env = envs::make("cartpole")?;
//! let mut observation = vec![0.0; env.spec().observation.len()];
//! env.reset(&mut draws, &mut observation);
//! let step = env.step(1, &mut draws, &mut observation)?;
//! assert_eq!(step, envs::Step { reward: 1.0, terminated: false, truncated: false });
//! # Ok::<(), envs::Error>(())
//! ```
//!
//! Adding an environment is one file with its whole rules in the comment above
//! it, and one line in the registry; the tests find it there.

pub mod acrobot;
pub mod cartpole;
mod draws;
mod error;
#[cfg(feature = "gymnasium-rs")]
pub mod gymnasium;
pub mod mountain_car;
mod registry;
mod space;
mod state;
mod time_limit;

pub use draws::Draws;
pub use error::Error;
pub use registry::{Entry, make, registry};
pub use space::Space;
pub use time_limit::TimeLimit;

/// What an environment is, seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The name here, such as `cartpole`.
    pub name: String,
    /// The name in Gymnasium, such as `CartPole-v1`, where it has one.
    pub id: String,
    /// What is observed.
    pub observation: Space,
    /// How many actions there are; they are numbered from 0.
    pub actions: usize,
    /// The step at which [`TimeLimit`] truncates an episode.
    pub max_steps: Option<u32>,
    /// The mean return from which Gymnasium's registry calls it solved.
    pub reward_threshold: Option<f64>,
    /// A return that no episode falls below: the score of a run that diverged.
    pub worst_return: f64,
}

/// What one step brought besides the observation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The reward of this step.
    pub reward: f32,
    /// The episode reached an end of the task: what follows is worth nothing.
    pub terminated: bool,
    /// The episode was cut short: what follows would still be worth something,
    /// so a learner must not take this for an end.
    pub truncated: bool,
}

/// The rules of one environment, and nothing else: no time limit, no seed, no
/// allocation while stepping.
///
/// Observations are written into a buffer of `spec().observation.len()`;
/// [`reset`](Self::reset) and [`step`](Self::step) panic on any other length.
pub trait Environment: Send {
    /// What this environment is.
    fn spec(&self) -> &Spec;

    /// Starts an episode.
    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]);

    /// Takes one step. `action` is below `spec().actions`, which [`TimeLimit`]
    /// has checked.
    fn step(&mut self, action: usize, draws: &mut dyn Draws, observation: &mut [f32]) -> Step;

    /// The whole inner state, or an error where it cannot be seen.
    fn save(&self) -> Result<Vec<f64>, Error>;

    /// Puts back what [`save`](Self::save) gave. On an error nothing has changed.
    fn load(&mut self, state: &[f64]) -> Result<(), Error>;
}
