//! One agent: values, traces, updates.

use optim::{Result as OptimResult, SliceOptimiser, Spec};
use rand::Rng;

use super::{LEAKY, StreamQConfig};
use crate::{
    Result,
    nn::single::{Layers, Number, Pass},
};

/// What followed an action, as the network sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a, T> {
    /// The action.
    pub action: usize,
    /// The reward.
    pub reward: f64,
    /// The observation after it.
    pub next: &'a [T],
    /// Whether the episode is over for good: what follows is worth nothing.
    pub terminated: bool,
    /// Whether the trace ends with this update: the episode has ended, or the action was not greedy.
    pub cut: bool,
}

/// An update that has been computed but not made yet.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// The reward plus the discounted value of what follows, minus the value.
    pub td_error: f64,
    /// The value of the action.
    pub value: f64,
    /// The L1 norm of the trace.
    pub trace: f64,
    /// What the trace is multiplied by: minus the derivative of the loss.
    pub pull: f64,
    cut: bool,
}

/// A value network that learns by Q(lambda) from one step at a time, in f32 or f64.
pub struct StreamQ<T> {
    pub(super) config: StreamQConfig,
    pub(super) layers: Layers,
    pub(super) weights: Vec<T>,
    pub(super) trace: Vec<T>,
    pub(super) optimiser: SliceOptimiser<T>,
    /// Of the observation that was acted on, and of the one that followed.
    pub(super) here: Pass<T>,
    ahead: Pass<T>,
    scratch: Vec<Vec<T>>,
}

impl<T: Number> StreamQ<T> {
    /// A network at its start, for observations of shape `observation`; its lr schedule spans
    /// `updates` steps.
    pub fn new(
        config: &StreamQConfig,
        spec: &Spec,
        observation: &[usize],
        actions: usize,
        init: &mut impl Rng,
        updates: u64,
    ) -> Result<Self> {
        let architecture = config.architecture(observation, actions);
        let layers = Layers::new(&architecture, LEAKY, config.layer_norm)?;
        let weights: Vec<T> = layers.draw(config.sparsity, init);
        let optimiser = SliceOptimiser::of_layers(spec, &layers.tensors())?;
        Ok(Self {
            trace: vec![T::from_f64(0.0); weights.len()],
            optimiser: optimiser.schedule(config.lr_schedule, updates),
            here: layers.pass(),
            ahead: layers.pass(),
            scratch: layers.scratch(),
            config: config.clone(),
            layers,
            weights,
        })
    }

    /// Every weight: those of the first layer, its biases, those of the next.
    pub fn weights(&self) -> &[T] {
        &self.weights
    }

    /// The weights to evaluate with.
    pub(super) fn evaluation_weights(&self) -> Vec<T> {
        let others = self.optimiser.evaluation_weights(&self.weights);
        others.unwrap_or_else(|| self.weights.clone())
    }

    /// Sets every weight.
    pub fn set_weights(&mut self, weights: &[T]) {
        self.weights.copy_from_slice(weights);
    }

    /// The eligibility trace of each weight.
    pub fn trace(&self) -> &[T] {
        &self.trace
    }

    /// The values of the actions for the observation `x`, which the next [`look`](Self::look) is about.
    pub fn values(&mut self, x: &[T]) -> &[T] {
        self.layers.forward(&self.weights, x, &mut self.here);
        self.here.values()
    }

    /// Computes the update for the step after the last [`values`](Self::values), and adds its gradient to the trace.
    pub fn look(&mut self, seen: &Seen<T>) -> Update {
        let value = self.here.values()[seen.action].to_f64();
        let mut target = seen.reward;
        if !seen.terminated {
            self.layers
                .forward(&self.weights, seen.next, &mut self.ahead);
            target += self.config.gamma * largest(self.ahead.values());
        }
        let td_error = target - value;
        let trace = self.layers.trace(
            &self.weights,
            &self.here,
            seen.action,
            self.config.decay(),
            &mut self.trace,
            &mut self.scratch,
        );
        Update {
            td_error,
            value,
            trace,
            pull: self.config.loss.pull(td_error),
            cut: seen.cut,
        }
    }

    /// Makes an update that [`look`](Self::look) returned: the optimiser's step along the TD error times the trace.
    pub fn learn(&mut self, update: &Update) {
        let size = update.pull.abs().max(1.0) * update.trace;
        self.optimiser
            .step(&mut self.weights, &self.trace, -update.pull, size);
        if update.cut {
            self.trace.fill(T::from_f64(0.0));
        }
    }

    /// The gradient that the optimiser is given by `update`.
    pub fn gradient(&self, update: &Update) -> Vec<f32> {
        let scale = -update.pull;
        let each = |e: &T| (scale * e.to_f64()) as f32;
        self.trace.iter().map(each).collect()
    }

    /// The optimiser's state called `name`.
    pub(super) fn state(&self, name: &str) -> OptimResult<Vec<f32>> {
        let state = self.optimiser.state(name)?;
        Ok(state.iter().map(|x| x.to_f64() as f32).collect())
    }
}

/// The largest of some values; NaN if one is.
pub(super) fn largest<T: Number>(values: &[T]) -> f64 {
    let larger = |most: f64, x: &T| match x.to_f64() {
        x if x > most || x.is_nan() => x,
        _ => most,
    };
    values.iter().fold(f64::NEG_INFINITY, larger)
}
