//! What the value networks of a cohort say of transitions: values, targets, losses, gradients.

use candle_core::{DType, Device, Result as CandleResult, Tensor, Var, backprop::GradStore};

use super::{
    Batch, DqnConfig, greedy,
    munchausen::{log_policy, soft_value},
    td_loss,
};
use crate::{Result, nn::Network, optim::flat_gradient};

/// The online and the target network of each agent of a cohort.
pub struct Critic {
    pub(super) config: DqnConfig,
    pub(super) agents: usize,
    pub(super) obs_len: usize,
    pub(super) actions: usize,
    pub(super) online: Network,
    pub(super) target: Network,
    pub(super) device: Device,
}

/// What the target networks say of a batch: all that its targets need of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetValues {
    /// The values of what followed, `[agents, batch, actions]`.
    pub next: Vec<f32>,
    /// The values of the observations, `[agents, batch, actions]`; empty but for Munchausen DQN.
    pub obs: Vec<f32>,
}

/// A batch's loss, and what it was made of, on the way to its gradient.
pub(super) struct BatchLoss {
    /// Each agent's, `[agents]`.
    pub loss: Tensor,
    q: Tensor,
    actions: Tensor,
    targets: Tensor,
}

impl Critic {
    /// The networks of agent number `agent` alone; they share no memory with these.
    pub fn alone(&self, agent: usize) -> Result<Self> {
        Ok(Self {
            config: self.config.clone(),
            agents: 1,
            online: self.online.agent(agent)?,
            target: self.target.agent(agent)?,
            device: self.device.clone(),
            ..*self
        })
    }

    /// The action values `[agents, n, actions]` of the observations `[agents, n, obs_len]`.
    pub fn values(&self, obs: &[f32]) -> Result<Vec<f32>> {
        self.said(&self.online, &self.tensor(obs)?)
    }

    fn said(&self, net: &Network, obs: &Tensor) -> Result<Vec<f32>> {
        Ok(net.infer(obs)?.flatten_all()?.to_vec1()?)
    }

    /// What the target networks say of `batch`.
    pub fn target_values(&self, batch: &Batch) -> Result<TargetValues> {
        let said = |obs: &[f32]| self.said(&self.target, &self.tensor(obs)?);
        Ok(TargetValues {
            next: said(&batch.next_obs)?,
            obs: match self.config.munchausen {
                true => said(&batch.obs)?,
                false => Vec::new(),
            },
        })
    }

    /// The targets `[agents, batch]` of `batch`, of which the target networks say `values`: the
    /// reward, and unless the episode terminated the discounted value of what came next. A
    /// truncated episode would have gone on, so its value counts.
    pub fn targets(&self, batch: &Batch, values: &TargetValues) -> Result<Vec<f32>> {
        let rows = values.next.chunks_exact(self.actions);
        if self.config.munchausen {
            let temperature = self.config.munchausen_temperature as f32;
            let soft = rows.map(|values| soft_value(values, temperature));
            let own = self.own_rewards(batch, &values.obs);
            return Ok(bootstrapped(batch, own, soft));
        }
        let chooser = if self.config.double {
            Some(self.values(&batch.next_obs)?)
        } else {
            None
        };
        let chooser = chooser.as_ref().unwrap_or(&values.next);
        let choosers = chooser.chunks_exact(self.actions);
        let following = rows.zip(choosers).map(|(row, by)| row[greedy(by)]);
        let rewards = batch.rewards.iter().copied();
        Ok(bootstrapped(batch, rewards, following))
    }

    /// The rewards, each with the log-probability of its action added, as `values` of the
    /// observations have it.
    fn own_rewards(&self, batch: &Batch, values: &[f32]) -> impl Iterator<Item = f32> {
        let alpha = self.config.munchausen_alpha as f32;
        let temperature = self.config.munchausen_temperature as f32;
        let clip = self.config.munchausen_clip as f32;
        let steps = batch.rewards.iter().zip(&batch.actions);
        let rows = values.chunks_exact(self.actions);
        steps.zip(rows).map(move |((reward, action), values)| {
            reward + alpha * log_policy(values, *action as usize, temperature, clip)
        })
    }

    /// The loss of `batch` against `targets`, `[agents, batch]`.
    pub(super) fn loss(&self, batch: &Batch, targets: &[f32]) -> Result<BatchLoss> {
        let size = (self.agents, batch.actions.len() / self.agents);
        let actions = Tensor::from_slice(&batch.actions, size, &self.device)?;
        let targets = Tensor::from_slice(targets, size, &self.device)?;
        let weights = match batch.weights.as_slice() {
            [] => None,
            weights => Some(Tensor::from_slice(weights, size, &self.device)?),
        };
        let q = self.online.forward(&self.tensor(&batch.obs)?)?;
        let loss = td_loss(&q, &actions, &targets, weights.as_ref(), self.config.loss)?;
        Ok(BatchLoss {
            loss,
            q,
            actions,
            targets,
        })
    }

    /// The gradient of the loss of `batch` against `targets`, of a critic [`alone`](Self::alone):
    /// every weight's, in the order of the network's parameters.
    pub fn gradient(&self, batch: &Batch, targets: &[f32]) -> Result<Vec<f32>> {
        let grads: GradStore = self.loss(batch, targets)?.loss.backward()?;
        flat_gradient(&self.online.parameters(), &grads, 0)
    }

    /// Each weight of the target network, with the online network's.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (Var, Tensor)> {
        let targets = self.target.parameters().into_iter().map(|p| p.var);
        let online = self.online.parameters().into_iter();
        targets.zip(online.map(|p| p.var.as_detached_tensor()))
    }

    fn tensor(&self, obs: &[f32]) -> Result<Tensor> {
        let n = obs.len() / (self.agents * self.obs_len);
        let shape = (self.agents, n, self.obs_len);
        Ok(Tensor::from_slice(obs, shape, &self.device)?)
    }
}

impl BatchLoss {
    /// The value of each action taken, `[agents, batch]`.
    fn chosen(&self) -> CandleResult<Tensor> {
        let actions = self.actions.unsqueeze(2)?;
        self.q.gather(&actions, 2)?.squeeze(2)
    }

    /// Each agent's mean value of the actions taken.
    pub fn mean_q(&self) -> Result<Vec<f64>> {
        Ok(self.chosen()?.to_dtype(DType::F64)?.mean(1)?.to_vec1()?)
    }

    /// Target minus value of each transition, `[agents, batch]`.
    pub fn td_errors(&self) -> Result<Vec<f32>> {
        let errors = (&self.targets - self.chosen()?)?;
        Ok(errors.flatten_all()?.to_vec1()?)
    }
}

/// Each reward, and unless the episode terminated the discounted value of what followed.
fn bootstrapped(
    batch: &Batch,
    rewards: impl Iterator<Item = f32>,
    following: impl Iterator<Item = f32>,
) -> Vec<f32> {
    let ends = batch.discounts.iter().zip(&batch.terminated);
    let steps = rewards.zip(following).zip(ends);
    let target = |((reward, value), (discount, terminated)): ((f32, f32), (&f32, &bool))| {
        if *terminated {
            reward
        } else {
            reward + discount * value
        }
    };
    steps.map(target).collect()
}
