//! An update about to be made, as one agent's diagnostics see it.

use std::cell::OnceCell;

use rand_chacha::ChaCha8Rng;
use safetensors::Dtype;

use super::{Batch, Critic, Pending, Replay, TargetValues};
use optim::state_file::{Array, bytes, numbers};

use crate::{
    Error, Result,
    algorithm::{MinibatchGradient, PendingUpdate, Targets},
};

/// One agent's part of an update of its cohort.
pub(super) struct AgentUpdate<'a> {
    pending: &'a Pending<'a>,
    agent: usize,
    /// The batch of the whole cohort.
    batch: &'a Batch,
    replay: &'a Replay,
    /// How far weights correct for priorities.
    priority_beta: f64,
    /// The agent's networks, copied on first use.
    critic: OnceCell<Critic>,
}

impl<'a> AgentUpdate<'a> {
    pub fn new(
        pending: &'a Pending<'a>,
        agent: usize,
        batch: &'a Batch,
        replay: &'a Replay,
        priority_beta: f64,
    ) -> Self {
        Self {
            pending,
            agent,
            batch,
            replay,
            priority_beta,
            critic: OnceCell::new(),
        }
    }

    fn agents(&self) -> usize {
        self.pending.diverged.len()
    }

    fn critic(&self) -> Result<&Critic> {
        if let Some(critic) = self.critic.get() {
            return Ok(critic);
        }
        let critic = self.pending.critic.alone(self.agent)?;
        Ok(self.critic.get_or_init(|| critic))
    }

    fn own(&self, all: &[f32]) -> Vec<f32> {
        let each = all.len() / self.agents();
        all[self.agent * each..(self.agent + 1) * each].to_vec()
    }
}

impl PendingUpdate for AgentUpdate<'_> {
    fn gradient(&self) -> Result<Vec<f32>> {
        self.pending.gradient(self.agent)
    }

    fn optimiser_state(&self, name: &str) -> Result<Vec<f32>> {
        self.pending.state(name, self.agent)
    }

    fn minibatch(&self) -> Result<Vec<Array>> {
        let values = self.pending.target_values;
        let values = TargetValues {
            next: self.own(&values.next),
            obs: self.own(&values.obs),
        };
        let batch = self.batch.agent(self.agent, self.agents());
        let batch = batch.unpacked(self.pending.critic.obs_len);
        Ok(arrays(&batch, &values))
    }

    fn evaluate(&self, minibatch: &[Array], targets: Targets) -> Result<MinibatchGradient> {
        let (batch, then) = read(minibatch)?;
        let critic = self.critic()?;
        let targets = match targets {
            Targets::Then => critic.targets(&batch, &then)?,
            Targets::Now => critic.targets(&batch, &critic.target_values(&batch)?)?,
        };
        Ok(MinibatchGradient {
            gradient: critic.gradient(&batch, &targets)?,
            targets,
        })
    }

    fn fresh_gradient(&self, rng: &mut ChaCha8Rng) -> Result<Vec<f32>> {
        let critic = self.critic()?;
        let size = self.batch.actions.len() / self.agents();
        let mut batch = Batch::default();
        self.replay
            .sample(rng, size, self.priority_beta, &mut batch);
        let targets = critic.targets(&batch, &critic.target_values(&batch)?)?;
        critic.gradient(&batch, &targets)
    }

    fn ages(&self) -> Vec<u64> {
        let batch = self.batch.agent(self.agent, self.agents());
        let ages = batch.indices.iter().map(|index| self.replay.age(*index));
        ages.collect()
    }
}

/// A minibatch and the target network's outputs for it, as named arrays.
fn arrays(batch: &Batch, values: &TargetValues) -> Vec<Array> {
    let floats = [
        ("obs", &batch.obs),
        ("next_obs", &batch.next_obs),
        ("rewards", &batch.rewards),
        ("discounts", &batch.discounts),
        ("weights", &batch.weights),
        ("target_next", &values.next),
        ("target_obs", &values.obs),
    ];
    let float = |(name, values): (&str, &Vec<f32>)| -> Array {
        let data = bytes(values, |x| x.to_le_bytes());
        (name.into(), Dtype::F32, vec![values.len()], data)
    };
    let mut arrays: Vec<Array> = floats.into_iter().map(float).collect();
    let count = vec![batch.actions.len()];
    let actions = bytes(&batch.actions, |x| x.to_le_bytes());
    let terminated = bytes(&batch.terminated, |x| [u8::from(*x)]);
    arrays.push(("actions".into(), Dtype::U32, count.clone(), actions));
    arrays.push(("terminated".into(), Dtype::U8, count, terminated));
    arrays
}

/// Reads what [`arrays`] wrote.
fn read(arrays: &[Array]) -> Result<(Batch, TargetValues)> {
    let find = |name: &str| {
        let found = arrays.iter().find(|(known, ..)| known == name);
        let missing = || Error::usage(format!("the minibatch has no `{name}`"));
        found.map(|(.., data)| data.as_slice()).ok_or_else(missing)
    };
    let floats = |name: &str| Ok::<_, Error>(numbers(find(name)?, f32::from_le_bytes));
    let batch = Batch {
        obs: floats("obs")?,
        next_obs: floats("next_obs")?,
        rewards: floats("rewards")?,
        discounts: floats("discounts")?,
        weights: floats("weights")?,
        actions: numbers(find("actions")?, u32::from_le_bytes),
        terminated: find("terminated")?
            .iter()
            .map(|ended| *ended != 0)
            .collect(),
        indices: Vec::new(),
        packed: None,
    };
    let values = TargetValues {
        next: floats("target_next")?,
        obs: floats("target_obs")?,
    };
    Ok((batch, values))
}
