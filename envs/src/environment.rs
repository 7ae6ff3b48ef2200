use settings::Setting;

use crate::{Canvas, Draws, Error, Space};

/// The description of an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct EnvSpec {
    /// The name, with whatever differs from the plain environment, such as `cartpole?length=0.7`.
    pub name: String,
    /// Gymnasium's name, such as `CartPole-v1`, or our name if it has none.
    pub id: String,
    /// The space of observations.
    pub observation: Space,
    /// The number of actions; they are numbered from 0.
    pub actions: usize,
    /// The step at which [`TimeLimit`](crate::TimeLimit) truncates an episode.
    pub max_steps: Option<u32>,
    /// The mean return from which the environment counts as solved in Gymnasium's registry.
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
    /// The episode was cut short. The task would have continued, so a learner must not treat this as an
    /// end.
    pub truncated: bool,
}

/// The rules of one environment and nothing else: no time limit, no seed, and no allocation in
/// [`step`](Self::step).
///
/// Observations are written into a buffer of `spec().observation.len()` numbers;
/// [`reset`](Self::reset) and [`step`](Self::step) panic on any other length.
pub trait Environment: Send {
    /// The description of this environment.
    fn spec(&self) -> &EnvSpec;

    /// The settings that may change while the environment runs, and can therefore drift. Each is a
    /// number with a closed range.
    fn dials(&self) -> &'static [Setting] {
        &[]
    }

    /// Sets the dial at this index of [`dials`](Self::dials) to a value within its range. This may
    /// happen during an episode.
    fn turn(&mut self, dial: usize, value: f64) {
        unreachable!("dial {dial} to {value}: there are no dials")
    }

    /// Starts an episode.
    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]);

    /// Takes one step. `action` is below `spec().actions`;
    /// [`TimeLimit`](crate::TimeLimit) has checked that.
    fn step(&mut self, action: usize, draws: &mut dyn Draws, observation: &mut [f32]) -> Step;

    /// The whole inner state, or an error if it is not accessible.
    fn save(&self) -> Result<Vec<f64>, Error>;

    /// Restores what [`save`](Self::save) returned. After an error nothing has changed.
    fn load(&mut self, state: &[f64]) -> Result<(), Error>;

    /// The part of the state that outlasts episodes: the clock and the values of a drift, the
    /// member that a chain plays. Empty for an environment that never changes.
    fn world(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Takes on the [`world`](Self::world) of another copy and keeps it from changing, whatever the
    /// clock says, because an evaluation must see the task as it is now.
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
