//! Action values learned from a frozen, well-mixed buffer, by the DQN's network with its loss.

use candle_core::{DType, backprop::GradStore};

use super::{
    BatchScore, DataName, Learner, SupervisedConfig, config::held_out, frozen::Frozen,
    teacher::teacher,
};
use optim::Parameter;

use optim::state_file::{Array, StatePart};

use crate::{
    Result,
    algorithm::{
        Policy,
        dqn::{Critic, DqnConfig},
    },
    run::rl::{Evaluator, RunConfig},
    streams::{Stream, stream},
};

/// The DQN's network on transitions that a teacher has made, acting with a fixed epsilon.
///
/// In q-regression, a target is the teacher's value of the action taken, so nothing shifts. In
/// q-bootstrap, it is the reward plus the discounted value of what came next by a target network, so the
/// target shifts but the data do not. Loss and network are CleanRL's; the discount is the teacher's.
pub struct QRegression {
    critic: Critic,
    train: Frozen,
    test: Frozen,
    /// Batches between updates of the target network; none if the teacher gives the targets.
    target_every: Option<u64>,
    /// Plays what was learned.
    evaluator: Evaluator,
    /// The world that the teacher is in.
    world: Vec<f64>,
}

/// Episodes after an epoch.
const EPISODES: u32 = 5;

impl QRegression {
    /// The network at its start and the buffer, according to `config`.
    pub fn new(config: &SupervisedConfig) -> Result<Self> {
        let run = &config.run;
        let teacher = teacher(run)?;
        let mut env = envs::make(&teacher.env)?;
        if !teacher.world.is_empty() {
            env.hold(&teacher.world)?;
        }
        let draws = &mut stream(run.seed, Stream::Buffer);
        let test = held_out(run.buffer);
        let epsilon = run.behaviour_epsilon;
        let mut fill = |n| Frozen::fill(&mut env, &teacher, epsilon, n, draws);
        // Each starts from a reset, so no episode is in both.
        let (train, test) = (fill(run.buffer - test)?, fill(test)?);
        let dqn = DqnConfig {
            gamma: teacher.gamma,
            ..DqnConfig::cleanrl()
        };
        let init = &mut [stream(run.seed, Stream::Init)];
        let on = (DType::F32, &run.device.device()?);
        let (obs_len, actions) = teacher.shape;
        let evaluator = Evaluator::new(&RunConfig {
            env: teacher.env.clone(),
            seed: run.seed,
            eval_episodes: EPISODES,
            ..RunConfig::default()
        })?;
        Ok(Self {
            evaluator,
            world: teacher.world,
            critic: Critic::new(&dqn, obs_len, actions, init, on)?,
            train,
            test,
            target_every: (run.dataset == DataName::QBootstrap).then_some(run.target_every),
        })
    }
}

impl Learner for QRegression {
    fn samples(&self) -> usize {
        self.train.len()
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.critic.parameters()
    }

    fn learn(
        &mut self,
        rows: &[u32],
        _epoch: u64,
        _start: usize,
    ) -> Result<(BatchScore, GradStore)> {
        let batch = self.train.batch(rows);
        let targets = match self.target_every {
            None => self.train.taken(rows),
            Some(_) => {
                let values = self.critic.target_values(&batch)?;
                self.critic.targets(&batch, &values)?
            }
        };
        let fit = self.critic.fit(&batch, &targets)?;
        let score = BatchScore {
            loss: fit.loss[0],
            accuracy: self.train.agreement(rows, &fit.values),
        };
        Ok((score, fit.grads))
    }

    fn stepped(&mut self, step: u64) -> Result<bool> {
        let due = self.target_every.is_some_and(|n| step.is_multiple_of(n));
        if due {
            self.critic.copy_to_target()?;
        }
        Ok(due)
    }

    /// The loss is the mean squared distance from the teacher's values, whatever the targets were.
    fn test(&self) -> Result<BatchScore> {
        let values = self.test.observations().map(|obs| self.critic.values(obs));
        let values = values.collect::<Result<Vec<_>>>()?.concat();
        let rows: Vec<u32> = (0..self.test.len() as u32).collect();
        let wanted = self.test.taken(&rows).into_iter().enumerate();
        let squares = wanted.map(|(row, wanted)| {
            let difference = f64::from(self.test.of(&values, row, row)) - f64::from(wanted);
            difference * difference
        });
        Ok(BatchScore {
            loss: squares.sum::<f64>() / rows.len() as f64,
            accuracy: self.test.agreement(&rows, &values),
        })
    }

    /// Greedily, in the teacher's world.
    fn play(&mut self, epoch: u64) -> Result<Option<f64>> {
        self.evaluator.done = epoch;
        let policy = self.critic.policy(0)?;
        let row = self
            .evaluator
            .evaluate(&policy, 0, std::slice::from_ref(&self.world))?;
        Ok(Some(row.mean_return))
    }

    /// The variance of the teacher's values.
    fn constant_loss(&self) -> f64 {
        let rows: Vec<u32> = (0..self.test.len() as u32).collect();
        let values = self.test.taken(&rows);
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / rows.len() as f64;
        let centre = mean(&mut values.iter().copied().map(f64::from));
        mean(&mut values.iter().map(|x| (f64::from(*x) - centre).powi(2)))
    }

    fn arrays(&self) -> Result<Vec<Array>> {
        self.critic.agent_arrays(0)
    }

    fn restore(&mut self, saved: &StatePart) -> Result<()> {
        self.critic.load_agent(0, saved)
    }

    /// As the `policy.safetensors` of a DQN's run has them.
    fn weights(&self) -> Result<Vec<u8>> {
        self.critic.policy(0)?.to_safetensors()
    }
}
