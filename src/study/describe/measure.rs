//! The measurements of an environment under its policies.

use super::{
    change,
    coverage::{CountedStates, checkpoints},
    memory::{Memory, mean},
    observations::Observations,
    stream::{Extent, PlayedStream},
};
use stats::{Estimate, two_sample::Change};

use crate::{Error, Result, parallel::parallel, run::rl::Actor};

/// The most memory for observations. A request for more is a typing error.
const MOST_BYTES: usize = 4 << 30;

/// An environment under a policy.
pub struct Description {
    /// The environment's full name, with all settings.
    pub env: String,
    /// The policy's name.
    pub policy: String,
    /// How much was played.
    pub extent: Extent,
    /// How long observations remember; `None` if none ever changes.
    pub observations: Option<Memory>,
    /// How long rewards remember; `None` if none ever changes.
    pub rewards: Option<Memory>,
    /// How far late observations are from early ones; `None` if they never differ.
    pub observations_change: Option<Change>,
    /// How far late rewards are from early ones; `None` if they never differ.
    pub rewards_change: Option<Change>,
    /// Numbers of steps, each with the distinct states seen by then.
    pub coverage: Vec<(usize, Estimate)>,
    /// Whether states are cells of the observations' space rather than distinct observations.
    pub cells: bool,
    /// The mean return of an episode; `None` if none ended.
    pub episode_return: Option<Estimate>,
    /// The mean length of an episode; `None` if none ended.
    pub episode_length: Option<Estimate>,
}

/// How often [`describe`] calls `done` for each policy.
pub const fn jobs(extent: &Extent) -> usize {
    2 * extent.streams
}

/// Describes the environment `env` under each of `policies`, which are given with their names. `done` is called after
/// each of the [`jobs`].
pub fn describe(
    env: &str,
    policies: &[(String, Actor)],
    extent: &Extent,
    done: &(dyn Fn() + Sync),
) -> Result<Vec<Description>> {
    let name = check(env, policies.len(), extent)?;
    let mut all: Vec<Vec<PlayedStream>> = Vec::new();
    for (_, actor) in policies {
        let streams = parallel(extent.streams, |index| {
            let stream = PlayedStream::play(&name, *actor, extent, index);
            done();
            stream
        });
        all.push(streams.into_iter().collect::<Result<_>>()?);
    }
    let states = CountedStates::of(all.iter().flatten());
    let described = policies.iter().zip(&all).map(|((policy, _), streams)| {
        let per_episode = |of: fn(&(f64, u32)) -> f64| {
            let values = streams.iter().filter_map(|stream| stream.per_episode(of));
            mean(&values.collect::<Vec<_>>())
        };
        Description {
            env: name.clone(),
            policy: policy.clone(),
            extent: extent.clone(),
            observations: Memory::of_observations(streams, done),
            rewards: Memory::of_rewards(streams),
            observations_change: change::of_observations(streams),
            rewards_change: change::of_rewards(streams),
            coverage: coverage(&states, streams),
            cells: matches!(states, CountedStates::Cells(_)),
            episode_return: per_episode(|(episode_return, _)| *episode_return),
            episode_length: per_episode(|(_, length)| f64::from(*length)),
        }
    });
    Ok(described.collect())
}

fn coverage(states: &CountedStates, streams: &[PlayedStream]) -> Vec<(usize, Estimate)> {
    let steps = checkpoints(streams[0].observations.len());
    let seen = parallel(streams.len(), |s| {
        states.seen(&streams[s].observations, &steps)
    });
    let at = |(i, steps): (usize, &usize)| {
        let seen: Vec<f64> = seen.iter().map(|seen| seen[i]).collect();
        Some((*steps, mean(&seen)?))
    };
    steps.iter().enumerate().filter_map(at).collect()
}

/// The environment's full name; an error if the streams do not fit into memory.
fn check(env: &str, policies: usize, extent: &Extent) -> Result<String> {
    let env = envs::make(env)?;
    // A step takes its row, its reward, and two numbers while the autocorrelation is computed.
    let row = Observations::row_bytes(&env.spec().observation) + 4 + 2 * size_of::<f64>();
    let most = MOST_BYTES / (row * policies.max(1) * extent.streams.max(1));
    if extent.steps > most {
        return Err(Error::usage(format!(
            "--steps {} of {} in {} streams do not fit into {} GiB; allowed: up to {most}, or fewer --streams",
            extent.steps,
            env.spec().name,
            extent.streams,
            MOST_BYTES >> 30
        )));
    }
    Ok(env.spec().name.clone())
}
