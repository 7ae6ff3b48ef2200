//! A value network that learns recorded transitions, a few at a time.

use candle_core::WithDType;
use optim::{SliceOptimiser, Spec};
use rand::Rng;

use super::Transitions;
use crate::{
    Result,
    algorithm::dqn::Loss,
    nn::{
        Architecture, Rectifier,
        single::{Layers, Number, Pass},
    },
};

/// How transitions are learned.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The discount.
    pub gamma: f64,
    /// The loss of a value against its target.
    pub loss: Loss,
    /// Updates between copies of the weights to the target network; `None` if the targets are the true values. With 1
    /// there is no target network: the targets use the learner's own present values.
    pub target_every: Option<u64>,
}

/// A value network with its optimiser, in f32 or f64.
pub struct ValueLearner<T> {
    rules: Rules,
    pub(super) layers: Layers,
    pub(super) weights: Vec<T>,
    /// The target network's weights; empty if there is none.
    pub(super) target: Vec<T>,
    pub(super) optimiser: SliceOptimiser<T>,
    /// Whether the optimiser bounds its step by the gradient's norm.
    bounded: bool,
    /// Updates made.
    pub(super) updates: u64,
    gradient: Vec<T>,
    here: Pass<T>,
    ahead: Pass<T>,
    scratch: Vec<Vec<T>>,
    /// An observation in the network's type.
    x: Vec<T>,
}

/// The result of looking at a batch.
pub struct Taught<T> {
    /// The mean loss, before the update.
    pub loss: f64,
    /// The L1 norm of the gradient, if the optimiser bounds its step by it.
    pub size: f64,
    /// The target of each transition.
    pub targets: Vec<T>,
}

/// The layers of `architecture` with relu.
pub(super) fn layers(architecture: &Architecture) -> Result<Layers> {
    Layers::new(architecture, Rectifier::Relu(0.0), false)
}

impl<T: Number> ValueLearner<T> {
    /// A network with PyTorch's initial weights, drawn from `init` as a DQN's are.
    ///
    /// # Errors
    /// If the network or the optimiser is not possible.
    pub fn new(
        rules: Rules,
        architecture: &Architecture,
        optimiser: &Spec,
        init: &mut impl Rng,
    ) -> Result<Self> {
        let layers = layers(architecture)?;
        let weights: Vec<T> = layers.draw_uniform(init);
        let inputs = architecture.observation.iter().product();
        let has_target = rules.target_every.is_some_and(|every| every > 1);
        Ok(Self {
            target: if has_target {
                weights.clone()
            } else {
                Vec::new()
            },
            optimiser: SliceOptimiser::of_layers(optimiser, &layers.tensors())?,
            bounded: optimiser.bound().is_some(),
            updates: 0,
            gradient: vec![T::from_f64(0.0); weights.len()],
            here: layers.pass(),
            ahead: layers.pass(),
            scratch: layers.scratch(),
            x: vec![T::from_f64(0.0); inputs],
            rules,
            layers,
            weights,
        })
    }

    /// Every weight: those of the first layer, its biases, those of the next.
    pub fn weights(&self) -> &[T] {
        &self.weights
    }

    /// Sets every weight, including the target network's.
    pub fn set_weights(&mut self, weights: &[T]) {
        self.weights.copy_from_slice(weights);
        if !self.target.is_empty() {
            self.target.copy_from_slice(weights);
        }
    }

    /// The gradient that the last [`look`](Self::look) computed.
    pub fn gradient(&self) -> &[T] {
        &self.gradient
    }

    /// Sets the gradient of the update to be made.
    pub(super) fn set_gradient(&mut self, gradient: &[T]) {
        self.gradient.copy_from_slice(gradient);
    }

    /// The value of the action that transition `row` took.
    pub fn value(&mut self, all: &Transitions, row: usize) -> T {
        narrow(all.obs(row), &mut self.x);
        self.layers.forward(&self.weights, &self.x, &mut self.here);
        self.here.values()[all.actions[row] as usize]
    }

    /// Looks at the transitions `rows`: computes the gradient of their mean loss. The targets are the present
    /// ones, or `targets` if given.
    pub fn look(&mut self, all: &Transitions, rows: &[u32], targets: Option<&[T]>) -> Taught<T> {
        let share = T::from_f64(1.0 / rows.len() as f64);
        let mut taught = Taught {
            loss: 0.0,
            size: 0.0,
            targets: Vec::with_capacity(rows.len()),
        };
        for (i, &row) in rows.iter().enumerate() {
            let row = row as usize;
            let target = match targets {
                Some(targets) => targets[i],
                None => self.target(all, row),
            };
            let (loss, slope) = self.rules.loss.of(self.value(all, row) - target);
            taught.loss += loss.to_f64() / rows.len() as f64;
            taught.targets.push(target);
            // The first transition of the batch writes over the gradient of the last.
            let keep = if i == 0 { 0.0 } else { 1.0 };
            self.layers.gradient(
                &self.weights,
                &self.here,
                (all.actions[row] as usize, slope * share),
                keep,
                &mut self.gradient,
                &mut self.scratch,
            );
        }
        if self.bounded {
            taught.size = self.gradient.iter().map(|g| g.to_f64().abs()).sum();
        }
        taught
    }

    /// The target of transition `row`: its true value; or its reward and, unless the episode terminated, the
    /// discounted value of the policy's next action. A truncated episode would have continued, so that value counts.
    fn target(&mut self, all: &Transitions, row: usize) -> T {
        if self.rules.target_every.is_none() {
            return T::from_f64(all.values[row]);
        }
        let reward = T::from_f64(f64::from(all.rewards[row]));
        if all.terminated[row] {
            return reward;
        }
        narrow(all.next_obs(row), &mut self.x);
        let by = match self.target.as_slice() {
            [] => &self.weights,
            target => target,
        };
        self.layers.forward(by, &self.x, &mut self.ahead);
        let next = self.ahead.values()[all.next_actions[row] as usize];
        reward + T::from_f64(self.rules.gamma) * next
    }

    /// Makes the update that [`look`](Self::look) computed, and the target network's when it is due.
    pub fn learn(&mut self, taught: &Taught<T>) {
        self.optimiser
            .step(&mut self.weights, &self.gradient, 1.0, taught.size);
        self.updates += 1;
        let due = |every: u64| every > 1 && self.updates.is_multiple_of(every);
        if self.rules.target_every.is_some_and(due) {
            self.target.copy_from_slice(&self.weights);
            self.optimiser.target_updated();
        }
    }
}

/// `from` in the network's type.
fn narrow<T: WithDType>(from: &[f32], to: &mut [T]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = T::from_f64(f64::from(*from));
    }
}
