//! Q-learning with a target network (Mnih et al. 2015), for a cohort of agents in lock-step.

use candle_core::{DType, Device, Shape, Tensor, Var};
use rand::Rng;

use super::{Batch, DqnConfig, greedy, td_loss};
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
    device: Device,
}

/// What one gradient step saw, agent by agent.
pub struct Learned {
    /// The loss of the batch.
    pub loss: Vec<f64>,
    /// Whether that is above `max_loss`, or no number.
    pub diverged: Vec<bool>,
    /// More about the batch, if asked for or if an agent diverged.
    pub details: Option<Details>,
}

/// What is only worth computing when it is recorded.
pub struct Details {
    /// The mean value of the batch's actions, before the step.
    pub mean_q: Vec<f64>,
    /// The norm of the gradient, before clipping.
    pub grad_norm: Vec<f64>,
}

impl Dqn {
    /// An agent for each of `specs` and observations of the shape `observation`, with initial weights drawn from its stream of `init`.
    /// `updates` is how many gradient steps the lr schedule spans.
    pub fn new(
        config: &DqnConfig,
        specs: &[Spec],
        observation: impl Into<Shape>,
        actions: usize,
        init: &mut [impl Rng],
        updates: u64,
    ) -> Result<Self> {
        assert_eq!(specs.len(), init.len(), "a stream for each agent");
        let device = Device::Cpu;
        let agents = specs.len();
        let observation = observation.into();
        let architecture = config.architecture(observation.dims(), actions);
        let online = Network::new(&architecture, init, DType::F32, &device)?;
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
            device,
        })
    }

    /// Bytes of optimiser state for each weight.
    pub fn optimiser_bytes_per_parameter(&self) -> f64 {
        self.optimiser.bytes_per_parameter()
    }

    /// The online network's weights and biases.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.online.parameters()
    }

    /// The action values `[agents, n, actions]` of the observations `[agents, n, obs_len]`.
    pub fn values(&self, obs: &[f32]) -> Result<Vec<f32>> {
        let q = self.online.infer(&self.tensor(obs)?)?;
        Ok(q.flatten_all()?.to_vec1()?)
    }

    /// The greedy actions for the observations `[agents, n, obs_len]`.
    pub fn act(&self, obs: &[f32]) -> Result<Vec<usize>> {
        let values = self.values(obs)?;
        Ok(values.chunks_exact(self.actions).map(greedy).collect())
    }

    /// One gradient step on `batch`.
    pub fn learn(&mut self, batch: &Batch, details: bool) -> Result<Learned> {
        let targets = self.targets(batch)?;
        let size = (self.agents, batch.actions.len() / self.agents);
        let actions = Tensor::from_slice(&batch.actions, size, &self.device)?;
        let targets = Tensor::from_vec(targets, size, &self.device)?;
        let q = self.online.forward(&self.tensor(&batch.obs)?)?;
        let loss = td_loss(&q, &actions, &targets, self.config.loss)?;
        let grads = self.online.backward(&loss)?;
        let loss: Vec<f64> = loss.to_dtype(DType::F64)?.to_vec1()?;
        // Not `loss > max_loss`: NaN must count as diverged.
        let sound = |loss: &f64| *loss <= self.config.max_loss;
        let diverged: Vec<bool> = loss.iter().map(|loss| !sound(loss)).collect();
        let details = if details || diverged.contains(&true) {
            let chosen = q.gather(&actions.unsqueeze(2)?, 2)?.squeeze(2)?;
            Some(Details {
                mean_q: chosen.to_dtype(DType::F64)?.mean(1)?.to_vec1()?,
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
    /// what came next. A truncated episode would have gone on, so its value counts.
    fn targets(&self, batch: &Batch) -> Result<Vec<f32>> {
        let next = self.tensor(&batch.next_obs)?;
        let values =
            |net: &Network| -> Result<Vec<f32>> { Ok(net.infer(&next)?.flatten_all()?.to_vec1()?) };
        let target = values(&self.target)?;
        let chooser = if self.config.double {
            Some(values(&self.online)?)
        } else {
            None
        };
        let chooser = chooser.as_ref().unwrap_or(&target);
        let gamma = self.config.gamma as f32;
        let rows = target
            .chunks_exact(self.actions)
            .zip(chooser.chunks_exact(self.actions));
        let ends = batch.rewards.iter().zip(&batch.terminated);
        let mut targets = Vec::with_capacity(batch.rewards.len());
        for ((target, chooser), (&reward, &terminated)) in rows.zip(ends) {
            targets.push(if terminated {
                reward
            } else {
                reward + gamma * target[greedy(chooser)]
            });
        }
        Ok(targets)
    }

    fn tensor(&self, obs: &[f32]) -> Result<Tensor> {
        let n = obs.len() / (self.agents * self.obs_len);
        Ok(Tensor::from_slice(
            obs,
            (self.agents, n, self.obs_len),
            &self.device,
        )?)
    }
}
