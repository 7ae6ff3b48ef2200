//! A close look at one gradient step in every k: momentum against the gradient, how stale momentum
//! is, and why. It does not change the run and draws from its own stream.

mod kept;
mod plan;
mod vector;

use std::collections::VecDeque;

use safetensors::Dtype;

use self::{
    kept::Kept,
    plan::{AUTOCORRELATION, HYPOTHETICAL_BETA, Plan, Planner},
    vector::{cosine, difference, dot, mix, norm},
};
use optim::{
    Spec,
    state_file::{Array, StatePart, bytes, numbers},
};

use crate::{
    Error, Result,
    algorithm::{PendingUpdate, TargetClock, Targets},
    run::DiagnosticsRow,
};

/// Minibatches drawn for the present gradient, in addition to the step's own.
const FRESH: usize = 3;

/// What a run asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// Updates between looks, on average; 0 for no looks.
    pub every: u64,
    /// Past minibatches that a look evaluates again; 0 for all.
    pub lags: u32,
    /// The run's seed.
    pub seed: u64,
}

/// One agent's diagnostics in progress.
pub(super) struct Diagnostics {
    beta: f64,
    /// The optimiser's state that is its momentum, if it has any.
    state: Option<&'static str>,
    planner: Planner,
    /// `sum_j (1 - beta) beta^(j - 1) g_j`, not corrected for its start.
    average: Vec<f32>,
    kept: VecDeque<Kept>,
}

impl Diagnostics {
    /// The diagnostics that were `asked` for, if any, for a run with this optimiser whose targets move as `clock` says.
    pub fn new(asked: Asked, optimiser: &Spec, clock: TargetClock) -> Option<Self> {
        if asked.every == 0 {
            return None;
        }
        let momentum = optimiser.momentum();
        let beta = momentum.map_or(HYPOTHETICAL_BETA, |momentum| momentum.beta);
        Some(Self {
            beta,
            state: momentum.map(|momentum| momentum.state),
            planner: Planner::new(asked, optimiser, beta, clock),
            average: Vec::new(),
            kept: VecDeque::new(),
        })
    }

    /// Sees each update before it is made, after `step` environment steps; returns a row if one is due.
    pub fn examine(
        &mut self,
        step: u64,
        update: u64,
        pending: &dyn PendingUpdate,
    ) -> Result<Option<DiagnosticsRow>> {
        let gradient = pending.gradient()?;
        self.planner.go_on(update);
        if self.average.len() != gradient.len() || self.planner.begins_anew(update) {
            self.average = vec![0.0; gradient.len()];
        }
        let row = match self.planner.due(update) {
            Some(plan) => Some(self.look(plan, step, pending, &gradient)?),
            None => None,
        };
        let planner = &self.planner;
        self.kept.retain(|kept| planner.needs(kept.update).0);
        let fresh = (1.0 - self.beta) as f32;
        mix(self.beta as f32, &mut self.average, fresh, &gradient);
        if let (true, again) = planner.needs(update) {
            self.kept.push_back(Kept {
                update,
                gradient,
                minibatch: again.then(|| pending.minibatch()).transpose()?,
            });
        }
        Ok(row)
    }

    /// The row of an update whose gradient is `g`.
    fn look(
        &self,
        mut plan: Plan,
        step: u64,
        pending: &dyn PendingUpdate,
        g: &[f32],
    ) -> Result<DiagnosticsRow> {
        let ages = pending.ages();
        let fresh = Fresh::new(pending, &mut plan, g)?;
        let mut row = DiagnosticsRow {
            step,
            update: plan.update,
            since_target: plan.since_target,
            momentum_beta: self.beta,
            momentum_is_hypothetical: self.state.is_none(),
            grad_norm: norm(g),
            fresh_norm: norm(&fresh.mean),
            signal: fresh.signal,
            noise: fresh.noise,
            age_mean: ages.iter().sum::<u64>() as f64 / ages.len() as f64,
            age_max: ages.iter().copied().max().unwrap_or(0),
            ..self.autocorrelation(plan.update, g)
        };
        if plan.gradients == 0 {
            return Ok(row);
        }
        let sum = 1.0 - self.beta.powf(plan.gradients as f64);
        let average: Vec<f32> = self.average.iter().map(|a| a / sum as f32).collect();
        let momentum = match self.state {
            Some(state) => pending.optimiser_state(state)?,
            None => average.clone(),
        };
        row.cos_momentum_gradient = cosine(&momentum, g);
        let stale = self.staleness(pending, &plan)?;
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

    /// The past minibatches of `plan`, evaluated again at the present weights and targets.
    fn staleness(&self, pending: &dyn PendingUpdate, plan: &Plan) -> Result<Staleness> {
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
            let w = weight as f32;
            let then = pending.evaluate(minibatch, Targets::Then)?;
            mix(1.0, &mut stale.parameter, w, &kept.gradient);
            mix(1.0, &mut stale.parameter, -w, &then.gradient);
            // Minibatches since the targets last moved still have the same targets.
            if lag > plan.since_target {
                let now = pending.evaluate(minibatch, Targets::Now)?;
                mix(1.0, &mut stale.target, w, &then.gradient);
                mix(1.0, &mut stale.target, -w, &now.gradient);
                let pairs = now.targets.iter().zip(&then.targets);
                let moved = pairs.map(|(now, then)| f64::from((now - then).abs()));
                stale.drift += weight * moved.sum::<f64>() / then.targets.len() as f64;
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

    /// Restores what [`arrays`](Self::arrays) returned, after `updates` updates.
    pub fn load(&mut self, state: &StatePart, updates: u64) -> Result<()> {
        let average = state.list(AVERAGE, Dtype::F32)?;
        self.average = numbers(average, f32::from_le_bytes);
        self.kept = kept::load(state)?;
        self.planner.restart(updates + 1);
        Ok(())
    }
}

/// The name under which the average is saved.
const AVERAGE: &str = "average";

/// Why the average differs from the same average taken now.
struct Staleness {
    parameter: Vec<f32>,
    target: Vec<f32>,
    /// How far the targets moved.
    drift: f64,
}

/// The gradient now, from several minibatches.
struct Fresh {
    mean: Vec<f32>,
    signal: f64,
    noise: f64,
}

impl Fresh {
    /// From the update's own gradient `g` and minibatches drawn now.
    fn new(pending: &dyn PendingUpdate, plan: &mut Plan, g: &[f32]) -> Result<Self> {
        let mut all = vec![g.to_vec()];
        for _ in 0..FRESH {
            all.push(pending.fresh_gradient(&mut plan.rng)?);
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
