//! What the networks of a cohort compute from observations and rollouts: policies, values, advantages, losses.

use std::sync::Arc;

use candle_core::{DType, Device, Result as CandleResult, Tensor, backprop::GradStore};
use optim::{Parameter, flat_gradient};
use rand::Rng;

use super::{
    A2cConfig, Choices, Init, Outputs, Rollout, Steps, actor_critic_loss,
    advantage::{advantages, normalise},
    loss::composed_loss,
};
use crate::{
    Result,
    nn::{Network, orthogonal},
};

/// The policy and the value of each agent of a cohort.
pub struct ActorCritic {
    pub(super) config: A2cConfig,
    pub(super) agents: usize,
    pub(super) obs_len: usize,
    pub(super) actions: usize,
    /// The policy's network, or the one network whose last output is the value.
    pub(super) policy: Network,
    pub(super) value: Option<Network>,
    /// The type that they compute in, f32 or f64.
    dtype: DType,
    /// Whether they are composed of candle's operations.
    composed: bool,
    device: Device,
}

/// A batch's loss and its ingredients.
pub(super) struct BatchLoss {
    /// Each agent's, `[agents]`.
    pub loss: Tensor,
    pub outputs: Outputs,
    pub choices: Arc<Choices>,
}

impl ActorCritic {
    /// Networks for each stream in `init`, from which their initial weights are drawn, for observations of shape
    /// `observation`.
    pub fn new(
        config: &A2cConfig,
        observation: &[usize],
        actions: usize,
        init: &mut [impl Rng],
        (dtype, device): (DType, &Device),
    ) -> Result<Self> {
        let architectures = config.architectures(observation, actions);
        let mut networks = Vec::new();
        for architecture in &architectures {
            let network = Network::new(architecture, init, dtype, device)?;
            if config.init == Init::Orthogonal {
                let heads: &[_] = match (config.shared, networks.is_empty()) {
                    (true, _) => &[(actions, 0.01), (1, 1.0)],
                    (false, true) => &[(actions, 0.01)],
                    (false, false) => &[(1, 1.0)],
                };
                orthogonal(&network.parameters(), 2f64.sqrt(), heads, init)?;
            }
            networks.push(network);
        }
        let mut networks = networks.into_iter();
        // There is at least one architecture.
        let (Some(policy), value) = (networks.next(), networks.next()) else {
            unreachable!("a policy has a network");
        };
        Ok(Self {
            config: config.clone(),
            agents: init.len(),
            obs_len: observation.iter().product(),
            actions,
            policy,
            value,
            dtype,
            composed: !device.is_cpu(),
            device: device.clone(),
        })
    }

    /// The networks of agent number `agent` alone; they share no memory with these.
    pub fn alone(&self, agent: usize) -> Result<Self> {
        let one = |network: &Network| network.agent(agent, &self.device);
        Ok(Self {
            config: self.config.clone(),
            agents: 1,
            policy: one(&self.policy)?,
            value: self.value.as_ref().map(one).transpose()?,
            device: self.device.clone(),
            ..*self
        })
    }

    /// These networks, composed of candle's operations.
    pub(super) fn composed(self) -> Self {
        Self {
            policy: self.policy.composed(),
            value: self.value.map(Network::composed),
            composed: true,
            ..self
        }
    }

    /// The name of the network that has the policy.
    fn policy_name(&self) -> &'static str {
        match self.value {
            Some(_) => "policy",
            None => "shared",
        }
    }

    /// The name of each network.
    fn named(&self) -> impl Iterator<Item = (&'static str, &Network)> {
        let value = self.value.iter().map(|network| ("value", network));
        std::iter::once((self.policy_name(), &self.policy)).chain(value)
    }

    /// The weights that learn: the policy's, then the value's, `policy.0.weight`, ..., `value.0.weight`, ..., or those of
    /// the one network, `shared.0.weight`, ...
    pub fn parameters(&self) -> Vec<Parameter> {
        let named = self
            .named()
            .flat_map(|(prefix, network)| prefixed(prefix, network));
        named.collect()
    }

    /// The weights of `copy`, a copy of the network that has the policy, under the names that this one's have.
    pub(super) fn policy_parameters(&self, copy: &Network) -> Vec<Parameter> {
        prefixed(self.policy_name(), copy).collect()
    }

    fn tensor(&self, obs: &[f32]) -> CandleResult<Tensor> {
        let n = obs.len() / (self.agents * self.obs_len);
        let shape = (self.agents, n, self.obs_len);
        Tensor::from_slice(obs, shape, &self.device)?.to_dtype(self.dtype)
    }

    /// The logits `[agents, n, actions]` of the observations `[agents, n, obs_len]`.
    pub fn logits(&self, obs: &[f32]) -> Result<Vec<f32>> {
        let policy = self.policy.infer(&self.tensor(obs)?)?;
        let logits = match self.value {
            Some(_) => policy,
            None => policy.narrow(2, 0, self.actions)?,
        };
        Ok(logits.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
    }

    /// The values `[agents, n]` of the observations `[agents, n, obs_len]`.
    pub fn values(&self, obs: &[f32]) -> Result<Vec<f64>> {
        let x = self.tensor(obs)?;
        let value = match &self.value {
            Some(network) => network.infer(&x)?,
            None => self.policy.infer(&x)?.narrow(2, self.actions, 1)?,
        };
        Ok(value.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
    }

    /// The networks' outputs for the observations `[agents, n, obs_len]`, recorded for
    /// [`backward`](Self::backward).
    pub fn forward(&self, obs: &[f32]) -> Result<Outputs> {
        let x = self.tensor(obs)?;
        let value = self.value.as_ref().map(|network| network.forward(&x));
        Ok(Outputs {
            policy: self.policy.forward(&x)?,
            value: value.transpose()?,
        })
    }

    /// The gradients of `loss`.
    pub fn backward(&self, loss: &Tensor) -> Result<GradStore> {
        let networks: Vec<&Network> = self.named().map(|(_, network)| network).collect();
        Ok(Network::backward_all(&networks, loss)?)
    }

    /// The values of what followed each step of `rollout`, whose observations have the values `values`: 0 if the
    /// episode terminated; if it was cut short, the value of the observation before the reset.
    fn following(&self, rollout: &Rollout, values: &[f64]) -> Result<Vec<f64>> {
        let (places, environments) = (rollout.places(), rollout.environments);
        let last = self.values(&rollout.last_obs)?;
        let mut following = Vec::with_capacity(values.len());
        for agent in 0..rollout.agents {
            let own = agent * places..(agent + 1) * places;
            following.extend_from_slice(&values[own.start + environments..own.end]);
            let ends = agent * environments..(agent + 1) * environments;
            following.extend_from_slice(&last[ends]);
        }
        // As many at a time as there are environments, so that an agent's values do not depend on when others are cut
        // short.
        let most = rollout.cuts.iter().map(Vec::len).max().unwrap_or(0);
        for first in (0..most).step_by(environments) {
            let mut obs = vec![0.0; rollout.last_obs.len()];
            let each = environments * self.obs_len;
            let cuts = |agent: usize| rollout.cuts[agent].iter().skip(first).take(environments);
            for agent in 0..rollout.agents {
                let own = obs[agent * each..(agent + 1) * each].chunks_exact_mut(self.obs_len);
                own.zip(cuts(agent))
                    .for_each(|(obs, cut)| obs.copy_from_slice(&cut.obs));
            }
            let values = self.values(&obs)?;
            for agent in 0..rollout.agents {
                for (i, cut) in cuts(agent).enumerate() {
                    following[agent * places + cut.place] = values[agent * environments + i];
                }
            }
        }
        for (value, terminated) in following.iter_mut().zip(&rollout.terminated) {
            if *terminated {
                *value = 0.0;
            }
        }
        Ok(following)
    }

    /// The advantages and returns of `rollout`, whose observations have the values `values`.
    fn choices(&self, rollout: &Rollout, values: &[f64]) -> Result<Choices> {
        let following = self.following(rollout, values)?;
        let places = rollout.places();
        let mut all = Vec::with_capacity(values.len());
        for agent in 0..rollout.agents {
            let own = agent * places..(agent + 1) * places;
            let steps = Steps {
                environments: rollout.environments,
                rewards: &rollout.rewards[own.clone()],
                ended: &rollout.ended[own.clone()],
                values: &values[own.clone()],
                following: &following[own],
            };
            all.extend(advantages(steps, self.config.gamma, self.config.gae_lambda));
        }
        let returns = all.iter().zip(values).map(|(a, v)| a + v).collect();
        if self.config.normalize_advantage {
            all.chunks_exact_mut(places).for_each(normalise);
        }
        Ok(Choices {
            actions: rollout.actions.clone(),
            advantages: all,
            returns,
        })
    }

    /// The loss of `rollout`.
    pub(super) fn ahead(&self, rollout: &Rollout) -> Result<BatchLoss> {
        let outputs = self.forward(&rollout.obs)?;
        let choices = self.choices(rollout, &outputs.values()?)?;
        self.loss(outputs, choices)
    }

    fn loss(&self, outputs: Outputs, choices: Choices) -> Result<BatchLoss> {
        let (choices, weighting) = (Arc::new(choices), self.config.weighting());
        let loss = match self.composed {
            true => composed_loss(&outputs, &choices, weighting)?,
            false => actor_critic_loss(&outputs, &choices, weighting)?,
        };
        Ok(BatchLoss {
            loss,
            outputs,
            choices,
        })
    }

    /// The advantages and returns of `rollout`.
    pub fn choices_of(&self, rollout: &Rollout) -> Result<Choices> {
        self.choices(rollout, &self.values(&rollout.obs)?)
    }

    /// The gradient of the loss of the observations `obs` with `choices`, for networks made by
    /// [`alone`](Self::alone): one number per weight, in the order of the parameters.
    pub(super) fn gradient(&self, obs: &[f32], choices: Choices) -> Result<Vec<f32>> {
        let of = self.loss(self.forward(obs)?, choices)?;
        let grads = self.backward(&of.loss)?;
        Ok(flat_gradient(&self.parameters(), &grads, 0)?)
    }
}

/// The weights of `network` under their names with `prefix` before them.
fn prefixed(prefix: &'static str, network: &Network) -> impl Iterator<Item = Parameter> + use<> {
    let named = move |p: Parameter| Parameter {
        name: format!("{prefix}.{}", p.name),
        ..p
    };
    network.parameters().into_iter().map(named)
}
