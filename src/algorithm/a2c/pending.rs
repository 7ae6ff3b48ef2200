//! An update about to be made, as one agent's diagnostics see it.

use std::cell::OnceCell;

use optim::state_file::{Array, bytes, numbers};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use safetensors::Dtype;

use super::{ActorCritic, Choices, Pending, Rollout};
use crate::{
    Error, Result,
    algorithm::{MinibatchGradient, PendingUpdate, Targets},
};

/// One agent's part of an update of its cohort. Its minibatch is the whole rollout; the targets are the returns and,
/// with them, the advantages.
pub(super) struct AgentUpdate<'a> {
    pending: &'a Pending<'a>,
    agent: usize,
    /// The whole cohort's.
    rollout: &'a Rollout,
    /// The agent's networks, copied on first use.
    networks: OnceCell<ActorCritic>,
}

impl<'a> AgentUpdate<'a> {
    pub fn new(pending: &'a Pending<'a>, agent: usize, rollout: &'a Rollout) -> Self {
        Self {
            pending,
            agent,
            rollout,
            networks: OnceCell::new(),
        }
    }

    fn networks(&self) -> Result<&ActorCritic> {
        if let Some(networks) = self.networks.get() {
            return Ok(networks);
        }
        let networks = self.pending.networks.alone(self.agent)?;
        Ok(self.networks.get_or_init(|| networks))
    }

    fn choices(&self) -> Choices {
        let all = self.pending.choices;
        let places = self.rollout.places();
        let own = self.agent * places..(self.agent + 1) * places;
        Choices {
            actions: all.actions[own.clone()].to_vec(),
            advantages: all.advantages[own.clone()].to_vec(),
            returns: all.returns[own].to_vec(),
        }
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
        let mut arrays = self.rollout.agent(self.agent).arrays();
        let choices = self.choices();
        for (name, values) in [
            ("advantages", choices.advantages),
            ("returns", choices.returns),
        ] {
            let data = bytes(&values, |x| x.to_le_bytes());
            arrays.push((name.into(), Dtype::F64, vec![values.len()], data));
        }
        Ok(arrays)
    }

    fn evaluate(&self, minibatch: &[Array], targets: Targets) -> Result<MinibatchGradient> {
        let networks = self.networks()?;
        let (rollout, then) = read(minibatch, self.rollout)?;
        let choices = match targets {
            Targets::Then => then,
            Targets::Now => networks.choices_of(&rollout)?,
        };
        Ok(MinibatchGradient {
            targets: choices.returns.iter().map(|x| *x as f32).collect(),
            gradient: networks.gradient(&rollout.obs, choices)?,
        })
    }

    /// From as many steps of the rollout, drawn with replacement: there are no other data.
    fn fresh_gradient(&self, rng: &mut ChaCha8Rng) -> Result<Vec<f32>> {
        let (all, own) = (self.choices(), self.rollout.agent(self.agent));
        let (mut obs, mut drawn) = (Vec::new(), Choices::default());
        let (places, obs_len) = (own.places(), own.obs_len());
        for _ in 0..places {
            let place = rng.random_range(0..places as u32) as usize;
            obs.extend_from_slice(&own.obs[place * obs_len..(place + 1) * obs_len]);
            drawn.actions.push(all.actions[place]);
            drawn.advantages.push(all.advantages[place]);
            drawn.returns.push(all.returns[place]);
        }
        self.networks()?.gradient(&obs, drawn)
    }

    fn ages(&self) -> Vec<u64> {
        let environments = self.rollout.environments as u64;
        let steps = self.rollout.places() as u64 / environments;
        let age = |step: u64| {
            std::iter::repeat_n((steps - 1 - step) * environments, environments as usize)
        };
        (0..steps).flat_map(age).collect()
    }
}

/// A rollout of one agent, of the size of `like`, with its advantages and returns from when
/// [`PendingUpdate::minibatch`] returned it.
fn read(arrays: &[Array], like: &Rollout) -> Result<(Rollout, Choices)> {
    let find = |name: &str, dtype: Dtype| {
        let found = arrays
            .iter()
            .find(|array| array.0 == name && array.1 == dtype);
        let missing = || Error::usage(format!("the minibatch has no `{name}`"));
        found.map(|(.., data)| data.as_slice()).ok_or_else(missing)
    };
    let steps = like.places() / like.environments;
    let mut rollout = Rollout::new(1, like.environments, steps, like.obs_len());
    rollout.load(0, find)?;
    let numbers = |name: &str| -> Result<Vec<f64>> {
        Ok(numbers(find(name, Dtype::F64)?, f64::from_le_bytes))
    };
    let choices = Choices {
        actions: rollout.actions.clone(),
        advantages: numbers("advantages")?,
        returns: numbers("returns")?,
    };
    Ok((rollout, choices))
}
