//! What an agent would learn from: one unbroken stream, episode after episode.

use super::observations::Observations;
use crate::{
    Error, Result,
    run::rl::Actor,
    streams::{Stream, stream},
};

/// How much is played.
#[derive(Clone, Debug, PartialEq)]
pub struct Extent {
    /// Independent streams, at least two.
    pub streams: usize,
    /// Steps of each stream.
    pub steps: usize,
    /// The first stream's seed; each further stream has the next seed.
    pub seed: u64,
}

/// A stream that was played.
pub struct PlayedStream {
    /// The observation before each step.
    pub observations: Observations,
    /// The reward of each step.
    pub rewards: Vec<f32>,
    /// The return and the length of each episode that ended.
    pub episodes: Vec<(f64, u32)>,
}

impl PlayedStream {
    /// Plays stream `index` of `actor` on the environment `env`.
    ///
    /// The environment and the actions draw from the same random streams as in a run with that seed.
    pub fn play(env: &str, actor: Actor, extent: &Extent, index: usize) -> Result<Self> {
        let mut env = envs::make(env)?;
        let seed = extent.seed + index as u64;
        let mut draws = stream(seed, Stream::Env);
        let mut explore = stream(seed, Stream::Explore);
        let actions = env.spec().actions;
        let mut obs = vec![0.0; env.spec().observation.len()];
        let mut played = Self {
            observations: Observations::new(&env.spec().observation),
            rewards: Vec::with_capacity(extent.steps),
            episodes: Vec::new(),
        };
        let mut episode_return = 0.0;
        env.reset(&mut draws, &mut obs);
        for _ in 0..extent.steps {
            if let Some(x) = obs.iter().find(|x| !x.is_finite()) {
                let name = &env.spec().name;
                return Err(Error::usage(format!(
                    "{name}: an observation is {x}; allowed: finite numbers"
                )));
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

    /// The mean of `value` over the episodes; `None` if none ended.
    pub fn per_episode(&self, value: impl Fn(&(f64, u32)) -> f64) -> Option<f64> {
        let sum: f64 = self.episodes.iter().map(value).sum();
        (!self.episodes.is_empty()).then(|| sum / self.episodes.len() as f64)
    }

    /// The rewards in f64.
    pub fn reward_series(&self) -> Vec<f64> {
        self.rewards.iter().copied().map(f64::from).collect()
    }
}
