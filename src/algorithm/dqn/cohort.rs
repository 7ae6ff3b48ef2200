//! DQN agents in lock-step: they act, remember and learn in CleanRL's order.

use candle_core::DType;

use super::{
    Batch, Dqn, DqnConfig, Learned, Pending, epsilon, memory::AgentMemory, pending::AgentUpdate,
};
use optim::state_file::{Array, StatePart};

use crate::{
    Result,
    algorithm::{Algorithm, Experience, Learning, Policy, Setup, TargetClock},
    streams::{Stream, stream},
};

/// A cohort: the networks of all agents, and the memory of each agent.
pub(super) struct Cohort {
    config: DqnConfig,
    /// Environment steps of the run.
    steps: u64,
    actions: usize,
    agents: Dqn,
    memories: Vec<AgentMemory>,
    batch: Batch,
    /// For each agent, its random action in this step, if it takes one.
    random: Vec<Option<usize>>,
    epsilon: f64,
}

impl Cohort {
    /// Agents that have learned nothing yet.
    pub fn new(config: DqnConfig, setup: &Setup) -> Result<Self> {
        let space = &setup.env.observation;
        let init = setup.seeds.iter().map(|seed| stream(*seed, Stream::Init));
        let agents = Dqn::on(
            &config,
            setup.optimisers,
            space.shape.clone(),
            setup.env.actions,
            &mut init.collect::<Vec<_>>(),
            config.updates(setup.steps),
            (DType::F32, setup.device),
        )?;
        let memory = |seed: &u64| AgentMemory::new(&config, *seed, space, !setup.device.is_cpu());
        Ok(Self {
            memories: setup.seeds.iter().map(memory).collect(),
            steps: setup.steps,
            actions: setup.env.actions,
            agents,
            batch: Batch::default(),
            random: Vec::new(),
            epsilon: config.start_e,
            config,
        })
    }

    fn any_alive(&self, learning: &dyn Learning) -> bool {
        (0..self.memories.len()).any(|agent| learning.is_alive(agent))
    }

    fn gradient_step(&mut self, step: u64, learning: &mut dyn Learning) -> Result<()> {
        let size = self.config.batch_size;
        let beta = self.config.beta(step, self.steps);
        self.batch.clear();
        for (agent, memory) in self.memories.iter_mut().enumerate() {
            // An agent that diverged keeps its place in the batch.
            memory.sample(size, beta, &mut self.batch);
            if learning.is_alive(agent) {
                memory.updates += 1;
            }
        }
        let updates = self.memories.iter().map(|m| m.updates).max().unwrap_or(1);
        let record = learning.is_recorded(updates);
        let (batch, memories) = (&self.batch, &self.memories);
        let show = |pending: &Pending| {
            for (agent, memory) in memories.iter().enumerate() {
                if learning.is_alive(agent) && !pending.diverged[agent] {
                    let update = AgentUpdate::new(pending, agent, batch, &memory.replay, beta);
                    learning.pending(agent, memory.updates, &update)?;
                }
            }
            Ok(())
        };
        let learned = self.agents.learn_watched(batch, record, show)?;
        for (agent, memory) in self.memories.iter_mut().enumerate() {
            if !learning.is_alive(agent) {
                continue;
            }
            report(agent, memory.updates, record, &learned, learning)?;
            if let (false, Some(errors)) = (learned.diverged[agent], &learned.td_errors) {
                let own = agent * size..(agent + 1) * size;
                let indices = &self.batch.indices[own.clone()];
                memory.replay.update_priorities(indices, &errors[own]);
            }
        }
        Ok(())
    }
}

/// Reports the outcome of one agent's update.
fn report(
    agent: usize,
    update: u64,
    record: bool,
    learned: &Learned,
    learning: &mut dyn Learning,
) -> Result<()> {
    let diverged = learned.diverged[agent];
    if let (true, Some(details)) = (record || diverged, &learned.details) {
        let (mean_q, grad_norm) = (details.mean_q[agent], details.grad_norm[agent]);
        learning.updated(agent, update, &[learned.loss[agent], mean_q, grad_norm])?;
    }
    if diverged {
        learning.diverged(agent);
    }
    Ok(())
}

impl Algorithm for Cohort {
    fn act(&mut self, step: u64, obs: &[f32], alive: &[bool], actions: &mut [usize]) -> Result<()> {
        self.epsilon = epsilon(&self.config, step, self.steps);
        self.random.clear();
        for (memory, alive) in self.memories.iter_mut().zip(alive) {
            self.random.push(match alive {
                true => memory.random_action(self.epsilon, self.actions),
                false => Some(0),
            });
        }
        if self.random.contains(&None) {
            actions.copy_from_slice(&self.agents.act(obs)?);
        }
        for (action, random) in actions.iter_mut().zip(&self.random) {
            *action = random.unwrap_or(*action);
        }
        Ok(())
    }

    fn behaviour(&self) -> Vec<f64> {
        vec![self.epsilon]
    }

    fn observe(
        &mut self,
        agent: usize,
        _environment: usize,
        experience: &Experience,
    ) -> Result<()> {
        self.memories[agent].push(experience)
    }

    /// CleanRL's order: no update until `learning_starts` has passed, and the target network last.
    fn learn(&mut self, step: u64, learning: &mut dyn Learning) -> Result<()> {
        if step <= self.config.learning_starts {
            return Ok(());
        }
        if step.is_multiple_of(self.config.train_frequency) {
            for _ in 0..self.config.gradient_steps {
                if !self.any_alive(learning) {
                    break;
                }
                self.gradient_step(step, learning)?;
            }
        }
        if step.is_multiple_of(self.config.target_network_frequency) {
            self.agents.update_target()?;
        }
        Ok(())
    }

    fn updates(&self, agent: usize) -> u64 {
        self.memories[agent].updates
    }

    fn target_clock(&self) -> TargetClock {
        let config = self.config.clone();
        Box::new(move |update| config.since_target(update))
    }

    fn policy(&self, agent: usize) -> Result<Box<dyn Policy>> {
        Ok(Box::new(self.agents.policy(agent)?))
    }

    fn start_from(&mut self, agent: usize, networks: &[u8]) -> Result<()> {
        self.agents.critic().start_from(agent, networks)
    }

    fn optimiser_bytes_per_parameter(&self) -> f64 {
        self.agents.optimiser_bytes_per_parameter()
    }

    fn save(&self, agent: usize) -> Result<Vec<Array>> {
        let mut arrays = self.agents.agent_arrays(agent)?;
        arrays.extend(self.memories[agent].arrays()?);
        Ok(arrays)
    }

    fn load(&mut self, agent: usize, state: &StatePart) -> Result<()> {
        self.agents.load_agent(agent, state)?;
        self.memories[agent].load(state)
    }
}
