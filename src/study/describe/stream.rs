//! What an agent would be given to learn from: one unbroken stream, episode after episode.

use super::rows::Rows;
use crate::{
    Error, Result,
    streams::{Stream as Name, stream},
    train::Actor,
};

/// How much is played.
#[derive(Clone, Debug, PartialEq)]
pub struct Extent {
    /// Independent streams, at least two.
    pub streams: usize,
    /// Steps of each stream.
    pub steps: usize,
    /// The first stream's seed; each has the one after.
    pub seed: u64,
}

/// A stream as it was played.
pub struct Stream {
    /// What was observed before each step.
    pub observations: Rows,
    /// What each step brought.
    pub rewards: Vec<f32>,
    /// The return and the length of every episode that ended.
    pub episodes: Vec<(f64, u32)>,
}

impl Stream {
    /// Plays stream `index` of `actor` on the environment `env`.
    ///
    /// The environment and the actions draw as those of the run with that seed do.
    pub fn play(env: &str, actor: Actor, extent: &Extent, index: usize) -> Result<Self> {
        let mut env = envs::make(env)?;
        let seed = extent.seed + index as u64;
        let mut draws = stream(seed, Name::Env);
        let mut explore = stream(seed, Name::Explore);
        let actions = env.spec().actions;
        let mut obs = vec![0.0; env.spec().observation.len()];
        let mut played = Self {
            observations: Rows::new(&env.spec().observation),
            rewards: Vec::with_capacity(extent.steps),
            episodes: Vec::new(),
        };
        let mut episode_return = 0.0;
        env.reset(&mut draws, &mut obs);
        for _ in 0..extent.steps {
            if let Some(x) = obs.iter().find(|x| !x.is_finite()) {
                let name = &env.spec().name;
                return Err(Error::usage(format!("{name}: it was observed as {x}")));
            }
            played.observations.push(&obs);
            let action = actor.act(&obs, actions, &mut explore)?;
            let step = env.step(action, &mut draws, &mut obs)?;
            played.rewards.push(step.reward);
            episode_return += f64::from(step.reward);
            if step.terminated || step.truncated {
                played.episodes.push((episode_return, env.elapsed()));
                episode_return = 0.0;
                env.reset(&mut draws, &mut obs);
            }
        }
        Ok(played)
    }

    /// The mean of `of` over the episodes; `None` if none ended.
    pub fn per_episode(&self, of: impl Fn(&(f64, u32)) -> f64) -> Option<f64> {
        let sum: f64 = self.episodes.iter().map(of).sum();
        (!self.episodes.is_empty()).then(|| sum / self.episodes.len() as f64)
    }

    /// The rewards as a feature.
    pub fn reward_series(&self) -> Vec<f64> {
        self.rewards.iter().copied().map(f64::from).collect()
    }
}
