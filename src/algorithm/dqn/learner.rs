//! Q-learning with a target network (Mnih et al. 2015), for a cohort of agents in lock-step.

use candle_core::{DType, Device, Shape, backprop::GradStore};
use optim::{Optimiser, Parameter, Spec};
use rand::Rng;

use super::{Batch, Critic, DqnConfig, TargetValues, greedy};
use crate::Result;

/// A cohort of agents: their value networks, target networks and optimiser.
pub struct Dqn {
    critic: Critic,
    optimiser: Optimiser,
    /// Which agents had diverged by the time of the last update.
    diverged: Vec<bool>,
}

/// What one gradient step measured, for each agent.
pub struct Learned {
    /// The loss of the batch.
    pub loss: Vec<f64>,
    /// Whether the loss is above `max_loss` or NaN.
    pub diverged: Vec<bool>,
    /// More about the batch, if asked for or if an agent has just diverged.
    pub details: Option<Details>,
    /// The TD error of each transition, target minus value before the step, if replay is prioritized.
    pub td_errors: Option<Vec<f32>>,
}

/// Measurements that are computed only when they are recorded.
pub struct Details {
    /// The mean value of the batch's actions, before the step.
    pub mean_q: Vec<f64>,
    /// The norm of the gradient, before clipping.
    pub grad_norm: Vec<f64>,
}

/// A gradient step about to be taken, before anything has changed.
pub struct Pending<'a> {
    /// The networks as they are.
    pub critic: &'a Critic,
    /// The target networks' outputs for the batch.
    pub target_values: &'a TargetValues,
    /// Whether each agent's loss is above `max_loss` or NaN.
    pub diverged: &'a [bool],
    optimiser: &'a Optimiser,
    grads: &'a GradStore,
}

impl Pending<'_> {
    /// The gradient of agent number `agent`, before clipping: one number per weight, in the order of
    /// [`Dqn::parameters`].
    pub fn gradient(&self, agent: usize) -> Result<Vec<f32>> {
        Ok(self.optimiser.flat_gradient(self.grads, agent)?)
    }

    /// The state `name` of the optimiser of agent number `agent`, in the same order.
    pub fn state(&self, name: &str, agent: usize) -> Result<Vec<f32>> {
        Ok(self.optimiser.flat_state(name, agent)?)
    }
}

impl Dqn {
    /// One agent for each of `specs`, for observations of shape `observation`; its initial weights are
    /// drawn from its stream in `init`. `updates` is the number of gradient steps that the lr schedule
    /// spans.
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

    /// [`new`](Self::new), with the type to compute in and the device.
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
        let critic = Critic::new(config, observation, actions, init, (dtype, device))?;
        let optimiser = Optimiser::cohort(specs, critic.parameters())?
            .clip(config.clipping())?
            .schedule(config.lr_schedule, updates);
        Ok(Self {
            critic,
            optimiser,
            diverged: vec![false; specs.len()],
        })
    }

    /// These agents, composed of candle's operations as on a GPU. Slower on the CPU; tests use it to
    /// show that both ways agree.
    pub fn composed(mut self) -> Self {
        self.critic = self.critic.composed();
        self
    }

    /// Bytes of optimiser state for each weight.
    pub fn optimiser_bytes_per_parameter(&self) -> f64 {
        self.optimiser.bytes_per_parameter()
    }

    /// The online network's weights and biases.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.critic.parameters()
    }

    pub(super) fn critic(&self) -> &Critic {
        &self.critic
    }

    pub(super) fn optimiser(&self) -> &Optimiser {
        &self.optimiser
    }

    pub(super) fn optimiser_mut(&mut self) -> &mut Optimiser {
        &mut self.optimiser
    }

    /// The action values `[agents, n, actions]` of the observations `[agents, n, obs_len]`.
    pub fn values(&self, obs: &[f32]) -> Result<Vec<f32>> {
        self.critic.values(obs)
    }

    /// The greedy actions for the observations `[agents, n, obs_len]`.
    pub fn act(&self, obs: &[f32]) -> Result<Vec<usize>> {
        let values = self.values(obs)?;
        Ok(values
            .chunks_exact(self.critic.actions)
            .map(greedy)
            .collect())
    }

    /// One gradient step on `batch`.
    pub fn learn(&mut self, batch: &Batch, details: bool) -> Result<Learned> {
        self.learn_watched(batch, details, |_| Ok(()))
    }

    /// [`learn`](Self::learn), with a call to `show` before the step is taken.
    pub fn learn_watched(
        &mut self,
        batch: &Batch,
        details: bool,
        show: impl FnOnce(&Pending) -> Result<()>,
    ) -> Result<Learned> {
        let (target_values, of) = match self.critic.dtype {
            DType::F64 => self.critic.ahead::<f64>(batch)?,
            _ => self.critic.ahead::<f32>(batch)?,
        };
        let grads = self.critic.online.backward(&of.loss)?;
        let loss: Vec<f64> = of.loss.to_dtype(DType::F64)?.to_vec1()?;
        // Not `loss > max_loss`, because NaN must count as diverged.
        let sound = |loss: &f64| *loss <= self.critic.config.max_loss;
        let diverged: Vec<bool> = loss.iter().map(|loss| !sound(loss)).collect();
        let td_errors = if self.critic.config.prioritized {
            Some(of.td_errors()?)
        } else {
            None
        };
        let newly = |(now, before): (&bool, &bool)| *now && !before;
        let news = diverged.iter().zip(&self.diverged).any(newly);
        self.diverged.clone_from(&diverged);
        let details = if details || news {
            Some(Details {
                mean_q: of.mean_q()?,
                grad_norm: self.optimiser.grad_norms(&grads)?,
            })
        } else {
            None
        };
        show(&Pending {
            critic: &self.critic,
            target_values: &target_values,
            diverged: &diverged,
            optimiser: &self.optimiser,
            grads: &grads,
        })?;
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
        let tau = self.critic.config.tau;
        if tau == 1.0 {
            self.copy_to_target()?;
        } else {
            for (target, online) in self.critic.pairs() {
                let moved = ((online * tau)? + (target.as_tensor() * (1.0 - tau))?)?;
                target.set(&moved)?;
            }
        }
        Ok(self.optimiser.target_updated()?)
    }

    /// Makes the target network equal to the online one.
    pub fn copy_to_target(&mut self) -> Result<()> {
        self.critic.copy_to_target()
    }
}
