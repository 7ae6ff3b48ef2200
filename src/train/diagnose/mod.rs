//! A close look at one gradient step in every so many: momentum against the gradient, and how stale
//! it is and why. It changes nothing about the run and draws from a stream of its own.

mod kept;
mod plan;
mod row;
mod vector;

pub use row::DiagnosticsRow;

use std::collections::VecDeque;

use safetensors::Dtype;

use self::{
    kept::{Kept, Minibatch, Sizes},
    plan::{AUTOCORRELATION, HYPOTHETICAL_BETA, Plan, Planner},
    vector::{cosine, difference, dot, mix, norm},
};
use super::Config;
use crate::{
    Error, Result,
    agent::{Ahead, Batch, Critic, Replay, TargetValues},
    saved::{Array, Saved, bytes, numbers},
};

/// Minibatches drawn for the gradient now, besides the step's own.
const FRESH: usize = 3;

/// One agent's diagnostics in progress.
pub(super) struct Diagnostics<'a> {
    config: &'a Config,
    beta: f64,
    /// The optimiser's state that is its momentum, if it has any.
    state: Option<&'static str>,
    planner: Planner,
    /// `sum_j (1 - beta) beta^(j - 1) g_j`, not corrected for its start.
    average: Vec<f32>,
    kept: VecDeque<Kept>,
}

/// A gradient step about to be taken, as one agent has it.
pub(super) struct Moment<'a> {
    /// Environment steps done.
    pub step: u64,
    /// The number of the gradient step, from 1.
    pub update: u64,
    pub agent: usize,
    /// How many there are in the cohort.
    pub agents: usize,
    pub ahead: &'a Ahead<'a>,
    /// The whole cohort's.
    pub batch: &'a Batch,
    pub replay: &'a Replay,
    /// How far weights make up for priorities.
    pub priority_beta: f64,
}

impl<'a> Diagnostics<'a> {
    /// Those of the run `config`, if it asks for any.
    pub fn new(config: &'a Config) -> Option<Self> {
        if config.run.diagnostics == 0 {
            return None;
        }
        let momentum = config.optimiser.momentum();
        let beta = momentum.map_or(HYPOTHETICAL_BETA, |momentum| momentum.beta);
        Some(Self {
            config,
            beta,
            state: momentum.map(|momentum| momentum.state),
            planner: Planner::new(config, beta, 1),
            average: Vec::new(),
            kept: VecDeque::new(),
        })
    }

    /// Sees each gradient step; gives a row where one is due.
    pub fn watch(&mut self, now: &Moment) -> Result<Option<DiagnosticsRow>> {
        let gradient = now.ahead.gradient(now.agent)?;
        self.planner.go_on(now.update);
        if self.average.is_empty() || self.planner.begins_anew(now.update) {
            self.average = vec![0.0; gradient.len()];
        }
        let row = match self.planner.due(now.update) {
            Some(plan) => Some(self.look(plan, now, &gradient)?),
            None => None,
        };
        let planner = &self.planner;
        self.kept.retain(|kept| planner.needs(kept.update).0);
        let fresh = (1.0 - self.beta) as f32;
        mix(self.beta as f32, &mut self.average, fresh, &gradient);
        if let (true, again) = planner.needs(now.update) {
            let minibatch = again.then(|| now.minibatch());
            self.kept.push_back(Kept {
                update: now.update,
                gradient,
                minibatch,
            });
        }
        Ok(row)
    }

    fn look(&self, mut plan: Plan, now: &Moment, g: &[f32]) -> Result<DiagnosticsRow> {
        let critic = now.ahead.critic.alone(now.agent)?;
        let batch = now.batch.agent(now.agent, now.agents);
        let ages = batch.indices.iter().map(|index| now.replay.age(*index));
        let fresh = Fresh::new(&critic, now, &mut plan, g)?;
        let mut row = DiagnosticsRow {
            step: now.step,
            update: now.update,
            since_target: plan.since_target,
            momentum_beta: self.beta,
            momentum_is_hypothetical: self.state.is_none(),
            grad_norm: norm(g),
            fresh_norm: norm(&fresh.mean),
            signal: fresh.signal,
            noise: fresh.noise,
            age_mean: ages.clone().sum::<u64>() as f64 / batch.indices.len() as f64,
            age_max: ages.max().unwrap_or(0),
            ..self.autocorrelation(now.update, g)
        };
        if plan.gradients == 0 {
            return Ok(row);
        }
        let sum = 1.0 - self.beta.powf(plan.gradients as f64);
        let average: Vec<f32> = self.average.iter().map(|a| a / sum as f32).collect();
        let momentum = match self.state {
            Some(state) => now.ahead.state(state, now.agent)?,
            None => average.clone(),
        };
        row.cos_momentum_gradient = cosine(&momentum, g);
        let stale = self.staleness(&critic, &plan)?;
        let without_parameters = difference(&average, &stale.parameter);
        let oracle = difference(&without_parameters, &stale.target);
        let data = difference(&oracle, &fresh.mean);
        row.average_norm = Some(norm(&average));
        row.oracle_norm = Some(norm(&oracle));
        row.cos_average_oracle = cosine(&average, &oracle);
        row.cos_average_fresh = cosine(&average, &fresh.mean);
        row.parameter_norm = Some(norm(&stale.parameter));
        row.target_norm = Some(norm(&stale.target));
        row.data_norm = Some(norm(&data));
        row.cos_parameter_fresh = cosine(&stale.parameter, &fresh.mean);
        row.cos_target_fresh = cosine(&stale.target, &fresh.mean);
        row.cos_data_fresh = cosine(&data, &fresh.mean);
        row.target_drift = Some(stale.drift);
        // The sum of the squares of weights whose own sum is 1.
        let squares = (1.0 - self.beta) / (1.0 + self.beta) * (2.0 - sum) / sum;
        let chance = fresh.noise * (squares + 1.0 / (FRESH + 1) as f64);
        row.data_norm_by_chance = Some(chance.sqrt());
        Ok(row)
    }

    /// A row with nothing but the autocorrelation.
    fn autocorrelation(&self, update: u64, g: &[f32]) -> DiagnosticsRow {
        let [a1, a2, a4, a8, a16, a32, a64, a128, a256] = AUTOCORRELATION.map(|lag| {
            let within = lag <= self.planner.autocorrelation && lag < update;
            let before = if within {
                self.kept(update - lag)
            } else {
                None
            };
            cosine(&before?.gradient, g)
        });
        DiagnosticsRow {
            autocorrelation_1: a1,
            autocorrelation_2: a2,
            autocorrelation_4: a4,
            autocorrelation_8: a8,
            autocorrelation_16: a16,
            autocorrelation_32: a32,
            autocorrelation_64: a64,
            autocorrelation_128: a128,
            autocorrelation_256: a256,
            ..DiagnosticsRow::default()
        }
    }

    fn kept(&self, update: u64) -> Option<&Kept> {
        self.kept.iter().find(|kept| kept.update == update)
    }

    /// The past minibatches of `plan` evaluated again at the weights and with the targets of now.
    fn staleness(&self, critic: &Critic, plan: &Plan) -> Result<Staleness> {
        let mut stale = Staleness {
            parameter: vec![0.0; self.average.len()],
            target: vec![0.0; self.average.len()],
            drift: 0.0,
        };
        for &(lag, weight) in &plan.past {
            let update = plan.update - lag;
            let kept = self.kept(update);
            let Some((kept, minibatch)) = kept.and_then(|k| Some((k, k.minibatch.as_ref()?)))
            else {
                return Err(Error::usage(format!("nothing was kept of update {update}")));
            };
            let Minibatch {
                batch,
                target_values,
            } = minibatch;
            let w = weight as f32;
            let then = critic.targets(batch, target_values)?;
            let with_then = critic.gradient(batch, &then)?;
            mix(1.0, &mut stale.parameter, w, &kept.gradient);
            mix(1.0, &mut stale.parameter, -w, &with_then);
            // What was learned from since the target network's last update has its targets still.
            if lag > plan.since_target {
                let now = critic.targets(batch, &critic.target_values(batch)?)?;
                let with_now = critic.gradient(batch, &now)?;
                mix(1.0, &mut stale.target, w, &with_then);
                mix(1.0, &mut stale.target, -w, &with_now);
                let moved = now
                    .iter()
                    .zip(&then)
                    .map(|(now, then)| f64::from((now - then).abs()));
                stale.drift += weight * moved.sum::<f64>() / then.len() as f64;
            }
        }
        Ok(stale)
    }

    /// Everything that a checkpoint must hold.
    pub fn arrays(&self) -> Vec<Array> {
        let average = bytes(&self.average, |x| x.to_le_bytes());
        let shape = vec![self.average.len()];
        let mut arrays = kept::arrays(&self.kept);
        arrays.push((AVERAGE.into(), Dtype::F32, shape, average));
        arrays
    }

    /// Takes over what [`arrays`](Self::arrays) gave, after `updates` gradient steps of a network of
    /// so many `weights` on observations of `obs` numbers, with so many `actions`.
    pub fn load(
        &mut self,
        saved: &Saved,
        updates: u64,
        weights: usize,
        (obs, actions): (usize, usize),
    ) -> Result<()> {
        let agent = &self.config.agent;
        let sizes = Sizes {
            batch: agent.batch_size,
            obs,
            actions,
            weighted: agent.prioritized,
            munchausen: agent.munchausen,
        };
        let weights = if updates == 0 { 0 } else { weights };
        let average = saved.find(AVERAGE, Dtype::F32, &[weights])?;
        self.average = numbers(average, f32::from_le_bytes);
        self.kept = kept::load(saved, weights, &sizes)?;
        self.planner = Planner::new(self.config, self.beta, updates + 1);
        Ok(())
    }
}

/// What the average is saved as.
const AVERAGE: &str = "diagnostics.average";

/// Why the average is not what it would be if it were taken now.
struct Staleness {
    parameter: Vec<f32>,
    target: Vec<f32>,
    /// How far the targets moved.
    drift: f64,
}

impl Moment<'_> {
    /// This agent's minibatch.
    fn minibatch(&self) -> Minibatch {
        let values = self.ahead.target_values;
        let own = |all: &[f32]| {
            let each = all.len() / self.agents;
            all[self.agent * each..(self.agent + 1) * each].to_vec()
        };
        Minibatch {
            batch: self.batch.agent(self.agent, self.agents),
            target_values: TargetValues {
                next: own(&values.next),
                obs: own(&values.obs),
            },
        }
    }
}

/// The gradient now, from several minibatches.
struct Fresh {
    mean: Vec<f32>,
    signal: f64,
    noise: f64,
}

impl Fresh {
    /// Of the step's own gradient `g`, and of minibatches drawn from the replay buffer as it is.
    fn new(critic: &Critic, now: &Moment, plan: &mut Plan, g: &[f32]) -> Result<Self> {
        let size = now.batch.actions.len() / now.agents;
        let mut all = vec![g.to_vec()];
        for _ in 0..FRESH {
            let mut batch = Batch::default();
            now.replay
                .sample(&mut plan.rng, size, now.priority_beta, &mut batch);
            let targets = critic.targets(&batch, &critic.target_values(&batch)?)?;
            all.push(critic.gradient(&batch, &targets)?);
        }
        let mut mean = vec![0.0; g.len()];
        let n = all.len() as f64;
        for one in &all {
            mix(1.0, &mut mean, (1.0 / n) as f32, one);
        }
        let squares = all.iter().map(|one| {
            let off = difference(one, &mean);
            dot(&off, &off)
        });
        let noise = squares.sum::<f64>() / (n - 1.0);
        Ok(Self {
            signal: dot(&mean, &mean) - noise / n,
            mean,
            noise,
        })
    }
}
