//! A2C agents in lock-step: they act, keep a rollout, and learn from it.

use candle_core::DType;
use optim::state_file::{Array, StatePart, bytes, numbers, of_part};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use safetensors::Dtype;

use super::{A2c, A2cConfig, Learned, Pending, Rollout, pending::AgentUpdate};
use crate::{
    Error, Result,
    algorithm::{Algorithm, Experience, Learning, Policy, Setup, TargetClock},
    streams::{Stream, go_to, place, stream},
};

/// The part of an agent's state that holds its rollout.
const ROLLOUT: &str = "rollout";

/// A cohort: the networks of all agents, and what they saw since the last update.
pub(super) struct Cohort {
    config: A2cConfig,
    actions: usize,
    agents: A2c,
    rollout: Rollout,
    /// Steps in the rollout.
    filled: usize,
    /// The stream from which each agent draws its actions.
    explore: Vec<ChaCha8Rng>,
    /// Each agent's.
    updates: Vec<u64>,
}

impl Cohort {
    /// Agents at their start.
    pub fn new(config: A2cConfig, setup: &Setup) -> Result<Self> {
        let space = &setup.env.observation;
        let init = setup.seeds.iter().map(|seed| stream(*seed, Stream::Init));
        let agents = A2c::new(
            &config,
            setup.optimisers,
            &space.shape,
            setup.env.actions,
            &mut init.collect::<Vec<_>>(),
            config.updates(setup.steps),
            (DType::F32, setup.device),
        )?;
        let n = setup.seeds.len();
        let explore = setup
            .seeds
            .iter()
            .map(|seed| stream(*seed, Stream::Explore));
        Ok(Self {
            rollout: Rollout::new(n, config.n_envs, config.n_steps, space.len()),
            filled: 0,
            actions: setup.env.actions,
            agents,
            explore: explore.collect(),
            updates: vec![0; n],
            config,
        })
    }

    fn update(&mut self, learning: &mut dyn Learning) -> Result<()> {
        for (agent, updates) in self.updates.iter_mut().enumerate() {
            *updates += u64::from(learning.is_alive(agent));
        }
        let updates = self.updates.iter().copied().max().unwrap_or(1);
        let record = learning.is_recorded(updates);
        let (rollout, numbers) = (&self.rollout, &self.updates);
        let show = |pending: &Pending| {
            for (agent, update) in numbers.iter().enumerate() {
                if learning.is_alive(agent) && !pending.diverged[agent] {
                    let pending = AgentUpdate::new(pending, agent, rollout);
                    learning.pending(agent, *update, &pending)?;
                }
            }
            Ok(())
        };
        let learned = self.agents.learn_watched(rollout, record, show)?;
        for (agent, update) in self.updates.iter().enumerate() {
            if learning.is_alive(agent) {
                report(agent, *update, record, &learned, learning)?;
            }
        }
        self.rollout.clear();
        Ok(())
    }
}

/// Reports the result of one agent's update.
fn report(
    agent: usize,
    update: u64,
    record: bool,
    learned: &Learned,
    learning: &mut dyn Learning,
) -> Result<()> {
    let diverged = learned.diverged[agent];
    if let (true, Some(details)) = (record || diverged, &learned.details) {
        let of = details[agent];
        let measured = [
            learned.loss[agent],
            of.entropy,
            of.grad_norm,
            of.policy_loss,
            of.value_loss,
        ];
        learning.updated(agent, update, &measured)?;
    }
    if diverged {
        learning.diverged(agent);
    }
    Ok(())
}

/// An action drawn with the probabilities whose logarithms are `logits`, up to a constant.
fn sample(logits: &[f32], rng: &mut impl Rng) -> usize {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: &f32| f64::from(logit - largest).exp();
    let all: f64 = logits.iter().map(weight).sum();
    let mut left = rng.random::<f64>() * all;
    for (action, logit) in logits.iter().enumerate() {
        left -= weight(logit);
        if left < 0.0 {
            return action;
        }
    }
    logits.len() - 1
}

impl Algorithm for Cohort {
    fn act(
        &mut self,
        _step: u64,
        obs: &[f32],
        alive: &[bool],
        actions: &mut [usize],
    ) -> Result<()> {
        let logits = self.agents.networks().logits(obs)?;
        let rows = logits.chunks_exact(self.actions);
        for (place, (logits, action)) in rows.zip(actions).enumerate() {
            let agent = place / self.config.n_envs;
            if alive[agent] {
                *action = sample(logits, &mut self.explore[agent]);
            }
        }
        Ok(())
    }

    fn behaviour(&self) -> Vec<f64> {
        Vec::new()
    }

    fn observe(&mut self, agent: usize, environment: usize, experience: &Experience) -> Result<()> {
        self.rollout
            .record(agent, self.filled, environment, experience);
        Ok(())
    }

    fn learn(&mut self, _step: u64, learning: &mut dyn Learning) -> Result<()> {
        self.filled += 1;
        if self.filled < self.config.n_steps {
            return Ok(());
        }
        self.filled = 0;
        self.update(learning)
    }

    fn updates(&self, agent: usize) -> u64 {
        self.updates[agent]
    }

    /// The values, and therefore the returns, move with every update.
    fn target_clock(&self) -> TargetClock {
        Box::new(|_| 0)
    }

    fn policy(&self, agent: usize) -> Result<Box<dyn Policy>> {
        Ok(Box::new(self.agents.policy(agent)?))
    }

    fn networks(&self, agent: usize) -> Result<Vec<u8>> {
        self.agents.saved_networks(agent)
    }

    fn start_from(&mut self, agent: usize, networks: &[u8]) -> Result<()> {
        self.agents.start_from(agent, networks)
    }

    fn optimiser_bytes_per_parameter(&self) -> f64 {
        self.agents.optimiser().bytes_per_parameter()
    }

    fn save(&self, agent: usize) -> Result<Vec<Array>> {
        let mut arrays = self.agents.agent_arrays(agent)?;
        arrays.extend(of_part(ROLLOUT, self.rollout.agent(agent).arrays()));
        let [low, high] = place(&self.explore[agent]);
        let counters = [self.filled as u64, self.updates[agent], low, high];
        let data = bytes(&counters, |x| x.to_le_bytes());
        arrays.push(("counters".into(), Dtype::U64, vec![counters.len()], data));
        Ok(arrays)
    }

    fn load(&mut self, agent: usize, state: &StatePart) -> Result<()> {
        self.agents.load_agent(agent, state)?;
        self.rollout.load(agent, |name, dtype| {
            Ok(state.list(&format!("{ROLLOUT}.{name}"), dtype)?)
        })?;
        let counters = numbers(
            state.find("counters", Dtype::U64, &[4])?,
            u64::from_le_bytes,
        );
        let &[filled, updates, low, high] = counters.as_slice() else {
            return Err(Error::usage("the state has no four counters"));
        };
        (self.filled, self.updates[agent]) = (filled as usize, updates);
        go_to(&mut self.explore[agent], [low, high]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_drawn_with_their_probabilities() {
        let mut rng = stream(1, Stream::Explore);
        // Probabilities 0.1, 0.2, 0.7, of logits with a constant in them.
        let logits = [0.1f32, 0.2, 0.7].map(|p| p.ln() + 300.0);
        let mut counts = [0; 3];
        for _ in 0..30_000 {
            counts[sample(&logits, &mut rng)] += 1;
        }
        // Within five standard errors.
        for (count, p) in counts.into_iter().zip([0.1, 0.2, 0.7]) {
            let off = f64::from(count) - 30_000.0 * p;
            assert!(
                off.abs() < 5.0 * (30_000.0 * p * (1.0 - p)).sqrt(),
                "{counts:?}"
            );
        }
        // A network whose outputs are no longer numbers.
        assert!(sample(&[f32::NAN, f32::NAN], &mut rng) < 2);
    }
}
