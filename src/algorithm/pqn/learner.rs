//! The value networks of a cohort, and a gradient step on minibatches.

use candle_core::{DType, Device, Tensor, backprop::GradStore};
use optim::{Optimiser, Parameter, Spec};
use rand::Rng;

use super::{PqnConfig, rollout::Rollout};
use crate::{
    Result,
    algorithm::dqn::{Loss, td_loss},
    nn::NormedNetwork,
};

/// Transitions to learn from, agent after agent: `[agents, size, ...]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Minibatch {
    /// Observations as the environment gave them, `[agents, size, obs_len]`.
    pub obs: Vec<f32>,
    /// Actions, `[agents, size]`.
    pub actions: Vec<u32>,
    /// Lambda-returns, `[agents, size]`.
    pub targets: Vec<f64>,
}

impl Minibatch {
    /// Adds the transitions at `indices` of a complete rollout.
    pub(super) fn append(&mut self, rollout: &Rollout, indices: &[u32], obs_len: usize) {
        for &index in indices {
            let index = index as usize;
            let obs = &rollout.obs[index * obs_len..(index + 1) * obs_len];
            self.obs.extend_from_slice(obs);
            self.actions.push(rollout.actions[index]);
            self.targets.push(rollout.targets[index]);
        }
    }
}

/// A cohort of agents: their value networks and optimiser.
pub struct Pqn {
    config: PqnConfig,
    agents: usize,
    obs_len: usize,
    pub(super) actions: usize,
    pub(super) network: NormedNetwork,
    pub(super) optimiser: Optimiser,
    dtype: DType,
    device: Device,
}

/// A gradient step about to be taken, before anything has changed.
pub(super) struct PendingStep {
    /// Each agent's loss.
    pub loss: Vec<f64>,
    /// Each agent's mean value of the actions taken; empty unless asked for.
    pub mean_q: Vec<f64>,
    pub grads: GradStore,
}

impl Pqn {
    /// One agent for each of `specs`, for observations of shape `observation`; its initial weights are drawn from
    /// its stream in `init`. It computes in `dtype`, f32 or f64. `updates` is the number of gradient steps that the
    /// lr schedule spans.
    pub fn new(
        config: &PqnConfig,
        specs: &[Spec],
        observation: &[usize],
        actions: usize,
        init: &mut [impl Rng],
        updates: u64,
        (dtype, device): (DType, &Device),
    ) -> Result<Self> {
        assert_eq!(specs.len(), init.len(), "a stream for each agent");
        let architecture = config.architecture(observation, actions);
        let network = NormedNetwork::new(&architecture, init, dtype, device)?;
        let optimiser = Optimiser::cohort(specs, network.parameters())?
            .clip(config.clipping())?
            .schedule(config.lr_schedule, updates);
        Ok(Self {
            config: config.clone(),
            agents: specs.len(),
            obs_len: observation.iter().product(),
            actions,
            network,
            optimiser,
            dtype,
            device: device.clone(),
        })
    }

    /// The weights, biases, scales and shifts.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.network.parameters()
    }

    /// The action values `[agents, n, actions]` of the observations `[agents, n, obs_len]`.
    pub fn values(&self, obs: &[f32]) -> Result<Vec<f64>> {
        let q = self.network.infer(&self.tensor(obs)?)?.flatten_all()?;
        Ok(match self.dtype {
            DType::F32 => q.to_vec1::<f32>()?.into_iter().map(f64::from).collect(),
            _ => q.to_dtype(DType::F64)?.to_vec1()?,
        })
    }

    /// One gradient step on the minibatch of each agent; returns each agent's loss, half the mean squared error.
    pub fn learn(&mut self, minibatch: &Minibatch) -> Result<Vec<f64>> {
        let fit = self.fit(minibatch, false)?;
        self.step(&fit)?;
        Ok(fit.loss)
    }

    pub(super) fn step(&mut self, fit: &PendingStep) -> Result<()> {
        Ok(self.optimiser.step(&fit.grads)?)
    }

    pub(super) fn fit(&self, minibatch: &Minibatch, mean_q: bool) -> Result<PendingStep> {
        fit(
            &self.network,
            minibatch,
            (self.agents, &self.tensor(&minibatch.obs)?),
            (self.dtype, &self.device),
            mean_q,
        )
    }

    /// The network of agent number `agent` alone, on the CPU.
    pub(super) fn alone(&self, agent: usize) -> Result<NormedNetwork> {
        Ok(self.network.agent(agent, &Device::Cpu)?)
    }

    fn tensor(&self, obs: &[f32]) -> Result<Tensor> {
        let shape = (
            self.agents,
            obs.len() / (self.agents * self.obs_len),
            self.obs_len,
        );
        seen(obs, shape, &self.config, (self.dtype, &self.device))
    }
}

/// Observations as a network sees them.
pub(super) fn seen(
    obs: &[f32],
    shape: (usize, usize, usize),
    config: &PqnConfig,
    (dtype, device): (DType, &Device),
) -> Result<Tensor> {
    let obs = Tensor::from_slice(obs, shape, device)?.to_dtype(dtype)?;
    Ok(match config.observation_scale {
        1.0 => obs,
        scale => (obs * scale)?,
    })
}

/// The loss of a minibatch that `network` sees as `obs`, half the mean squared error, and its gradient.
pub(super) fn fit(
    network: &NormedNetwork,
    minibatch: &Minibatch,
    (agents, obs): (usize, &Tensor),
    (dtype, device): (DType, &Device),
    mean_q: bool,
) -> Result<PendingStep> {
    let size = (agents, minibatch.actions.len() / agents);
    let actions = Tensor::from_slice(&minibatch.actions, size, device)?;
    let targets = Tensor::from_slice(&minibatch.targets, size, device)?.to_dtype(dtype)?;
    let q = network.forward(obs)?;
    let loss = match device.is_cpu() {
        true => {
            let halves = Tensor::full(0.5, size, device)?.to_dtype(dtype)?;
            td_loss(&q, &actions, &targets, Some(&halves), Loss::Mse)?
        }
        false => {
            let chosen = q.gather(&actions.unsqueeze(2)?, 2)?.squeeze(2)?;
            ((chosen - &targets)?.sqr()?.mean(1)? * 0.5)?
        }
    };
    let mean_q = match mean_q {
        true => {
            let chosen = q.gather(&actions.unsqueeze(2)?, 2)?.squeeze(2)?;
            chosen.to_dtype(DType::F64)?.mean(1)?.to_vec1()?
        }
        false => Vec::new(),
    };
    Ok(PendingStep {
        loss: loss.to_dtype(DType::F64)?.to_vec1()?,
        mean_q,
        grads: network.backward(&loss)?,
    })
}
