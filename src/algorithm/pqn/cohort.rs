//! PQN agents: they act in all their environments, and learn when their rollout is complete.

use candle_core::{DType, Tensor};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use safetensors::Dtype;

use super::{
    Minibatch, Pqn, PqnConfig,
    learner::PendingStep,
    pending::MinibatchUpdate,
    policy::{PqnPolicy, start_from, weights},
    rollout::{End, Rollout},
};
use optim::{
    Element,
    state_file::{Array, StatePart, bytes, numbers},
};

use crate::{
    Result,
    algorithm::{Algorithm, Experience, Learning, Policy, Setup, TargetClock, dqn::greedy},
    streams::{Stream, go_to, place, stream},
};

/// A cohort: the networks of all agents, and each one's rollout.
pub(super) struct Cohort {
    config: PqnConfig,
    /// Environment steps of the run.
    steps: u64,
    obs_len: usize,
    learner: Pqn,
    members: Vec<AgentState>,
    /// What followed the last step, `[agents, environments, observation]`.
    next_obs: Vec<f32>,
    minibatch: Minibatch,
    epsilon: f64,
}

/// An agent's state besides its network.
struct AgentState {
    rollout: Rollout,
    /// Draws which actions are random, and which.
    explore: ChaCha8Rng,
    /// Draws the order in which a rollout is learned from.
    shuffle: ChaCha8Rng,
    order: Vec<u32>,
    updates: u64,
}

impl Cohort {
    /// Agents at their start.
    pub fn new(config: PqnConfig, setup: &Setup) -> Result<Self> {
        let space = &setup.env.observation;
        let init = setup.seeds.iter().map(|seed| stream(*seed, Stream::Init));
        let learner = Pqn::new(
            &config,
            setup.optimisers,
            &space.shape,
            setup.env.actions,
            &mut init.collect::<Vec<_>>(),
            config.updates(setup.steps),
            (DType::F32, setup.device),
        )?;
        let member = |seed: &u64| AgentState {
            rollout: Rollout::default(),
            explore: stream(*seed, Stream::Explore),
            shuffle: stream(*seed, Stream::Replay),
            order: Vec::new(),
            updates: 0,
        };
        let agents = setup.seeds.len();
        Ok(Self {
            members: setup.seeds.iter().map(member).collect(),
            next_obs: vec![0.0; agents * config.n_envs * space.len()],
            steps: setup.steps,
            obs_len: space.len(),
            epsilon: config.start_e,
            minibatch: Minibatch::default(),
            learner,
            config,
        })
    }

    /// Values the observations after a step where a return needs them: where an episode was truncated, and
    /// after the last step of a rollout.
    fn bootstrap(&mut self, learning: &dyn Learning) -> Result<()> {
        let n = self.config.n_envs;
        let needed = |rollout: &Rollout, place: usize| match rollout.ends[place] {
            End::Terminated => false,
            End::Truncated => true,
            End::Open => rollout.ends.len() == self.config.rollout(),
        };
        let mut places = Vec::new();
        for (agent, member) in self.members.iter().enumerate() {
            if learning.is_alive(agent) {
                let first = member.rollout.ends.len() - n;
                let own = (first..first + n).filter(|place| needed(&member.rollout, *place));
                places.extend(own.map(|place| (agent, place, place - first)));
            }
        }
        if places.is_empty() {
            return Ok(());
        }
        let values = self.learner.values(&self.next_obs)?;
        let actions = self.learner.actions;
        for (agent, place, environment) in places {
            let at = agent * n + environment;
            let values = &values[at * actions..(at + 1) * actions];
            let obs = &self.next_obs[at * self.obs_len..(at + 1) * self.obs_len];
            let rollout = &mut self.members[agent].rollout;
            rollout.bootstrap(place, obs, values[greedy(values)]);
        }
        Ok(())
    }

    /// Learns from the rollouts, which are complete.
    fn learn_from_rollouts(&mut self, learning: &mut dyn Learning) -> Result<()> {
        for (agent, member) in self.members.iter_mut().enumerate() {
            if learning.is_alive(agent) {
                member.rollout.finish(&self.config);
            }
        }
        for _ in 0..self.config.epochs {
            for (agent, member) in self.members.iter_mut().enumerate() {
                if learning.is_alive(agent) {
                    member.draw_order(self.config.rollout());
                }
            }
            for number in 0..self.config.minibatches {
                if !(0..self.members.len()).any(|agent| learning.is_alive(agent)) {
                    return Ok(());
                }
                self.gradient_step(number, learning)?;
            }
        }
        for member in &mut self.members {
            member.rollout.clear();
        }
        Ok(())
    }

    fn gradient_step(&mut self, number: usize, learning: &mut dyn Learning) -> Result<()> {
        let size = self.config.minibatch();
        let own = number * size..(number + 1) * size;
        self.minibatch.obs.clear();
        self.minibatch.actions.clear();
        self.minibatch.targets.clear();
        for (agent, member) in self.members.iter_mut().enumerate() {
            if learning.is_alive(agent) {
                let indices = &member.order[own.clone()];
                self.minibatch
                    .append(&member.rollout, indices, self.obs_len);
                member.updates += 1;
            } else {
                // An agent that diverged keeps its place.
                let (obs, size) = (self.minibatch.obs.len(), self.minibatch.actions.len());
                let more = self.config.minibatch();
                self.minibatch.obs.resize(obs + more * self.obs_len, 0.0);
                self.minibatch.actions.resize(size + more, 0);
                self.minibatch.targets.resize(size + more, 0.0);
            }
        }
        let updates = self.members.iter().map(|m| m.updates).max().unwrap_or(1);
        let record = learning.is_recorded(updates);
        let mut fit = self.learner.fit(&self.minibatch, record)?;
        // Not `loss > max_loss`: NaN must count as diverged.
        let sound: Vec<bool> = fit
            .loss
            .iter()
            .map(|loss| *loss <= self.config.max_loss)
            .collect();
        let news = (0..sound.len()).any(|agent| learning.is_alive(agent) && !sound[agent]);
        if news && !record {
            fit = self.learner.fit(&self.minibatch, true)?;
        }
        let norms = match record || news {
            true => self.learner.optimiser.grad_norms(&fit.grads)?,
            false => Vec::new(),
        };
        for (agent, member) in self.members.iter().enumerate() {
            if learning.is_alive(agent) && sound[agent] {
                let update = MinibatchUpdate {
                    learner: &self.learner,
                    config: &self.config,
                    fit: &fit,
                    agent,
                    rollout: &member.rollout,
                    indices: &member.order[own.clone()],
                    obs_len: self.obs_len,
                };
                learning.pending(agent, member.updates, &update)?;
            }
        }
        self.learner.step(&fit)?;
        for (agent, member) in self.members.iter().enumerate() {
            if !learning.is_alive(agent) {
                continue;
            }
            if record || !sound[agent] {
                report(agent, member.updates, &fit, &norms, learning)?;
            }
            if !sound[agent] {
                learning.diverged(agent);
            }
        }
        Ok(())
    }
}

fn report(
    agent: usize,
    update: u64,
    fit: &PendingStep,
    norms: &[f64],
    learning: &mut dyn Learning,
) -> Result<()> {
    let measured = [fit.loss[agent], fit.mean_q[agent], norms[agent]];
    learning.updated(agent, update, &measured)
}

impl AgentState {
    /// A new order of `n` transitions (Fisher & Yates).
    fn draw_order(&mut self, n: usize) {
        self.order.clear();
        self.order.extend(0..n as u32);
        for i in (1..n).rev() {
            let other = self.shuffle.random_range(0..=i as u32) as usize;
            self.order.swap(i, other);
        }
    }
}

impl Algorithm for Cohort {
    fn act(&mut self, step: u64, obs: &[f32], alive: &[bool], actions: &mut [usize]) -> Result<()> {
        self.epsilon = self.config.epsilon(step, self.steps);
        let values = self.learner.values(obs)?;
        let (n, each) = (self.config.n_envs, self.learner.actions);
        let members = self.members.iter_mut().zip(alive);
        let members = members.zip(values.chunks_exact(n * each));
        for (((member, alive), values), actions) in members.zip(actions.chunks_exact_mut(n)) {
            if !alive {
                continue;
            }
            for (values, action) in values.chunks_exact(each).zip(actions) {
                let best = greedy(values);
                member.rollout.values.push(values[best]);
                let random = member.explore.random::<f64>() < self.epsilon;
                *action = match random {
                    true => member.explore.random_range(0..each as u32) as usize,
                    false => best,
                };
            }
        }
        Ok(())
    }

    fn behaviour(&self) -> Vec<f64> {
        vec![self.epsilon]
    }

    fn observe(&mut self, agent: usize, environment: usize, experience: &Experience) -> Result<()> {
        let at = (agent * self.config.n_envs + environment) * self.obs_len;
        self.next_obs[at..at + self.obs_len].copy_from_slice(experience.next_obs);
        let rollout = &mut self.members[agent].rollout;
        rollout.push(experience, self.config.reward_scale);
        Ok(())
    }

    fn learn(&mut self, _step: u64, learning: &mut dyn Learning) -> Result<()> {
        self.bootstrap(learning)?;
        let whole = |(agent, member): (usize, &AgentState)| {
            learning.is_alive(agent) && member.rollout.ends.len() == self.config.rollout()
        };
        if self.members.iter().enumerate().any(whole) {
            self.learn_from_rollouts(learning)?;
        }
        Ok(())
    }

    fn updates(&self, agent: usize) -> u64 {
        self.members[agent].updates
    }

    /// Targets are those of the rollout.
    fn target_clock(&self) -> TargetClock {
        let each = self.config.updates_a_rollout();
        Box::new(move |update| (update - 1) % each)
    }

    fn policy(&self, agent: usize) -> Result<Box<dyn Policy>> {
        let network = self.learner.alone(agent)?;
        let optimiser = &self.learner.optimiser;
        optimiser.evaluate_with(agent, &network.parameters())?;
        Ok(Box::new(PqnPolicy {
            config: self.config.clone(),
            network,
            obs_len: self.obs_len,
            actions: self.learner.actions,
        }))
    }

    fn start_from(&mut self, agent: usize, networks: &[u8]) -> Result<()> {
        let shape = (self.obs_len, self.learner.actions);
        start_from(&self.learner.network, agent, shape, networks)
    }

    fn optimiser_bytes_per_parameter(&self) -> f64 {
        self.learner.optimiser.bytes_per_parameter()
    }

    fn save(&self, agent: usize) -> Result<Vec<Array>> {
        let member = &self.members[agent];
        let mut arrays = weights(&self.learner.alone(agent)?)?;
        let state = self.learner.optimiser.agent_to_safetensors(agent)?;
        arrays.push(("optimiser".into(), Dtype::U8, vec![state.len()], state));
        arrays.extend(member.rollout.arrays());
        let places = [&member.explore, &member.shuffle].map(place).concat();
        let counters = [places.as_slice(), &[member.updates]].concat();
        let data = bytes(&counters, |x| x.to_le_bytes());
        arrays.push(("counters".into(), Dtype::U64, vec![5], data));
        Ok(arrays)
    }

    fn load(&mut self, agent: usize, state: &StatePart) -> Result<()> {
        for p in self.learner.parameters() {
            let own = [&[1], &p.var.dims()[1..]].concat();
            let values = f32::from_bytes(state.find(&p.name, Dtype::F32, &own)?);
            let own = Tensor::from_vec(values, own, p.var.device())?;
            let all = p.var.as_tensor();
            let before = all.narrow(0, 0, agent)?;
            let after = all.narrow(0, agent + 1, self.members.len() - agent - 1)?;
            p.var.set(&Tensor::cat(&[&before, &own, &after], 0)?)?;
        }
        let optimiser = state.list("optimiser", Dtype::U8)?;
        self.learner.optimiser.restore_agent(agent, optimiser)?;
        let member = &mut self.members[agent];
        member.rollout.load(state)?;
        let counters = state.find("counters", Dtype::U64, &[5])?;
        let counters = numbers(counters, u64::from_le_bytes);
        go_to(&mut member.explore, [counters[0], counters[1]]);
        go_to(&mut member.shuffle, [counters[2], counters[3]]);
        member.updates = counters[4];
        Ok(())
    }
}
