//! Agents that learn from each step as it comes.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use safetensors::Dtype;

use super::{
    Normaliser, RewardScale, Seen, StreamQ, StreamQConfig,
    pending::{LearnedStep, StepUpdate},
    policy::{StreamPolicy, seen, statistics},
};
use optim::{
    Element, Spec,
    state_file::{Array, StatePart, bytes, numbers},
};

use crate::{
    Error, Result,
    algorithm::{Algorithm, Experience, Learning, Policy, Setup, dqn::greedy},
    streams::{Stream, go_to, place, stream},
};

/// A cohort. Its agents share only their settings.
pub(super) struct Cohort {
    config: StreamQConfig,
    /// Environment steps of the run.
    steps: u64,
    actions: usize,
    epsilon: f64,
    agents: Vec<Agent>,
}

/// One agent and its position in its stream.
struct Agent {
    learner: StreamQ<f32>,
    normaliser: Option<Normaliser>,
    rewards: Option<RewardScale>,
    explore: ChaCha8Rng,
    updates: u64,
    /// The step that is to be learned from.
    step: LearnedStep,
    /// Whether the action of this step is greedy.
    greedy: bool,
    /// Whether an episode begins with the next action.
    begins: bool,
}

impl Agent {
    fn new(config: &StreamQConfig, setup: &Setup, seed: u64, spec: &Spec) -> Result<Self> {
        let space = &setup.env.observation;
        let init = &mut stream(seed, Stream::Init);
        let (shape, actions) = (&space.shape, setup.env.actions);
        let learner = StreamQ::new(config, spec, shape, actions, init, setup.steps)?;
        Ok(Self {
            learner,
            normaliser: config
                .normalize_observations
                .then(|| Normaliser::new(space.len())),
            rewards: config.scale_rewards.then(RewardScale::default),
            explore: stream(seed, Stream::Explore),
            updates: 0,
            step: LearnedStep {
                x: vec![0.0; space.len()],
                next: vec![0.0; space.len()],
                ..LearnedStep::default()
            },
            greedy: true,
            begins: true,
        })
    }

    fn act(&mut self, obs: &[f32], epsilon: f64, actions: usize) -> usize {
        if self.begins {
            if let Some(normaliser) = &mut self.normaliser {
                normaliser.observe(obs);
            }
            seen(self.normaliser.as_ref(), obs, &mut self.step.x);
            self.begins = false;
        }
        let best = greedy(self.learner.values(&self.step.x));
        let random = self.explore.random::<f64>() < epsilon;
        let action = match random {
            true => self.explore.random_range(0..actions as u32) as usize,
            false => best,
        };
        self.greedy = action == best;
        action
    }

    fn observe(&mut self, gamma: f64, experience: &Experience) {
        if let Some(normaliser) = &mut self.normaliser {
            normaliser.observe(experience.next_obs);
        }
        let normaliser = self.normaliser.as_ref();
        seen(normaliser, experience.next_obs, &mut self.step.next);
        let ended = experience.terminated || experience.truncated;
        let reward = f64::from(experience.reward);
        self.step.reward = match &mut self.rewards {
            Some(scale) => scale.scale(reward, gamma, ended),
            None => reward,
        };
        self.step.action = experience.action;
        (self.step.terminated, self.step.truncated) = (experience.terminated, experience.truncated);
    }

    fn learn(
        &mut self,
        agent: usize,
        config: &StreamQConfig,
        learning: &mut dyn Learning,
    ) -> Result<()> {
        let ended = self.step.terminated || self.step.truncated;
        let update = self.learner.look(&Seen {
            action: self.step.action,
            reward: self.step.reward,
            next: &self.step.next,
            terminated: self.step.terminated,
            cut: ended || !self.greedy,
        });
        self.updates += 1;
        // Not `>`: NaN must count as diverged.
        let sound = update.td_error.abs() <= config.max_error;
        if sound {
            let pending = StepUpdate {
                learner: &self.learner,
                step: &self.step,
                update: &update,
            };
            learning.pending(agent, self.updates, &pending)?;
        }
        if !sound || learning.is_recorded(self.updates) {
            let loss = config.loss.of(update.td_error);
            let measured = [loss, update.value, update.pull.abs() * update.trace];
            learning.updated(agent, self.updates, &measured)?;
        }
        if !sound {
            learning.diverged(agent);
        }
        self.learner.learn(&update);
        self.begins = ended;
        std::mem::swap(&mut self.step.x, &mut self.step.next);
        Ok(())
    }
}

impl Cohort {
    /// Agents at their start.
    pub fn new(config: StreamQConfig, setup: &Setup) -> Result<Self> {
        if !setup.device.is_cpu() {
            return Err(Error::usage(
                "device = cuda is not allowed for stream-q, which learns from one sample at a time; allowed: cpu",
            ));
        }
        let agents = setup.seeds.iter().zip(setup.optimisers);
        let agents = agents.map(|(seed, spec)| Agent::new(&config, setup, *seed, spec));
        Ok(Self {
            agents: agents.collect::<Result<_>>()?,
            steps: setup.steps,
            actions: setup.env.actions,
            epsilon: config.start_e,
            config,
        })
    }
}

impl Algorithm for Cohort {
    fn act(&mut self, step: u64, obs: &[f32], alive: &[bool], actions: &mut [usize]) -> Result<()> {
        self.epsilon = self.config.epsilon(step, self.steps);
        let each = obs.len() / self.agents.len();
        let agents = self.agents.iter_mut().zip(alive);
        let agents = agents.zip(obs.chunks_exact(each)).zip(actions);
        for (((agent, alive), obs), action) in agents {
            if *alive {
                *action = agent.act(obs, self.epsilon, self.actions);
            }
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
        self.agents[agent].observe(self.config.gamma, experience);
        Ok(())
    }

    fn learn(&mut self, _step: u64, learning: &mut dyn Learning) -> Result<()> {
        for (i, agent) in self.agents.iter_mut().enumerate() {
            if learning.is_alive(i) {
                agent.learn(i, &self.config, learning)?;
            }
        }
        Ok(())
    }

    fn updates(&self, agent: usize) -> u64 {
        self.agents[agent].updates
    }

    fn policy(&self, agent: usize) -> Result<Box<dyn Policy>> {
        let Agent {
            learner,
            normaliser,
            step,
            ..
        } = &self.agents[agent];
        Ok(Box::new(StreamPolicy {
            layers: learner.layers.clone(),
            weights: learner.evaluation_weights(),
            normaliser: normaliser.clone(),
            obs_len: step.x.len(),
            actions: self.actions,
        }))
    }

    /// The running statistics of observations belong to the network that learned with them.
    fn start_from(&mut self, agent: usize, networks: &[u8]) -> Result<()> {
        let agent = &mut self.agents[agent];
        let policy = StreamPolicy {
            layers: agent.learner.layers.clone(),
            weights: agent.learner.weights.clone(),
            normaliser: agent.normaliser.take(),
            obs_len: agent.step.x.len(),
            actions: self.actions,
        };
        let policy = policy.load(networks)?;
        agent.learner.set_weights(&policy.weights);
        agent.normaliser = policy.normaliser;
        Ok(())
    }

    fn optimiser_bytes_per_parameter(&self) -> f64 {
        self.agents[0].learner.optimiser.bytes_per_parameter()
    }

    fn save(&self, agent: usize) -> Result<Vec<Array>> {
        let agent = &self.agents[agent];
        let floats = |name: &str, values: &[f32]| -> Array {
            let size = vec![values.len()];
            (name.into(), Dtype::F32, size, f32::to_bytes(values))
        };
        let mut arrays = vec![
            floats("weights", &agent.learner.weights),
            floats("trace", &agent.learner.trace),
            floats("x", &agent.step.x),
        ];
        arrays.extend(agent.learner.optimiser.arrays());
        arrays.extend(agent.normaliser.iter().flat_map(statistics));
        let mut whole = place(&agent.explore).to_vec();
        whole.extend([agent.updates, u64::from(agent.begins)]);
        if let Some(RewardScale {
            count,
            sum,
            mean,
            squares,
        }) = agent.rewards
        {
            whole.push(count);
            let data = bytes(&[sum, mean, squares], |x| x.to_le_bytes());
            arrays.push(("rewards".into(), Dtype::F64, vec![3], data));
        }
        let data = bytes(&whole, |x| x.to_le_bytes());
        arrays.push(("counters".into(), Dtype::U64, vec![whole.len()], data));
        Ok(arrays)
    }

    fn load(&mut self, agent: usize, state: &StatePart) -> Result<()> {
        let agent = &mut self.agents[agent];
        let floats = |name: &str, into: &mut Vec<f32>| -> Result<()> {
            *into = f32::from_bytes(state.find(name, Dtype::F32, &[into.len()])?);
            Ok(())
        };
        floats("weights", &mut agent.learner.weights)?;
        floats("trace", &mut agent.learner.trace)?;
        floats("x", &mut agent.step.x)?;
        agent.learner.optimiser.load(state)?;
        if let Some(normaliser) = &mut agent.normaliser {
            for (name, list) in [
                ("mean", &mut normaliser.mean),
                ("squares", &mut normaliser.squares),
            ] {
                let data = state.find(name, Dtype::F64, &[list.len()])?;
                *list = numbers(data, f64::from_le_bytes);
            }
            normaliser.count = state.count("count")?;
        }
        let counters = 4 + usize::from(agent.rewards.is_some());
        let counters = state.find("counters", Dtype::U64, &[counters])?;
        let counters = numbers(counters, u64::from_le_bytes);
        go_to(&mut agent.explore, [counters[0], counters[1]]);
        (agent.updates, agent.begins) = (counters[2], counters[3] != 0);
        if let Some(rewards) = &mut agent.rewards {
            let sums = state.find("rewards", Dtype::F64, &[3])?;
            let sums = numbers(sums, f64::from_le_bytes);
            *rewards = RewardScale {
                count: counters[4],
                sum: sums[0],
                mean: sums[1],
                squares: sums[2],
            };
        }
        Ok(())
    }
}
