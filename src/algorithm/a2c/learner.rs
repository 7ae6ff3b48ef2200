//! Synchronous advantage actor-critic for a cohort of agents in lock-step.

use std::sync::Arc;

use candle_core::{DType, Device, backprop::GradStore};
use optim::{Optimiser, Parameter, Spec};
use rand::Rng;

use super::{A2cConfig, ActorCritic, Choices, Rollout, loss::terms};
use crate::Result;

/// A cohort of agents: their networks and optimiser.
pub struct A2c {
    networks: ActorCritic,
    optimiser: Optimiser,
    /// Which agents had diverged by the last update.
    diverged: Vec<bool>,
}

/// What one update measured, for each agent.
pub struct Learned {
    /// The loss of the rollout.
    pub loss: Vec<f64>,
    /// Whether the loss is further from 0 than `max_loss`, or not a number.
    pub diverged: Vec<bool>,
    /// More about the rollout, for each agent, if asked for or if an agent has just diverged.
    pub details: Option<Vec<Details>>,
}

/// Measurements of one agent that are computed only when they are recorded.
#[derive(Clone, Copy, Debug)]
pub struct Details {
    /// The mean of the negated advantage times the action's log-probability.
    pub policy_loss: f64,
    /// The mean squared error of the values.
    pub value_loss: f64,
    /// The mean entropy of the policy.
    pub entropy: f64,
    /// The norm of the gradient, before clipping.
    pub grad_norm: f64,
}

/// An update about to be made, before anything has changed.
pub struct Pending<'a> {
    /// The networks as they are.
    pub networks: &'a ActorCritic,
    /// The advantages and returns of the rollout.
    pub choices: &'a Arc<Choices>,
    /// Whether each agent's loss is too far from 0 or not a number.
    pub diverged: &'a [bool],
    optimiser: &'a Optimiser,
    grads: &'a GradStore,
}

impl Pending<'_> {
    /// The gradient of agent number `agent`, before clipping: every weight's, in the order of [`A2c::parameters`].
    pub fn gradient(&self, agent: usize) -> Result<Vec<f32>> {
        Ok(self.optimiser.flat_gradient(self.grads, agent)?)
    }

    /// The optimiser's state called `name` of agent number `agent`, in the same order.
    pub fn state(&self, name: &str, agent: usize) -> Result<Vec<f32>> {
        Ok(self.optimiser.flat_state(name, agent)?)
    }
}

impl A2c {
    /// One agent for each of `specs`, for observations of shape `observation`; its initial weights are drawn from its
    /// stream in `init`. It computes in f32 or f64 on a device. `updates` is the number of updates that the lr schedule
    /// spans. Only agents in f32 are saved.
    pub fn new(
        config: &A2cConfig,
        specs: &[Spec],
        observation: &[usize],
        actions: usize,
        init: &mut [impl Rng],
        updates: u64,
        on: (DType, &Device),
    ) -> Result<Self> {
        assert_eq!(specs.len(), init.len(), "a stream for each agent");
        let networks = ActorCritic::new(config, observation, actions, init, on)?;
        let optimiser = Optimiser::cohort(specs, networks.parameters())?
            .clip(config.clipping())?
            .schedule(config.lr_schedule, updates);
        Ok(Self {
            networks,
            optimiser,
            diverged: vec![false; specs.len()],
        })
    }

    /// These agents, composed of candle's operations as on a GPU. Slower on the CPU; tests use it to show that
    /// both ways agree.
    pub fn composed(mut self) -> Self {
        self.networks = self.networks.composed();
        self
    }

    /// The policies and values.
    pub fn networks(&self) -> &ActorCritic {
        &self.networks
    }

    /// The networks' weights and biases.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.networks.parameters()
    }

    pub(super) fn optimiser(&self) -> &Optimiser {
        &self.optimiser
    }

    pub(super) fn optimiser_mut(&mut self) -> &mut Optimiser {
        &mut self.optimiser
    }

    /// One update from `rollout`.
    pub fn learn(&mut self, rollout: &Rollout, details: bool) -> Result<Learned> {
        self.learn_watched(rollout, details, |_| Ok(()))
    }

    /// [`learn`](Self::learn), with a call to `show` before the step is taken.
    pub fn learn_watched(
        &mut self,
        rollout: &Rollout,
        details: bool,
        show: impl FnOnce(&Pending) -> Result<()>,
    ) -> Result<Learned> {
        let of = self.networks.ahead(rollout)?;
        let grads = self.networks.backward(&of.loss)?;
        let loss: Vec<f64> = of.loss.to_dtype(DType::F64)?.to_vec1()?;
        // Not `abs > max_loss`: NaN must count as diverged.
        let sound = |loss: &f64| loss.abs() <= self.networks.config.max_loss;
        let diverged: Vec<bool> = loss.iter().map(|loss| !sound(loss)).collect();
        let newly = |(now, before): (&bool, &bool)| *now && !before;
        let news = diverged.iter().zip(&self.diverged).any(newly);
        self.diverged.clone_from(&diverged);
        let details = if details || news {
            let norms = self.optimiser.grad_norms(&grads)?;
            let terms = terms(&of.outputs, &of.choices)?;
            let details = terms
                .into_iter()
                .zip(norms)
                .map(|(terms, grad_norm)| Details {
                    policy_loss: terms.policy,
                    value_loss: terms.value,
                    entropy: terms.entropy,
                    grad_norm,
                });
            Some(details.collect())
        } else {
            None
        };
        show(&Pending {
            networks: &self.networks,
            choices: &of.choices,
            diverged: &diverged,
            optimiser: &self.optimiser,
            grads: &grads,
        })?;
        self.optimiser.step(&grads)?;
        Ok(Learned {
            loss,
            diverged,
            details,
        })
    }
}
