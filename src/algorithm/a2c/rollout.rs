//! What a cohort saw and did since its last update.

use optim::state_file::{Array, bytes, numbers};
use safetensors::Dtype;

use crate::{Error, Result, algorithm::Experience};

/// The steps of every agent since its last update. A *place* is a step in one environment: step number times
/// environments plus the environment's number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rollout {
    /// Agents.
    pub agents: usize,
    /// Environments of each.
    pub environments: usize,
    /// Observations before the steps, `[agents, places, observation]`.
    pub obs: Vec<f32>,
    /// Actions, `[agents, places]`.
    pub actions: Vec<u32>,
    /// Rewards, `[agents, places]`.
    pub rewards: Vec<f32>,
    /// Whether the episode is over for good, `[agents, places]`.
    pub terminated: Vec<bool>,
    /// Whether the episode ended with the step, for good or cut short, `[agents, places]`.
    pub ended: Vec<bool>,
    /// Observations after the last steps, before any reset, `[agents, environments, observation]`.
    pub last_obs: Vec<f32>,
    /// For each agent, the last observations of episodes that were cut short before the last step, in the order of
    /// places.
    pub cuts: Vec<Vec<Cut>>,
}

/// The last observation of an episode that was cut short.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// The place of its last step.
    pub place: usize,
    /// The observation after it, before the reset.
    pub obs: Vec<f32>,
}

impl Rollout {
    /// Room for `steps` steps of each agent in each of its environments.
    pub fn new(agents: usize, environments: usize, steps: usize, obs_len: usize) -> Self {
        let places = agents * environments * steps;
        Self {
            agents,
            environments,
            obs: vec![0.0; places * obs_len],
            actions: vec![0; places],
            rewards: vec![0.0; places],
            terminated: vec![false; places],
            ended: vec![false; places],
            last_obs: vec![0.0; agents * environments * obs_len],
            cuts: vec![Vec::new(); agents],
        }
    }

    /// Places of an agent.
    pub fn places(&self) -> usize {
        self.actions.len() / self.agents
    }

    /// Numbers in an observation.
    pub fn obs_len(&self) -> usize {
        self.last_obs.len() / (self.agents * self.environments)
    }

    /// Records step number `step` of an agent in an environment.
    pub fn record(&mut self, agent: usize, step: usize, environment: usize, seen: &Experience) {
        let (places, obs_len) = (self.places(), self.obs_len());
        let place = step * self.environments + environment;
        let at = agent * places + place;
        self.obs[at * obs_len..(at + 1) * obs_len].copy_from_slice(seen.obs);
        self.actions[at] = seen.action as u32;
        self.rewards[at] = seen.reward;
        self.terminated[at] = seen.terminated;
        self.ended[at] = seen.terminated || seen.truncated;
        if place + self.environments >= places {
            let last = agent * self.environments + environment;
            let own = last * obs_len..(last + 1) * obs_len;
            self.last_obs[own].copy_from_slice(seen.next_obs);
        } else if seen.truncated && !seen.terminated {
            self.cuts[agent].push(Cut {
                place,
                obs: seen.next_obs.to_vec(),
            });
        }
    }

    /// Empties the rollout.
    pub fn clear(&mut self) {
        self.cuts.iter_mut().for_each(Vec::clear);
    }

    /// The rollout of agent number `agent` alone.
    pub fn agent(&self, agent: usize) -> Self {
        fn part<T: Clone>(all: &[T], agent: usize, agents: usize) -> Vec<T> {
            crate::nn::slices::part(all, agent, agents).to_vec()
        }
        let n = self.agents;
        Self {
            agents: 1,
            environments: self.environments,
            obs: part(&self.obs, agent, n),
            actions: part(&self.actions, agent, n),
            rewards: part(&self.rewards, agent, n),
            terminated: part(&self.terminated, agent, n),
            ended: part(&self.ended, agent, n),
            last_obs: part(&self.last_obs, agent, n),
            cuts: vec![self.cuts[agent].clone()],
        }
    }

    /// All of a rollout of one agent.
    pub fn arrays(&self) -> Vec<Array> {
        let cuts: Vec<&Cut> = self.cuts.iter().flatten().collect();
        let cut_obs: Vec<f32> = cuts
            .iter()
            .flat_map(|cut| cut.obs.iter().copied())
            .collect();
        let cut_places: Vec<u32> = cuts.iter().map(|cut| cut.place as u32).collect();
        let floats = |name: &str, values: &[f32]| -> Array {
            let data = bytes(values, |x| x.to_le_bytes());
            (name.into(), Dtype::F32, vec![values.len()], data)
        };
        let whole = |name: &str, values: &[u32]| -> Array {
            let data = bytes(values, |x| x.to_le_bytes());
            (name.into(), Dtype::U32, vec![values.len()], data)
        };
        let flags = |name: &str, values: &[bool]| -> Array {
            let data = bytes(values, |x| [u8::from(*x)]);
            (name.into(), Dtype::U8, vec![values.len()], data)
        };
        vec![
            floats("obs", &self.obs),
            whole("actions", &self.actions),
            floats("rewards", &self.rewards),
            flags("terminated", &self.terminated),
            flags("ended", &self.ended),
            floats("last_obs", &self.last_obs),
            whole("cut_places", &cut_places),
            floats("cut_obs", &cut_obs),
        ]
    }

    /// Restores for agent number `agent` what [`arrays`](Self::arrays) returned; `find` finds arrays by name.
    pub fn load<'a>(
        &mut self,
        agent: usize,
        find: impl Fn(&str, Dtype) -> Result<&'a [u8]>,
    ) -> Result<()> {
        let floats = |name: &str| -> Result<Vec<f32>> {
            Ok(numbers(find(name, Dtype::F32)?, f32::from_le_bytes))
        };
        let whole = |name: &str| -> Result<Vec<u32>> {
            Ok(numbers(find(name, Dtype::U32)?, u32::from_le_bytes))
        };
        let flags = |name: &str| -> Result<Vec<bool>> {
            Ok(find(name, Dtype::U8)?
                .iter()
                .map(|flag| *flag != 0)
                .collect())
        };
        let (agents, obs_len) = (self.agents, self.obs_len());
        put("obs", &mut self.obs, &floats("obs")?, agent, agents)?;
        put(
            "actions",
            &mut self.actions,
            &whole("actions")?,
            agent,
            agents,
        )?;
        put(
            "rewards",
            &mut self.rewards,
            &floats("rewards")?,
            agent,
            agents,
        )?;
        put(
            "terminated",
            &mut self.terminated,
            &flags("terminated")?,
            agent,
            agents,
        )?;
        put("ended", &mut self.ended, &flags("ended")?, agent, agents)?;
        put(
            "last_obs",
            &mut self.last_obs,
            &floats("last_obs")?,
            agent,
            agents,
        )?;
        let (places, seen) = (whole("cut_places")?, floats("cut_obs")?);
        if seen.len() != places.len() * obs_len {
            return Err(wrong("cut_obs", seen.len(), places.len() * obs_len));
        }
        let cuts = places.iter().zip(seen.chunks_exact(obs_len));
        let cut = |(place, obs): (&u32, &[f32])| Cut {
            place: *place as usize,
            obs: obs.to_vec(),
        };
        self.cuts[agent] = cuts.map(cut).collect();
        Ok(())
    }
}

/// Makes `own` agent number `agent`'s part of `all`.
fn put<T: Copy>(name: &str, all: &mut [T], own: &[T], agent: usize, agents: usize) -> Result<()> {
    let each = all.len() / agents;
    if own.len() != each {
        return Err(wrong(name, own.len(), each));
    }
    all[agent * each..(agent + 1) * each].copy_from_slice(own);
    Ok(())
}

fn wrong(name: &str, found: usize, needed: usize) -> Error {
    Error::usage(format!(
        "the rollout's `{name}` has {found} numbers; needed: {needed}"
    ))
}
