//! One agent's side of a run: its environment, its memory, its random streams, its records.

use std::collections::VecDeque;

use envs::TimeLimit;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    Config, EpisodeRow, EvaluationRow, Evaluator, Observer, Outcome, Status,
    diagnose::{Diagnostics, Moment},
};
use crate::{
    Error, Result,
    agent::{Ahead, Batch, DqnConfig, Encoding, Policy, Replay, Transition},
    streams::{Stream, stream},
};

/// Training episodes in the mean that a run's outcome has.
const RECENT: usize = 100;

/// One agent of a cohort and all that is its own but the network.
pub(super) struct Member<'a> {
    pub config: &'a Config,
    pub observer: &'a mut dyn Observer,
    pub env: TimeLimit,
    pub replay: Replay,
    pub evaluator: Evaluator,
    pub diagnostics: Option<Diagnostics<'a>>,
    pub env_stream: ChaCha8Rng,
    pub explore: ChaCha8Rng,
    pub replay_stream: ChaCha8Rng,
    /// What it sees.
    pub obs: Vec<f32>,
    next_obs: Vec<f32>,
    pub updates: u64,
    pub episodes: u64,
    pub episode_return: f64,
    pub recent: VecDeque<f64>,
    pub last: Option<EvaluationRow>,
    pub best: Option<EvaluationRow>,
    /// The policy of the best evaluation, saved.
    pub best_policy: Vec<u8>,
    pub solved_step: Option<u64>,
    pub status: Status,
    /// Steps done when it diverged.
    pub diverged_at: Option<u64>,
}

impl<'a> Member<'a> {
    pub fn new(config: &'a Config, observer: &'a mut dyn Observer) -> Result<Self> {
        let mut env = envs::make(&config.run.env)?;
        let spec = env.spec();
        if spec.actions > 256 {
            let (name, actions) = (&spec.name, spec.actions);
            return Err(Error::usage(format!(
                "{name} has {actions} actions; the replay buffer holds at most 256"
            )));
        }
        let seed = config.run.seed;
        let space = &spec.observation;
        let encoding = match space.binary {
            true => Encoding::Bits,
            false => Encoding::Floats,
        };
        let replay = replay(&config.agent, space.len(), encoding);
        let mut obs = vec![0.0; space.len()];
        let mut env_stream = stream(seed, Stream::Env);
        env.reset(&mut env_stream, &mut obs);
        Ok(Self {
            replay,
            evaluator: Evaluator::new(&config.run)?,
            diagnostics: Diagnostics::new(config),
            env,
            env_stream,
            explore: stream(seed, Stream::Explore),
            replay_stream: stream(seed, Stream::Replay),
            next_obs: obs.clone(),
            obs,
            updates: 0,
            episodes: 0,
            episode_return: 0.0,
            recent: VecDeque::new(),
            last: None,
            best: None,
            best_policy: Vec::new(),
            solved_step: None,
            status: Status::Finished,
            diverged_at: None,
            config,
            observer,
        })
    }

    pub fn alive(&self) -> bool {
        self.status != Status::Diverged
    }

    /// A random action, with probability `epsilon`.
    pub fn random_action(&mut self, epsilon: f64) -> Option<usize> {
        let random = self.explore.random::<f64>() < epsilon;
        random.then(|| self.explore.random_range(0..self.env.spec().actions as u32) as usize)
    }

    /// Step number `step`, from 0, in the environment, remembered.
    pub fn act(&mut self, action: usize, step: u64, epsilon: f64) -> Result<()> {
        let taken = self
            .env
            .step(action, &mut self.env_stream, &mut self.next_obs)?;
        self.replay.push(Transition {
            obs: &self.obs,
            action: action as u8,
            reward: taken.reward,
            next_obs: &self.next_obs,
            terminated: taken.terminated,
            truncated: taken.truncated,
        })?;
        std::mem::swap(&mut self.obs, &mut self.next_obs);
        self.episode_return += f64::from(taken.reward);
        if taken.terminated || taken.truncated {
            self.end_episode(step + 1, epsilon)?;
        }
        Ok(())
    }

    fn end_episode(&mut self, step: u64, epsilon: f64) -> Result<()> {
        self.episodes += 1;
        self.observer.episode(&EpisodeRow {
            step,
            episode: self.episodes,
            episode_return: self.episode_return,
            length: self.env.elapsed(),
            epsilon,
        })?;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(self.episode_return);
        self.episode_return = 0.0;
        self.env.reset(&mut self.env_stream, &mut self.obs);
        Ok(())
    }

    /// Appends transitions to learn from at step number `step`.
    pub fn sample(&mut self, step: u64, batch: &mut Batch) {
        let agent = &self.config.agent;
        let beta = agent.beta(step, self.config.run.steps);
        self.replay
            .sample(&mut self.replay_stream, agent.batch_size, beta, batch);
    }

    /// Looks at the gradient step that is ahead of agent number `agent` of `agents` at step number
    /// `step`.
    pub fn watch(
        &mut self,
        step: u64,
        (agent, agents): (usize, usize),
        batch: &Batch,
        ahead: &Ahead,
    ) -> Result<()> {
        let Some(diagnostics) = &mut self.diagnostics else {
            return Ok(());
        };
        let row = diagnostics.watch(&Moment {
            step: step + 1,
            update: self.updates,
            agent,
            agents,
            ahead,
            batch,
            replay: &self.replay,
            priority_beta: self.config.agent.beta(step, self.config.run.steps),
        })?;
        row.map_or(Ok(()), |row| self.observer.diagnostics(&row))
    }

    /// Plays the evaluation episodes after `step` steps.
    pub fn evaluate(&mut self, policy: &Policy, step: u64) -> Result<()> {
        let row = self.evaluator.evaluate(policy, step, &self.env.world())?;
        self.observer.evaluation(&row)?;
        let threshold = self.env.spec().reward_threshold;
        if self.solved_step.is_none() && threshold.is_some_and(|t| row.mean_return >= t) {
            self.solved_step = Some(step);
        }
        let better = |best: &EvaluationRow| row.mean_return > best.mean_return;
        if self.best.as_ref().is_none_or(better) {
            self.best = Some(row);
            self.best_policy = policy.to_safetensors()?;
        }
        self.last = Some(row);
        Ok(())
    }

    /// What came of it after `steps` steps.
    pub fn outcome(&self, steps: u64, optimiser_bytes_per_parameter: f64) -> Outcome {
        let config = self.config;
        let recent = (!self.recent.is_empty())
            .then(|| self.recent.iter().sum::<f64>() / self.recent.len() as f64);
        // A run that diverged has the worst score, whatever it had reached before.
        let worst = (!self.alive()).then(|| self.env.spec().worst_return);
        let mean = |row: &Option<EvaluationRow>| row.map_or(f64::NAN, |row| row.mean_return);
        Outcome {
            id: config.id(),
            env: config.run.env.clone(),
            optimiser: config.optimiser.to_string(),
            lr: config.optimiser.lr(),
            seed: config.run.seed,
            status: self.status,
            steps: self.diverged_at.unwrap_or(steps),
            episodes: self.episodes,
            updates: self.updates,
            final_return: worst.unwrap_or(mean(&self.last)),
            best_return: mean(&self.best),
            best_step: self.best.map_or(0, |row| row.step),
            solved_step: self.solved_step,
            last_100_return: worst.or(recent),
            optimiser_bytes_per_parameter,
        }
    }
}

/// An empty replay buffer as `config` says.
fn replay(config: &DqnConfig, obs_len: usize, encoding: Encoding) -> Replay {
    let plain = Replay::new(config.buffer_size, obs_len, encoding, config.gamma);
    let replay = plain.n_step(config.n_step);
    if config.prioritized {
        replay.prioritized(config.priority_alpha, config.priority_eps)
    } else {
        replay
    }
}
