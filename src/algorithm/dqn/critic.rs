//! A cohort's value networks applied to transitions: values, targets, losses, gradients.

use candle_core::{
    DType, Device, Result as CandleResult, Shape, Tensor, Var, WithDType, backprop::GradStore,
};
use num_traits::Float;
use optim::{Parameter, flat_gradient};
use rand::Rng;

use super::{
    Batch, DqnConfig, greedy,
    loss::composed_td_loss,
    munchausen::{log_policy, soft_value},
    replay::VALUES,
    td_loss,
};
use crate::{Result, nn::Network};

/// The online and the target network of each agent of a cohort.
pub struct Critic {
    pub(super) config: DqnConfig,
    pub(super) agents: usize,
    pub(super) obs_len: usize,
    pub(super) actions: usize,
    pub(super) online: Network,
    pub(super) target: Network,
    /// The type that it computes in, f32 or f64.
    pub(super) dtype: DType,
    /// Whether it is composed of candle's operations.
    pub(super) composed: bool,
    pub(super) device: Device,
    /// The eight values of each byte of packed observations, `[256, 8]`.
    byte_values: Tensor,
}

/// The target networks' outputs for a batch: all that the targets need from them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetValues<T = f32> {
    /// The values of the next observations, `[agents, batch, actions]`.
    pub next: Vec<T>,
    /// The values of the observations, `[agents, batch, actions]`; empty except for Munchausen DQN.
    pub obs: Vec<T>,
}

/// The loss and gradient of a batch for the networks as they are.
pub struct Fit {
    /// Each agent's loss.
    pub loss: Vec<f64>,
    /// The values of the observations, `[agents, batch, actions]`.
    pub values: Vec<f32>,
    /// The gradients of the losses.
    pub grads: GradStore,
}

/// A batch's loss and its ingredients, before the gradient is taken.
pub(super) struct BatchLoss {
    /// Each agent's loss, `[agents]`.
    pub loss: Tensor,
    q: Tensor,
    actions: Tensor,
    targets: Tensor,
}

impl Critic {
    /// One network for each stream in `init`, from which its initial weights are drawn, for
    /// observations of shape `observation`. The target networks start equal to them.
    pub fn new(
        config: &DqnConfig,
        observation: impl Into<Shape>,
        actions: usize,
        init: &mut [impl Rng],
        (dtype, device): (DType, &Device),
    ) -> Result<Self> {
        let observation = observation.into();
        let architecture = config.architecture(observation.dims(), actions);
        let online = Network::new(&architecture, init, dtype, device)?;
        Ok(Self {
            config: config.clone(),
            agents: init.len(),
            obs_len: observation.elem_count(),
            actions,
            target: online.detached()?,
            online,
            dtype,
            composed: !device.is_cpu(),
            device: device.clone(),
            byte_values: Tensor::new(&VALUES, device)?.to_dtype(dtype)?,
        })
    }

    /// The networks of agent number `agent` alone; they share no memory with this critic's.
    pub fn alone(&self, agent: usize) -> Result<Self> {
        Ok(Self {
            config: self.config.clone(),
            agents: 1,
            online: self.online.agent(agent, &self.device)?,
            target: self.target.agent(agent, &self.device)?,
            device: self.device.clone(),
            byte_values: self.byte_values.clone(),
            ..*self
        })
    }

    /// These networks, composed of candle's operations.
    pub(super) fn composed(self) -> Self {
        Self {
            online: self.online.composed(),
            target: self.target.composed(),
            composed: true,
            ..self
        }
    }

    /// The action values `[agents, n, actions]` of the observations `[agents, n, obs_len]`.
    pub fn values(&self, obs: &[f32]) -> Result<Vec<f32>> {
        let q = self.online.infer(&self.tensor(obs)?)?;
        Ok(q.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
    }

    /// The target networks' outputs for `batch`, and the loss of `batch` against the targets that
    /// follow from them, in the type that the networks compute in.
    pub(super) fn ahead<T: WithDType + Float>(
        &self,
        batch: &Batch,
    ) -> Result<(TargetValues, BatchLoss)> {
        let values = self.target_outputs::<T>(batch)?;
        let loss = self.loss(batch, &self.targets_in(batch, &values)?)?;
        let narrow = |values: Vec<T>| values.into_iter().map(|x| x.to_f64() as f32).collect();
        let values = TargetValues {
            next: narrow(values.next),
            obs: narrow(values.obs),
        };
        Ok((values, loss))
    }

    fn outputs<T: WithDType>(&self, net: &Network, obs: &Tensor) -> Result<Vec<T>> {
        let q = net.infer(obs)?;
        Ok(q.flatten_all()?.to_vec1()?)
    }

    fn target_outputs<T: WithDType>(&self, batch: &Batch) -> Result<TargetValues<T>> {
        Ok(TargetValues {
            next: self.outputs(&self.target, &self.next_obs(batch)?)?,
            obs: match self.config.munchausen {
                true => self.outputs(&self.target, &self.obs(batch)?)?,
                false => Vec::new(),
            },
        })
    }

    /// The outputs of the target networks, in f32, for `batch`.
    pub fn target_values(&self, batch: &Batch) -> Result<TargetValues> {
        self.target_outputs(batch)
    }

    /// The targets `[agents, batch]` of `batch`, given `values`, the outputs of the target networks in
    /// f32. A target is the reward plus, unless the episode terminated, the discounted value of what
    /// came next. A truncated episode would have continued, so that value counts.
    pub fn targets(&self, batch: &Batch, values: &TargetValues) -> Result<Vec<f32>> {
        self.targets_in(batch, values)
    }

    fn targets_in<T: WithDType + Float>(
        &self,
        batch: &Batch,
        values: &TargetValues<T>,
    ) -> Result<Vec<T>> {
        let rows = values.next.chunks_exact(self.actions);
        if self.config.munchausen {
            let temperature = T::from_f64(self.config.munchausen_temperature);
            let soft = rows.map(|values| soft_value(values, temperature));
            let own = self.own_rewards(batch, &values.obs);
            return Ok(bootstrapped(batch, own, soft));
        }
        let chooser = match self.config.double {
            true => Some(self.outputs(&self.online, &self.next_obs(batch)?)?),
            false => None,
        };
        let chooser = chooser.as_ref().unwrap_or(&values.next);
        let choosers = chooser.chunks_exact(self.actions);
        let following = rows.zip(choosers).map(|(row, by)| row[greedy(by)]);
        let rewards = batch.rewards.iter().copied().map(number);
        Ok(bootstrapped(batch, rewards, following))
    }

    /// The rewards, each with the log-probability of its action added, computed from the `values` of
    /// the observations.
    fn own_rewards<T: WithDType + Float>(
        &self,
        batch: &Batch,
        values: &[T],
    ) -> impl Iterator<Item = T> {
        let alpha = T::from_f64(self.config.munchausen_alpha);
        let temperature = T::from_f64(self.config.munchausen_temperature);
        let clip = T::from_f64(self.config.munchausen_clip);
        let steps = batch.rewards.iter().zip(&batch.actions);
        let rows = values.chunks_exact(self.actions);
        steps.zip(rows).map(move |((reward, action), values)| {
            number::<T>(*reward) + alpha * log_policy(values, *action as usize, temperature, clip)
        })
    }

    /// The loss of `batch` against `targets`, `[agents, batch]`.
    pub(super) fn loss<T: WithDType>(&self, batch: &Batch, targets: &[T]) -> Result<BatchLoss> {
        let size = (self.agents, batch.actions.len() / self.agents);
        let actions = Tensor::from_slice(&batch.actions, size, &self.device)?;
        let targets = Tensor::from_slice(targets, size, &self.device)?;
        let weights = match batch.weights.as_slice() {
            [] => None,
            weights => Some(Tensor::from_slice(weights, size, &self.device)?.to_dtype(self.dtype)?),
        };
        let q = self.online.forward(&self.obs(batch)?)?;
        let td_loss = if self.composed {
            composed_td_loss
        } else {
            td_loss
        };
        let loss = td_loss(&q, &actions, &targets, weights.as_ref(), self.config.loss)?;
        Ok(BatchLoss {
            loss,
            q,
            actions,
            targets,
        })
    }

    /// The loss of `batch` against `targets`, `[agents, batch]`, and all that a gradient step needs.
    pub fn fit(&self, batch: &Batch, targets: &[f32]) -> Result<Fit> {
        let of = self.loss(batch, targets)?;
        Ok(Fit {
            loss: of.loss.to_dtype(DType::F64)?.to_vec1()?,
            values: of.q.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?,
            grads: self.online.backward(&of.loss)?,
        })
    }

    /// The weights that are trained.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.online.parameters()
    }

    /// Makes the target networks equal to the online ones.
    pub fn copy_to_target(&self) -> Result<()> {
        for (target, online) in self.pairs() {
            target.set(&online)?;
        }
        Ok(())
    }

    /// The gradient of the loss of `batch` against `targets`, for a critic made by
    /// [`alone`](Self::alone): one number per weight, in the order of the network's parameters.
    pub fn gradient(&self, batch: &Batch, targets: &[f32]) -> Result<Vec<f32>> {
        let grads = self.online.backward(&self.loss(batch, targets)?.loss)?;
        Ok(flat_gradient(&self.online.parameters(), &grads, 0)?)
    }

    /// Pairs each weight of the target network with the online network's.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (Var, Tensor)> {
        let targets = self.target.parameters().into_iter().map(|p| p.var);
        let online = self.online.parameters().into_iter();
        targets.zip(online.map(|p| p.var.as_detached_tensor()))
    }

    /// The observations before the steps of `batch`, `[agents, batch, obs_len]`.
    fn obs(&self, batch: &Batch) -> Result<Tensor> {
        match &batch.packed {
            Some(packed) => self.unpacked(&packed.obs),
            None => self.tensor(&batch.obs),
        }
    }

    /// The observations after the steps of `batch`, `[agents, batch, obs_len]`.
    fn next_obs(&self, batch: &Batch) -> Result<Tensor> {
        match &batch.packed {
            Some(packed) => self.unpacked(&packed.next_obs),
            None => self.tensor(&batch.next_obs),
        }
    }

    /// Packed observations, unpacked on the device: they take a 32nd of the time on the way there.
    fn unpacked(&self, packed: &[u8]) -> Result<Tensor> {
        let width = self.obs_len.div_ceil(8);
        let n = packed.len() / (self.agents * width);
        // Not by bytes: candle reads the largest index of a type as none.
        let bytes = Tensor::from_slice(packed, packed.len(), &self.device)?.to_dtype(DType::U32)?;
        let values = self.byte_values.index_select(&bytes, 0)?;
        let values = values.reshape((self.agents, n, 8 * width))?;
        Ok(values.narrow(2, 0, self.obs_len)?.contiguous()?)
    }

    fn tensor(&self, obs: &[f32]) -> Result<Tensor> {
        let n = obs.len() / (self.agents * self.obs_len);
        let shape = (self.agents, n, self.obs_len);
        Ok(Tensor::from_slice(obs, shape, &self.device)?.to_dtype(self.dtype)?)
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
        let errors = (&self.targets - self.chosen()?)?.to_dtype(DType::F32)?;
        Ok(errors.flatten_all()?.to_vec1()?)
    }
}

/// Each reward plus, unless the episode terminated, the discounted value of what followed.
fn bootstrapped<T: WithDType>(
    batch: &Batch,
    rewards: impl Iterator<Item = T>,
    following: impl Iterator<Item = T>,
) -> Vec<T> {
    let ends = batch.discounts.iter().zip(&batch.terminated);
    let steps = rewards.zip(following).zip(ends);
    let target = |((reward, value), (discount, terminated)): ((T, T), (&f32, &bool))| {
        if *terminated {
            reward
        } else {
            reward + number::<T>(*discount) * value
        }
    };
    steps.map(target).collect()
}

/// Converts a number of a batch to the type that the networks compute in.
fn number<T: WithDType>(x: f32) -> T {
    T::from_f64(f64::from(x))
}
