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
mod canvas;
mod cart;
pub mod cartpole;
pub mod cartpole_swingup;
pub mod catch;
pub mod chain;
pub mod deep_sea;
mod dial;
mod draws;
pub mod drift;
mod error;
#[cfg(feature = "gymnasium-rs")]
pub mod gymnasium;
pub mod key_door;
pub mod minatar;
pub mod mountain_car;
mod nearest;
pub mod probe;
mod registry;
mod settings;
mod space;
mod state;
mod time_limit;

pub use canvas::Canvas;
pub use dial::Dial;
pub use draws::Draws;
pub use error::Error;
pub use registry::{Entry, Kind, make, registry};
pub use settings::{Setting, Values};
pub use space::Space;
pub use time_limit::TimeLimit;

/// What an environment is, seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The name here, such as `cartpole`, with what is different from the plain
    /// environment, such as `cartpole?length=0.7`.
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
    /// The least and the greatest reward of a step.
    pub rewards: (f32, f32),
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

    /// What of it can be set and made to drift.
    fn dials(&self) -> &'static [Dial] {
        &[]
    }

    /// Sets the dial at this place of [`dials`](Self::dials) to a value within its
    /// range. It may happen in the middle of an episode.
    fn turn(&mut self, dial: usize, value: f64) {
        unreachable!("dial {dial} to {value}: there are no dials")
    }

    /// Starts an episode.
    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]);

    /// Takes one step. `action` is below `spec().actions`, which [`TimeLimit`]
    /// has checked.
    fn step(&mut self, action: usize, draws: &mut dyn Draws, observation: &mut [f32]) -> Step;

    /// The whole inner state, or an error where it cannot be seen.
    fn save(&self) -> Result<Vec<f64>, Error>;

    /// Puts back what [`save`](Self::save) gave. On an error nothing has changed.
    fn load(&mut self, state: &[f64]) -> Result<(), Error>;

    /// Where it stands in what outlasts its episodes: a drift's clock and values, a
    /// chain's member. Nothing for an environment that is always the same.
    fn world(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Takes over the world of another copy and stays in it, whatever the clock
    /// would say: an evaluation is to see the task as it is now.
    fn hold(&mut self, world: &[f64]) -> Result<(), Error> {
        if world.is_empty() {
            return Ok(());
        }
        Err(Error::State {
            name: self.spec().name.clone(),
            expected: "nothing, for this environment is always the same".to_owned(),
            found: format!("{} numbers", world.len()),
        })
    }

    /// A picture of the state, if it can be drawn.
    fn render(&self) -> Option<Canvas> {
        None
    }
}
