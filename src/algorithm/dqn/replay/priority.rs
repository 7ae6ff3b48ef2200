//! Prioritised replay, proportional (Schaul et al. 2016, section 3.3 and algorithm 1).

use rand::Rng;

use super::sum_tree::SumTree;
use crate::Result;

/// The probability of drawing each transition, and the weight that it then has.
///
/// Transition `i` is drawn with probability `p_i^alpha / sum_j p_j^alpha`. Its priority `p_i` is the
/// absolute value of its last TD error plus `eps`; a new transition gets the largest priority so far.
pub(super) struct Priorities {
    pub most: usize,
    pub alpha: f64,
    pub eps: f64,
    /// `p_i^alpha` of each transition.
    tree: SumTree,
    /// The largest priority so far, 1 at first.
    pub largest: f64,
}

impl Priorities {
    /// Empty, with room for `most` transitions.
    pub fn new(most: usize, alpha: f64, eps: f64) -> Self {
        Self {
            most,
            alpha,
            eps,
            tree: SumTree::new(most),
            largest: 1.0,
        }
    }

    /// Adds a new transition at `i`.
    pub fn add(&mut self, i: usize) -> Result<()> {
        self.tree.set(i, self.largest.powf(self.alpha))
    }

    /// Sets the priority of the transition at `i` from its TD error, which is finite.
    pub fn update(&mut self, i: usize, error: f32) {
        assert!(
            error.is_finite(),
            "a TD error of {error} cannot be a priority"
        );
        let priority = f64::from(error.abs()) + self.eps;
        self.largest = self.largest.max(priority);
        self.tree.replace(i, priority.powf(self.alpha));
    }

    /// `p_i^alpha` of the transition at `i`.
    pub fn get(&self, i: usize) -> f64 {
        self.tree.get(i)
    }

    /// Restores what [`get`](Self::get) returned.
    pub fn set(&mut self, i: usize, value: f64) -> Result<()> {
        self.tree.set(i, value)
    }

    /// Draws `n` transitions, one from each of `n` equal parts of the sum, with weights `(N
    /// P(i))^-beta` divided by the largest weight drawn, so that none is above 1.
    pub fn draw(
        &self,
        rng: &mut impl Rng,
        n: usize,
        beta: f64,
        indices: &mut Vec<u32>,
        weights: &mut Vec<f32>,
    ) {
        let part = self.tree.total() / n as f64;
        let points = (0..n).map(|j| (j as f64 + rng.random::<f64>()) * part);
        let found = self.tree.find(points.collect());
        let drawn = found.iter().map(|i| self.tree.get(*i as usize));
        let least = drawn.clone().fold(f64::INFINITY, f64::min);
        // N and the sum are the same in every weight, so they cancel when weights are divided by
        // the largest, which belongs to the smallest priority.
        weights.extend(drawn.map(|p| (least / p).powf(beta) as f32));
        indices.extend(found);
    }

    /// The bytes of memory that it holds.
    pub fn bytes(&self) -> usize {
        self.tree.bytes()
    }
}
