//! An update about to be made, as the diagnostics see it.

use std::cell::RefCell;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use safetensors::Dtype;

use optim::state_file::{Array, bytes, numbers};

use super::{Recording, Taught, ValueLearner};
use crate::{
    Error, Result,
    algorithm::{MinibatchGradient, PendingUpdate, Targets},
};

/// An update, of the transitions `rows` of a recording.
pub(super) struct BatchUpdate<'a> {
    /// The learner, which has looked at the transitions. It keeps the gradient of whatever was evaluated last.
    pub learner: RefCell<&'a mut ValueLearner<f32>>,
    pub recording: &'a Recording,
    pub rows: &'a [u32],
    pub taught: &'a Taught<f32>,
    /// The gradient of the update.
    pub gradient: Vec<f32>,
}

impl PendingUpdate for BatchUpdate<'_> {
    fn gradient(&self) -> Result<Vec<f32>> {
        Ok(self.gradient.clone())
    }

    fn optimiser_state(&self, name: &str) -> Result<Vec<f32>> {
        Ok(self.learner.borrow().optimiser.state(name)?.to_vec())
    }

    /// The places of the transitions, and their targets.
    fn minibatch(&self) -> Result<Vec<Array>> {
        let n = vec![self.rows.len()];
        let rows = bytes(self.rows, |x| x.to_le_bytes());
        let targets = bytes(&self.taught.targets, |x| x.to_le_bytes());
        Ok(vec![
            ("rows".into(), Dtype::U32, n.clone(), rows),
            ("targets".into(), Dtype::F32, n, targets),
        ])
    }

    fn evaluate(&self, minibatch: &[Array], targets: Targets) -> Result<MinibatchGradient> {
        let find = |name: &str| {
            let found = minibatch.iter().find(|(known, ..)| known == name);
            let missing = || Error::usage(format!("the minibatch has no `{name}`"));
            found.map(|(.., data)| data.as_slice()).ok_or_else(missing)
        };
        let rows = numbers(find("rows")?, u32::from_le_bytes);
        let then = numbers(find("targets")?, f32::from_le_bytes);
        let then = (targets == Targets::Then).then_some(then.as_slice());
        let mut learner = self.learner.borrow_mut();
        let taught = learner.look(&self.recording.transitions, &rows, then);
        Ok(MinibatchGradient {
            gradient: learner.gradient().to_vec(),
            targets: taught.targets,
        })
    }

    /// From as many transitions of the whole stream.
    fn fresh_gradient(&self, rng: &mut ChaCha8Rng) -> Result<Vec<f32>> {
        let all = &self.recording.learned;
        let draw = |_| all[rng.random_range(0..all.len() as u32) as usize];
        let rows: Vec<u32> = (0..self.rows.len()).map(draw).collect();
        let mut learner = self.learner.borrow_mut();
        learner.look(&self.recording.transitions, &rows, None);
        Ok(learner.gradient().to_vec())
    }

    /// How many transitions were recorded after each.
    fn ages(&self) -> Vec<u64> {
        let newest = self.recording.transitions.len() as u64 - 1;
        let age = |row: &u32| newest - u64::from(*row);
        self.rows.iter().map(age).collect()
    }
}
