//! An update about to be made, as the diagnostics see it.

use rand_chacha::ChaCha8Rng;
use safetensors::Dtype;

use super::{
    Update,
    learner::{StreamQ, largest},
};
use optim::state_file::{Array, bytes, numbers};

use crate::{
    Error, Result,
    algorithm::{MinibatchGradient, PendingUpdate, Targets},
};

/// The step that an update learns from.
#[derive(Clone, Debug, Default)]
pub(super) struct LearnedStep {
    /// The observation as the network saw it.
    pub x: Vec<f32>,
    /// The action.
    pub action: usize,
    /// The scaled reward.
    pub reward: f64,
    /// The next observation as the network sees it.
    pub next: Vec<f32>,
    pub terminated: bool,
    pub truncated: bool,
}

/// The update of one agent. Its minibatch is one step, with the trace of the steps before it.
pub(super) struct StepUpdate<'a> {
    pub learner: &'a StreamQ<f32>,
    pub step: &'a LearnedStep,
    pub update: &'a Update,
}

impl StepUpdate<'_> {
    /// The gradient of the value of `action` at `x`, and the value.
    fn value_gradient(&self, x: &[f32], action: usize) -> (Vec<f32>, f64) {
        let StreamQ {
            layers, weights, ..
        } = self.learner;
        let mut pass = layers.pass();
        layers.forward(weights, x, &mut pass);
        let mut gradient = vec![0.0; weights.len()];
        let scratch = &mut layers.scratch();
        layers.trace(weights, &pass, action, 0.0, &mut gradient, scratch);
        (gradient, pass.values()[action].into())
    }
}

impl PendingUpdate for StepUpdate<'_> {
    fn gradient(&self) -> Result<Vec<f32>> {
        Ok(self.learner.gradient(self.update))
    }

    fn optimiser_state(&self, name: &str) -> Result<Vec<f32>> {
        Ok(self.learner.state(name)?)
    }

    fn minibatch(&self) -> Result<Vec<Array>> {
        let (own, _) = self.value_gradient(&self.step.x, self.step.action);
        let pairs = self.learner.trace.iter().zip(&own);
        let before: Vec<f32> = pairs.map(|(e, own)| e - own).collect();
        let floats = |name: &str, values: &[f32]| -> Array {
            let data = bytes(values, |x| x.to_le_bytes());
            (name.into(), Dtype::F32, vec![values.len()], data)
        };
        let target = self.update.td_error + self.update.value;
        let numbers = [
            self.step.action as f64,
            self.step.reward,
            f64::from(u8::from(self.step.terminated)),
            target,
        ];
        let data = bytes(&numbers, |x| x.to_le_bytes());
        Ok(vec![
            floats("x", &self.step.x),
            floats("next", &self.step.next),
            floats("trace", &before),
            ("step".into(), Dtype::F64, vec![numbers.len()], data),
        ])
    }

    fn evaluate(&self, minibatch: &[Array], targets: Targets) -> Result<MinibatchGradient> {
        let find = |name: &str| {
            let found = minibatch.iter().find(|(known, ..)| known == name);
            let missing = || Error::usage(format!("the minibatch has no `{name}`"));
            found.map(|(.., data)| data.as_slice()).ok_or_else(missing)
        };
        let floats = |name: &str| Ok::<_, Error>(numbers(find(name)?, f32::from_le_bytes));
        let step = numbers(find("step")?, f64::from_le_bytes);
        let &[action, reward, terminated, then] = step.as_slice() else {
            return Err(Error::usage("the minibatch has no whole `step`"));
        };
        let (own, value) = self.value_gradient(&floats("x")?, action as usize);
        let StreamQ {
            layers,
            weights,
            config,
            ..
        } = self.learner;
        let target = match targets {
            Targets::Then => then,
            Targets::Now if terminated != 0.0 => reward,
            Targets::Now => {
                let mut ahead = layers.pass();
                layers.forward(weights, &floats("next")?, &mut ahead);
                reward + config.gamma * largest(ahead.values())
            }
        };
        let scale = -config.loss.pull(target - value) as f32;
        let trace = floats("trace")?;
        let gradient = trace.iter().zip(&own).map(|(e, own)| scale * (e + own));
        Ok(MinibatchGradient {
            gradient: gradient.collect(),
            targets: vec![target as f32],
        })
    }

    /// There are no data other than this step.
    fn fresh_gradient(&self, _rng: &mut ChaCha8Rng) -> Result<Vec<f32>> {
        self.gradient()
    }

    fn ages(&self) -> Vec<u64> {
        vec![0]
    }
}
