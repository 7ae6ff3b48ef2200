use settings::Setting;

use crate::{Canvas, Draws, Error, Space};

/// What an environment is, seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The name here, with whatever differs from the plain environment, such as
    /// `cartpole?length=0.7`.
    pub name: String,
    /// The name in Gymnasium, such as `CartPole-v1`; our name where it has none.
    pub id: String,
    /// The space of observations.
    pub observation: Space,
    /// How many actions there are; they are numbered from 0.
    pub actions: usize,
    /// The step at which [`TimeLimit`](crate::TimeLimit) truncates an episode.
    pub max_steps: Option<u32>,
    /// The mean return from which Gymnasium's registry counts the environment as solved.
    pub reward_threshold: Option<f64>,
    /// The least and the greatest reward of a step.
    pub rewards: (f32, f32),
    /// A return that no episode falls below: the score of a run that diverged.
    pub worst_return: f64,
}

/// What one step returns besides the observation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The reward of this step.
    pub reward: f32,
    /// The task has ended: whatever would follow is worth nothing.
    pub terminated: bool,
    /// The episode was cut short. The task would have gone on, so a learner must not take this
    /// for an end.
    pub truncated: bool,
}

/// The rules of one environment and nothing else: no time limit, no seed, and no allocation in
/// [`step`](Self::step).
///
/// Observations are written into a buffer of `spec().observation.len()` numbers;
/// [`reset`](Self::reset) and [`step`](Self::step) panic on any other length.
pub trait Environment: Send {
    /// What this environment is.
    fn spec(&self) -> &Spec;

    /// The settings that may change while the environment runs, and so can be made to drift. Each
    /// is a number with a closed range.
    fn dials(&self) -> &'static [Setting] {
        &[]
    }

    /// Sets the dial at this place in [`dials`](Self::dials) to a value within its range. This may
    /// happen in the middle of an episode.
    fn turn(&mut self, dial: usize, value: f64) {
        unreachable!("dial {dial} to {value}: there are no dials")
    }

    /// Starts an episode.
    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]);

    /// Takes one step. `action` is below `spec().actions`;
    /// [`TimeLimit`](crate::TimeLimit) has checked that.
    fn step(&mut self, action: usize, draws: &mut dyn Draws, observation: &mut [f32]) -> Step;

    /// The whole inner state, or an error where it cannot be seen.
    fn save(&self) -> Result<Vec<f64>, Error>;

    /// Restores what [`save`](Self::save) returned. On an error nothing has changed.
    fn load(&mut self, state: &[f64]) -> Result<(), Error>;

    /// The part of the state that outlasts episodes: the clock and the values of a drift, the
    /// member that a chain plays. Empty for an environment that never changes.
    fn world(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Takes over the [`world`](Self::world) of another copy and keeps it from changing, whatever
    /// the clock says: an evaluation has to see the task as it is now.
    fn hold(&mut self, world: &[f64]) -> Result<(), Error> {
        if world.is_empty() {
            return Ok(());
        }
        Err(Error::State {
            name: self.spec().name.clone(),
            expected: "nothing, because this environment never changes".to_owned(),
            found: format!("{} numbers", world.len()),
        })
    }

    /// A picture of the state, if it can be drawn.
    fn render(&self) -> Option<Canvas> {
        None
    }
}
