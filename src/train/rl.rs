//! A DQN's run: act, step, observe, learn, evaluate.

use std::collections::VecDeque;

use envs::TimeLimit;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{Config, EpisodeRow, EvaluationRow, Evaluator, Observer, Outcome, Status, UpdateRow};
use crate::{
    Error, Result,
    agent::{Batch, Dqn, Replay, Transition, epsilon},
    streams::{Stream, stream},
};

/// Steps between two calls of [`Observer::progress`].
const PROGRESS_EVERY: u64 = 500;

/// Trains as `config` says and tells `observer`. The result depends on `config` alone.
pub fn run(config: &Config, observer: &mut dyn Observer) -> Result<Outcome> {
    let mut run = Run::new(config)?;
    run.evaluate(observer)?;
    while run.step < config.run.steps {
        let epsilon = epsilon(&config.agent, run.step, config.run.steps);
        run.act(epsilon, observer)?;
        let status = run.learn(observer)?;
        run.step += 1;
        if status == Status::Diverged {
            return Ok(run.outcome(status));
        }
        if run.step.is_multiple_of(PROGRESS_EVERY) || run.step == config.run.steps {
            observer.progress(run.step, epsilon)?;
        }
        if run.step.is_multiple_of(config.run.eval_every) || run.step == config.run.steps {
            run.evaluate(observer)?;
        }
    }
    Ok(run.outcome(Status::Finished))
}

/// A run in progress.
struct Run<'a> {
    config: &'a Config,
    env: TimeLimit,
    agent: Dqn,
    replay: Replay,
    evaluator: Evaluator,
    env_stream: ChaCha8Rng,
    explore: ChaCha8Rng,
    replay_stream: ChaCha8Rng,
    obs: Vec<f32>,
    next_obs: Vec<f32>,
    batch: Batch,
    /// Environment steps done.
    step: u64,
    updates: u64,
    episodes: u64,
    episode_return: f64,
    recent: VecDeque<f64>,
    last: Option<EvaluationRow>,
    best: Option<EvaluationRow>,
    solved_step: Option<u64>,
}

impl<'a> Run<'a> {
    fn new(config: &'a Config) -> Result<Self> {
        let mut env = envs::make(&config.run.env)?;
        let spec = env.spec();
        let (obs_len, actions) = (spec.observation.len(), spec.actions);
        let shape = spec.observation.shape.clone();
        if actions > 256 {
            let name = &spec.name;
            return Err(Error::usage(format!(
                "{name} has {actions} actions; the replay buffer holds at most 256"
            )));
        }
        let seed = config.run.seed;
        let mut init = [stream(seed, Stream::Init)];
        let mut env_stream = stream(seed, Stream::Env);
        let mut obs = vec![0.0; obs_len];
        env.reset(&mut env_stream, &mut obs);
        Ok(Self {
            agent: Dqn::new(
                &config.agent,
                std::slice::from_ref(&config.optimiser),
                shape,
                actions,
                &mut init,
                config.agent.updates(config.run.steps),
            )?,
            replay: Replay::new(config.agent.buffer_size, obs_len),
            evaluator: Evaluator::new(&config.run)?,
            env,
            env_stream,
            explore: stream(seed, Stream::Explore),
            replay_stream: stream(seed, Stream::Replay),
            next_obs: obs.clone(),
            obs,
            batch: Batch::default(),
            step: 0,
            updates: 0,
            episodes: 0,
            episode_return: 0.0,
            recent: VecDeque::new(),
            last: None,
            best: None,
            solved_step: None,
            config,
        })
    }

    /// One step in the environment, remembered.
    fn act(&mut self, epsilon: f64, observer: &mut dyn Observer) -> Result<()> {
        let action = if self.explore.random::<f64>() < epsilon {
            self.explore.random_range(0..self.env.spec().actions as u32) as usize
        } else {
            self.agent.act(&self.obs)?[0]
        };
        let step = self
            .env
            .step(action, &mut self.env_stream, &mut self.next_obs)?;
        self.replay.push(Transition {
            obs: &self.obs,
            action: action as u8,
            reward: step.reward,
            next_obs: &self.next_obs,
            terminated: step.terminated,
        });
        std::mem::swap(&mut self.obs, &mut self.next_obs);
        self.episode_return += f64::from(step.reward);
        if step.terminated || step.truncated {
            self.end_episode(epsilon, observer)?;
        }
        Ok(())
    }

    fn end_episode(&mut self, epsilon: f64, observer: &mut dyn Observer) -> Result<()> {
        self.episodes += 1;
        observer.episode(&EpisodeRow {
            step: self.step + 1,
            episode: self.episodes,
            episode_return: self.episode_return,
            length: self.env.elapsed(),
            epsilon,
        })?;
        if self.recent.len() == 100 {
            self.recent.pop_front();
        }
        self.recent.push_back(self.episode_return);
        self.episode_return = 0.0;
        self.env.reset(&mut self.env_stream, &mut self.obs);
        Ok(())
    }

    /// The updates that are due at this step, in CleanRL's order: steps count from 0, and none
    /// happens before `learning_starts` is passed.
    fn learn(&mut self, observer: &mut dyn Observer) -> Result<Status> {
        let agent = &self.config.agent;
        if self.step <= agent.learning_starts {
            return Ok(Status::Finished);
        }
        if self.step.is_multiple_of(agent.train_frequency) {
            for _ in 0..agent.gradient_steps {
                if self.gradient_step(observer)? == Status::Diverged {
                    return Ok(Status::Diverged);
                }
            }
        }
        if self.step.is_multiple_of(agent.target_network_frequency) {
            self.agent.update_target()?;
        }
        Ok(Status::Finished)
    }

    fn gradient_step(&mut self, observer: &mut dyn Observer) -> Result<Status> {
        let agent = &self.config.agent;
        self.batch.clear();
        self.replay
            .sample(&mut self.replay_stream, agent.batch_size, &mut self.batch);
        self.updates += 1;
        let record = (self.updates - 1).is_multiple_of(self.config.run.log_every);
        let learned = self.agent.learn(&self.batch, record)?;
        if let Some(details) = learned.details {
            observer.update(&UpdateRow {
                step: self.step + 1,
                update: self.updates,
                loss: learned.loss[0],
                mean_q: details.mean_q[0],
                grad_norm: details.grad_norm[0],
            })?;
        }
        Ok(if learned.diverged[0] {
            Status::Diverged
        } else {
            Status::Finished
        })
    }

    fn evaluate(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let row = self.evaluator.evaluate(&self.agent, self.step)?;
        observer.evaluation(&row)?;
        let threshold = self.env.spec().reward_threshold;
        if self.solved_step.is_none() && threshold.is_some_and(|t| row.mean_return >= t) {
            self.solved_step = Some(self.step);
        }
        if self
            .best
            .is_none_or(|best| row.mean_return > best.mean_return)
        {
            self.best = Some(row);
        }
        self.last = Some(row);
        Ok(())
    }

    fn outcome(&self, status: Status) -> Outcome {
        let config = self.config;
        let recent = (!self.recent.is_empty())
            .then(|| self.recent.iter().sum::<f64>() / self.recent.len() as f64);
        // A run that diverged has the worst score, whatever it had reached before.
        let worst = (status == Status::Diverged).then(|| self.env.spec().worst_return);
        let mean = |row: &Option<EvaluationRow>| row.map_or(f64::NAN, |row| row.mean_return);
        Outcome {
            id: config.id(),
            env: config.run.env.clone(),
            optimiser: config.optimiser.to_string(),
            lr: config.optimiser.number("lr"),
            seed: config.run.seed,
            status,
            steps: self.step,
            episodes: self.episodes,
            updates: self.updates,
            final_return: worst.unwrap_or(mean(&self.last)),
            best_return: mean(&self.best),
            best_step: self.best.map_or(0, |row| row.step),
            solved_step: self.solved_step,
            last_100_return: worst.or(recent),
            optimiser_bytes_per_parameter: self.agent.optimiser_bytes_per_parameter(),
        }
    }
}
