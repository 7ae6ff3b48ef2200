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

/// What one update saw, agent by agent.
pub struct Learned {
    /// The loss of the rollout.
    pub loss: Vec<f64>,
    /// Whether that is further from 0 than `max_loss`, or no number.
    pub diverged: Vec<bool>,
    /// More about the rollout, if asked for or if an agent has just diverged: one for each agent.
    pub details: Option<Vec<Details>>,
}

/// What is only worth computing when it is recorded, of one agent.
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

/// An update about to be made, when nothing has moved yet.
pub struct Pending<'a> {
    /// The networks as they are.
    pub networks: &'a ActorCritic,
    /// What the rollout says of its actions and values.
    pub choices: &'a Arc<Choices>,
    /// Whether each agent's loss is too far from 0, or no number.
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
    /// An agent for each of `specs` and observations of the shape `observation`, with initial weights drawn from its
    /// stream of `init`, computing in a type, f32 or f64, and on a device. `updates` is how many updates the lr schedule
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

    /// These agents, put together from candle's operations as on a GPU: slower on the CPU, and the way to see that
    /// both are the same.
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

    /// [`learn`](Self::learn), which `show` sees before the step is taken.
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
