//! Q-learning with a target network (Mnih et al. 2015), for a cohort of agents in lock-step.

use candle_core::{DType, Device, Shape, Tensor, Var, WithDType};
use num_traits::Float;
use rand::Rng;

use super::{
    Batch, DqnConfig, greedy,
    loss::composed_td_loss,
    munchausen::{log_policy, soft_value},
    td_loss,
};
use crate::{
    Result,
    nn::Network,
    optim::{Optimiser, Parameter, Spec},
};

/// A cohort of agents: their value networks, target networks and optimiser.
pub struct Dqn {
    config: DqnConfig,
    agents: usize,
    obs_len: usize,
    actions: usize,
    online: Network,
    target: Network,
    optimiser: Optimiser,
    dtype: DType,
    composed: bool,
    device: Device,
    /// Which agents had diverged by the last update.
    diverged: Vec<bool>,
}

/// What one gradient step saw, agent by agent.
pub struct Learned {
    /// The loss of the batch.
    pub loss: Vec<f64>,
    /// Whether that is above `max_loss`, or no number.
    pub diverged: Vec<bool>,
    /// More about the batch, if asked for or if an agent has just diverged.
    pub details: Option<Details>,
    /// The TD error of each transition, target minus value before the step, if replay is prioritized.
    pub td_errors: Option<Vec<f32>>,
}

/// What is only worth computing when it is recorded.
pub struct Details {
    /// The mean value of the batch's actions, before the step.
    pub mean_q: Vec<f64>,
    /// The norm of the gradient, before clipping.
    pub grad_norm: Vec<f64>,
}

impl Dqn {
    /// An agent for each of `specs` and observations of the shape `observation`, with initial weights
    /// drawn from its stream of `init`. `updates` is how many gradient steps the lr schedule spans.
    pub fn new(
        config: &DqnConfig,
        specs: &[Spec],
        observation: impl Into<Shape>,
        actions: usize,
        init: &mut [impl Rng],
        updates: u64,
    ) -> Result<Self> {
        let dtype = DType::F32;
        Self::with_dtype(config, specs, observation, actions, init, updates, dtype)
    }

    /// [`new`](Self::new), computing in `dtype`, f32 or f64. Only agents in f32 have a
    /// [`policy`](Self::policy) and are saved.
    pub fn with_dtype(
        config: &DqnConfig,
        specs: &[Spec],
        observation: impl Into<Shape>,
        actions: usize,
        init: &mut [impl Rng],
        updates: u64,
        dtype: DType,
    ) -> Result<Self> {
        let on = (dtype, &Device::Cpu);
        Self::on(config, specs, observation, actions, init, updates, on)
    }

    /// [`new`](Self::new), computing in a type and on a device.
    pub fn on(
        config: &DqnConfig,
        specs: &[Spec],
        observation: impl Into<Shape>,
        actions: usize,
        init: &mut [impl Rng],
        updates: u64,
        (dtype, device): (DType, &Device),
    ) -> Result<Self> {
        assert_eq!(specs.len(), init.len(), "a stream for each agent");
        let agents = specs.len();
        let observation = observation.into();
        let architecture = config.architecture(observation.dims(), actions);
        let online = Network::new(&architecture, init, dtype, device)?;
        let optimiser = Optimiser::new(specs, online.parameters())?
            .clip(config.clipping())
            .schedule(config.lr_schedule, updates);
        Ok(Self {
            config: config.clone(),
            agents,
            obs_len: observation.elem_count(),
            actions,
            target: online.detached()?,
            optimiser,
            online,
            dtype,
            composed: !device.is_cpu(),
            device: device.clone(),
            diverged: vec![false; agents],
        })
    }

    /// These agents, put together from candle's operations as on a GPU: slower on the CPU, and the way
    /// to see that both are the same.
    pub fn composed(mut self) -> Self {
        self.online = self.online.composed();
        self.target = self.target.composed();
        self.composed = true;
        self
    }

    /// Bytes of optimiser state for each weight.
    pub fn optimiser_bytes_per_parameter(&self) -> f64 {
        self.optimiser.bytes_per_parameter()
    }

    /// The online network's weights and biases.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.online.parameters()
    }

    pub(super) fn online(&self) -> &Network {
        &self.online
    }

    pub(super) fn target(&self) -> &Network {
        &self.target
    }

    pub(super) fn optimiser(&self) -> &Optimiser {
        &self.optimiser
    }

    pub(super) fn optimiser_mut(&mut self) -> &mut Optimiser {
        &mut self.optimiser
    }

    pub(super) fn obs_len(&self) -> usize {
        self.obs_len
    }

    pub(super) fn actions(&self) -> usize {
        self.actions
    }

    /// The action values `[agents, n, actions]` of the observations `[agents, n, obs_len]`.
    pub fn values(&self, obs: &[f32]) -> Result<Vec<f32>> {
        let q = self.online.infer(&self.tensor(obs)?)?;
        Ok(q.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
    }

    /// The greedy actions for the observations `[agents, n, obs_len]`.
    pub fn act(&self, obs: &[f32]) -> Result<Vec<usize>> {
        let values = self.values(obs)?;
        Ok(values.chunks_exact(self.actions).map(greedy).collect())
    }

    /// One gradient step on `batch`.
    pub fn learn(&mut self, batch: &Batch, details: bool) -> Result<Learned> {
        let size = (self.agents, batch.actions.len() / self.agents);
        let actions = Tensor::from_slice(&batch.actions, size, &self.device)?;
        let targets = match self.dtype {
            DType::F64 => Tensor::from_vec(self.targets::<f64>(batch)?, size, &self.device)?,
            _ => Tensor::from_vec(self.targets::<f32>(batch)?, size, &self.device)?,
        };
        let weights = match batch.weights.as_slice() {
            [] => None,
            weights => Some(Tensor::from_slice(weights, size, &self.device)?.to_dtype(self.dtype)?),
        };
        let q = self.online.forward(&self.tensor(&batch.obs)?)?;
        let td_loss = if self.composed {
            composed_td_loss
        } else {
            td_loss
        };
        let loss = td_loss(&q, &actions, &targets, weights.as_ref(), self.config.loss)?;
        let grads = self.online.backward(&loss)?;
        let loss: Vec<f64> = loss.to_dtype(DType::F64)?.to_vec1()?;
        // Not `loss > max_loss`: NaN must count as diverged.
        let sound = |loss: &f64| *loss <= self.config.max_loss;
        let diverged: Vec<bool> = loss.iter().map(|loss| !sound(loss)).collect();
        let chosen = || q.gather(&actions.unsqueeze(2)?, 2)?.squeeze(2);
        let td_errors = if self.config.prioritized {
            let errors = (&targets - chosen()?)?.to_dtype(DType::F32)?;
            Some(errors.flatten_all()?.to_vec1()?)
        } else {
            None
        };
        let newly = |(now, before): (&bool, &bool)| *now && !before;
        let news = diverged.iter().zip(&self.diverged).any(newly);
        self.diverged.clone_from(&diverged);
        let details = if details || news {
            Some(Details {
                mean_q: chosen()?.to_dtype(DType::F64)?.mean(1)?.to_vec1()?,
                grad_norm: self.optimiser.grad_norms(&grads)?,
            })
        } else {
            None
        };
        self.optimiser.step(&grads)?;
        Ok(Learned {
            loss,
            diverged,
            details,
            td_errors,
        })
    }

    /// Moves the target network by `tau` towards the online one.
    pub fn update_target(&mut self) -> Result<()> {
        let tau = self.config.tau;
        if tau == 1.0 {
            self.copy_to_target()?;
        } else {
            for (target, online) in self.pairs() {
                let moved = ((online * tau)? + (target.as_tensor() * (1.0 - tau))?)?;
                target.set(&moved)?;
            }
        }
        self.optimiser.target_updated()
    }

    /// Makes the target network equal to the online one.
    pub fn copy_to_target(&mut self) -> Result<()> {
        for (target, online) in self.pairs() {
            target.set(&online)?;
        }
        Ok(())
    }

    /// Each weight of the target network, with the online network's.
    fn pairs(&self) -> impl Iterator<Item = (Var, Tensor)> {
        let targets = self.target.parameters().into_iter().map(|p| p.var);
        let online = self.online.parameters().into_iter();
        targets.zip(online.map(|p| p.var.as_detached_tensor()))
    }

    /// The batch's targets: the reward, and unless the episode terminated the discounted value of
    /// what came next. A truncated episode would have gone on, so its value counts. `T` is what the
    /// networks compute in.
    fn targets<T: WithDType + Float>(&self, batch: &Batch) -> Result<Vec<T>> {
        let next = self.tensor(&batch.next_obs)?;
        let values = |net: &Network, obs: &Tensor| -> Result<Vec<T>> {
            Ok(net.infer(obs)?.flatten_all()?.to_vec1()?)
        };
        let target = values(&self.target, &next)?;
        let rows = target.chunks_exact(self.actions);
        if self.config.munchausen {
            let temperature = T::from_f64(self.config.munchausen_temperature);
            let soft = rows.map(|values| soft_value(values, temperature));
            let before = values(&self.target, &self.tensor(&batch.obs)?)?;
            let own = self.own_rewards(batch, &before);
            return Ok(bootstrapped(batch, own, soft));
        }
        let chooser = if self.config.double {
            Some(values(&self.online, &next)?)
        } else {
            None
        };
        let chooser = chooser.as_ref().unwrap_or(&target);
        let choosers = chooser.chunks_exact(self.actions);
        let following = rows.zip(choosers).map(|(row, by)| row[greedy(by)]);
        let rewards = batch.rewards.iter().copied().map(number);
        Ok(bootstrapped(batch, rewards, following))
    }

    /// The rewards, each with the log-probability of its action added, as `values` of the
    /// observations have it.
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

    fn tensor(&self, obs: &[f32]) -> Result<Tensor> {
        let n = obs.len() / (self.agents * self.obs_len);
        let shape = (self.agents, n, self.obs_len);
        Ok(Tensor::from_slice(obs, shape, &self.device)?.to_dtype(self.dtype)?)
    }
}

/// A number of a batch in what the networks compute in.
fn number<T: WithDType>(x: f32) -> T {
    T::from_f64(f64::from(x))
}

/// Each reward, and unless the episode terminated the discounted value of what followed.
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
