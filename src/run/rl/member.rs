//! What belongs to one agent of a run: its environments, evaluations and records.

use std::collections::VecDeque;

use envs::TimeLimit;
use rand_chacha::ChaCha8Rng;

use super::{Config, Evaluator};
use crate::{
    Result,
    algorithm::{Algorithm, PendingUpdate, Policy},
    run::{
        Configuration, EpisodeRow, EvaluationRow, Observer, RlOutcome, Row, Status,
        diagnose::Diagnostics,
    },
    streams::env_stream,
};

/// Training episodes in the mean that a run's outcome has.
const RECENT: usize = 100;

/// One agent of a cohort, with everything that belongs to it alone and is not held by the algorithm.
pub(super) struct Member<'a> {
    pub config: &'a Config,
    pub observer: &'a mut dyn Observer,
    /// At least one.
    pub envs: Vec<TrainingEnv>,
    pub evaluator: Evaluator,
    pub diagnostics: Option<Diagnostics>,
    /// Episodes ended, in all environments.
    pub episodes: u64,
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

/// One of the environments that an agent learns in.
pub(super) struct TrainingEnv {
    pub env: TimeLimit,
    pub stream: ChaCha8Rng,
    /// The sum of the episode's rewards so far.
    pub episode_return: f64,
}

impl TrainingEnv {
    /// Starts an episode; `obs` becomes its first observation.
    pub fn reset(&mut self, obs: &mut [f32]) {
        self.env.reset(&mut self.stream, obs);
    }
}

impl<'a> Member<'a> {
    pub fn new(config: &'a Config, observer: &'a mut dyn Observer) -> Result<Self> {
        let environment = |number| -> Result<TrainingEnv> {
            Ok(TrainingEnv {
                env: envs::make(&config.run.env)?,
                stream: env_stream(config.run.seed, number),
                episode_return: 0.0,
            })
        };
        Ok(Self {
            envs: (0..config.environments())
                .map(environment)
                .collect::<Result<_>>()?,
            evaluator: Evaluator::new(&config.run)?,
            diagnostics: None,
            episodes: 0,
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

    /// Whether it still acts and learns.
    pub fn is_alive(&self) -> bool {
        self.status != Status::Diverged
    }

    /// The specification of its environments.
    pub fn spec(&self) -> &envs::EnvSpec {
        self.envs[0].env.spec()
    }

    /// Records that the episode in environment number `environment` has ended after `step` steps.
    pub fn end_episode(
        &mut self,
        environment: usize,
        step: u64,
        behaviour: Vec<f64>,
    ) -> Result<()> {
        let ended = &mut self.envs[environment];
        let episode_return = std::mem::take(&mut ended.episode_return);
        self.episodes += 1;
        self.observer.row(Row::Episode(&EpisodeRow {
            step,
            episode: self.episodes,
            episode_return,
            length: ended.env.elapsed(),
            behaviour,
        }))?;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(episode_return);
        Ok(())
    }

    /// Looks closely, if asked for, at update number `update`, which is about to be made in the step before
    /// `step`.
    pub fn examine(&mut self, step: u64, update: u64, pending: &dyn PendingUpdate) -> Result<()> {
        let Some(diagnostics) = &mut self.diagnostics else {
            return Ok(());
        };
        match diagnostics.examine(step, update, pending)? {
            Some(row) => self.observer.row(Row::Diagnostics(&row)),
            None => Ok(()),
        }
    }

    /// Plays the evaluation episodes after `step` steps.
    pub fn evaluate(&mut self, policy: &dyn Policy, step: u64) -> Result<()> {
        let worlds: Vec<_> = self.envs.iter().map(|own| own.env.world()).collect();
        let row = self.evaluator.evaluate(policy, step, &worlds)?;
        self.observer.row(Row::Evaluation(&row))?;
        let threshold = self.spec().reward_threshold;
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

    /// Its outcome after `steps` steps, as agent number `agent` of `algorithm`.
    pub fn outcome(&self, steps: u64, algorithm: &dyn Algorithm, agent: usize) -> RlOutcome {
        let config = self.config;
        let recent = (!self.recent.is_empty())
            .then(|| self.recent.iter().sum::<f64>() / self.recent.len() as f64);
        // A run that diverged has the worst score, regardless of its earlier scores.
        let worst = (!self.is_alive()).then(|| self.spec().worst_return);
        let mean = |row: &Option<EvaluationRow>| row.map_or(f64::NAN, |row| row.mean_return);
        RlOutcome {
            id: config.id(),
            env: config.run.env.clone(),
            optimiser: config.optimiser.to_string(),
            lr: config.optimiser.lr(),
            seed: config.run.seed,
            status: self.status,
            steps: self.diverged_at.unwrap_or(steps),
            episodes: self.episodes,
            updates: algorithm.updates(agent),
            final_return: worst.unwrap_or(mean(&self.last)),
            best_return: mean(&self.best),
            best_step: self.best.map_or(0, |row| row.step),
            solved_step: self.solved_step,
            last_100_return: worst.or(recent),
            optimiser_bytes_per_parameter: algorithm.optimiser_bytes_per_parameter(),
        }
    }
}
