//! An update about to be made, as the diagnostics see it.

use candle_core::{DType, Device};
use optim::{
    flat_gradient,
    state_file::{Array, bytes, numbers},
};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use safetensors::Dtype;

use super::{
    Minibatch, Pqn, PqnConfig,
    learner::{PendingStep, fit, seen},
    rollout::{End, Rollout},
};
use crate::{
    Error, Result,
    algorithm::{MinibatchGradient, PendingUpdate, Targets, dqn::greedy},
};

/// One agent's part of an update of its cohort.
///
/// Its minibatch includes the whole rollout, because the present targets depend on it.
pub(super) struct MinibatchUpdate<'a> {
    pub learner: &'a Pqn,
    pub config: &'a PqnConfig,
    pub fit: &'a PendingStep,
    pub agent: usize,
    pub rollout: &'a Rollout,
    /// The transitions of the minibatch.
    pub indices: &'a [u32],
    pub obs_len: usize,
}

impl MinibatchUpdate<'_> {
    /// The gradient of the transitions at `indices` of a complete rollout at the present weights.
    fn gradient_of(&self, rollout: &Rollout, indices: &[u32]) -> Result<MinibatchGradient> {
        let network = self.learner.alone(self.agent)?;
        let mut minibatch = Minibatch::default();
        minibatch.append(rollout, indices, self.obs_len);
        let on = (DType::F32, &Device::Cpu);
        let obs = seen(
            &minibatch.obs,
            (1, indices.len(), self.obs_len),
            self.config,
            on,
        )?;
        let fit = fit(&network, &minibatch, (1, &obs), on, false)?;
        Ok(MinibatchGradient {
            gradient: flat_gradient(&network.parameters(), &fit.grads, 0)?,
            targets: minibatch.targets.iter().map(|x| *x as f32).collect(),
        })
    }

    /// The largest action value of each observation, at the present weights.
    fn values(&self, obs: &[f32]) -> Result<Vec<f64>> {
        if obs.is_empty() {
            return Ok(Vec::new());
        }
        let network = self.learner.alone(self.agent)?;
        let shape = (1, obs.len() / self.obs_len, self.obs_len);
        let obs = seen(obs, shape, self.config, (DType::F32, &Device::Cpu))?;
        let values: Vec<f32> = network.infer(&obs)?.flatten_all()?.to_vec1()?;
        let rows = values.chunks_exact(self.learner.actions);
        Ok(rows.map(|row| row[greedy(row)].into()).collect())
    }
}

impl PendingUpdate for MinibatchUpdate<'_> {
    fn gradient(&self) -> Result<Vec<f32>> {
        let optimiser = &self.learner.optimiser;
        Ok(optimiser.flat_gradient(&self.fit.grads, self.agent)?)
    }

    fn optimiser_state(&self, name: &str) -> Result<Vec<f32>> {
        Ok(self.learner.optimiser.flat_state(name, self.agent)?)
    }

    fn minibatch(&self) -> Result<Vec<Array>> {
        let mut arrays = self.rollout.arrays();
        let indices = bytes(self.indices, |x| x.to_le_bytes());
        let n = self.indices.len();
        arrays.push(("indices".into(), Dtype::U32, vec![n], indices));
        let targets = bytes(&self.rollout.targets, |x| x.to_le_bytes());
        let n = self.rollout.targets.len();
        arrays.push(("targets".into(), Dtype::F64, vec![n], targets));
        Ok(arrays)
    }

    fn evaluate(&self, minibatch: &[Array], targets: Targets) -> Result<MinibatchGradient> {
        let find = |name: &str| {
            let found = minibatch.iter().find(|(known, ..)| known == name);
            let missing = || Error::usage(format!("the minibatch has no `{name}`"));
            found.map(|(.., data)| data.as_slice()).ok_or_else(missing)
        };
        let floats = |name: &str| Ok::<_, Error>(numbers(find(name)?, f32::from_le_bytes));
        let doubles = |name: &str| Ok::<_, Error>(numbers(find(name)?, f64::from_le_bytes));
        let whole = |name: &str| Ok::<_, Error>(numbers(find(name)?, u32::from_le_bytes));
        let mut rollout = Rollout {
            obs: floats("rollout.obs")?,
            actions: whole("rollout.actions")?,
            targets: doubles("targets")?,
            ..Rollout::default()
        };
        if targets == Targets::Now {
            rollout.rewards = doubles("rollout.rewards")?;
            rollout.ends = find("rollout.ends")?
                .iter()
                .map(|end| End::of(*end))
                .collect();
            rollout.values = self.values(&rollout.obs)?;
            rollout.after = doubles("rollout.after")?;
            let values = self.values(&floats("rollout.observed")?)?;
            for (place, value) in whole("rollout.places")?.into_iter().zip(values) {
                rollout.after[place as usize] = value;
            }
            rollout.finish(self.config);
        }
        self.gradient_of(&rollout, &whole("indices")?)
    }

    /// From the same rollout, with its targets.
    fn fresh_gradient(&self, rng: &mut ChaCha8Rng) -> Result<Vec<f32>> {
        let all = self.rollout.targets.len() as u32;
        let draw = |_| rng.random_range(0..all);
        let indices: Vec<u32> = (0..self.indices.len()).map(draw).collect();
        Ok(self.gradient_of(self.rollout, &indices)?.gradient)
    }

    fn ages(&self) -> Vec<u64> {
        let n = self.config.n_envs;
        let age = |index: &u32| {
            let since = self.config.n_steps - 1 - *index as usize / n;
            (since * n) as u64
        };
        self.indices.iter().map(age).collect()
    }
}
