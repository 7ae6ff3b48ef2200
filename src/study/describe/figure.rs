//! The figure of descriptions.

use std::path::Path;

use super::{measure::Description, memory::Memory};
use stats::{Estimate, two_sample::Change};

use crate::{
    Result,
    figures::{self, Dot, MeasuredData, MeasuredEnvironment},
};

/// Draws `descriptions`, all of the same extent, to `path`, as PNG.
pub fn draw(path: &Path, descriptions: &[Description]) -> Result<()> {
    let environments: Vec<MeasuredEnvironment> = descriptions.iter().map(environment).collect();
    let extent = descriptions.first().map(|first| &first.extent);
    let (streams, steps) = extent.map_or((0, 0), |extent| (extent.streams, extent.steps));
    figures::describe(path, &environments, streams, steps)
}

fn environment(description: &Description) -> MeasuredEnvironment {
    let name = description.env.split('?').next().unwrap_or_default();
    let entry = envs::registry().iter().find(|entry| entry.name == name);
    let autocorrelation = description.observations.iter();
    MeasuredEnvironment {
        name: description.env.clone(),
        policy: description.policy.clone(),
        kind: entry.map_or(0, |entry| entry.kind as usize),
        autocorrelation: autocorrelation
            .flat_map(|memory| memory.correlation.iter().copied())
            .collect(),
        states: description.coverage.clone(),
        times: times(description),
        distances: distances(description),
    }
}

/// Dots for observations come last, so that they are drawn in front.
fn times(description: &Description) -> Vec<Dot> {
    let dot = |memory: &Memory, estimate: Estimate, data| Dot {
        estimate,
        data,
        at_least: memory.too_short(estimate),
    };
    let rewards = description.rewards.iter();
    let rewards = rewards.map(|memory| dot(memory, memory.time, MeasuredData::Rewards));
    let observations = description.observations.iter().flat_map(|memory| {
        [
            dot(memory, memory.swing_time, MeasuredData::Swings),
            dot(memory, memory.time, MeasuredData::Observations),
        ]
    });
    rewards.chain(observations).collect()
}

fn distances(description: &Description) -> Vec<Dot> {
    let dot = |change: &Change, data| Dot {
        estimate: change.coefficient,
        data,
        at_least: false,
    };
    let rewards = description.rewards_change.iter();
    let rewards = rewards.map(|change| dot(change, MeasuredData::Rewards));
    let observations = description.observations_change.iter();
    let observations = observations.map(|change| dot(change, MeasuredData::Observations));
    rewards.chain(observations).collect()
}
