use std::f64::consts::TAU;

use rand::{Rng, RngCore};

/// [`Draws::normal`] is never farther from 0 than this: 53 random bits reach at most the square root of
/// 106 ln 2, which is 8.572.
pub(crate) const NORMAL_REACH: f64 = 8.58;

/// The source of an environment's randomness. Every decision has a name, so that decisions recorded
/// from a reference implementation can be replayed.
///
/// Every [`rand::RngCore`] is a source and ignores the names.
pub trait Draws {
    /// A number from `low` up to, but not including, `high`.
    fn uniform(&mut self, name: &'static str, low: f64, high: f64) -> f64;

    /// A whole number below `n`, all equally likely. Panics if `n` is 0.
    fn index(&mut self, name: &'static str, n: usize) -> usize;

    /// True with probability `p`.
    fn chance(&mut self, name: &'static str, p: f64) -> bool;

    /// A number from the standard normal distribution, made from two uniform ones by Box and Muller's
    /// method.
    fn normal(&mut self, name: &'static str) -> f64 {
        // One minus the draw, because the logarithm of 0 is infinite.
        let radius = (-2.0 * (1.0 - self.uniform(name, 0.0, 1.0)).ln()).sqrt();
        radius * self.uniform(name, 0.0, TAU).cos()
    }
}

impl<R: RngCore + ?Sized> Draws for R {
    fn uniform(&mut self, _name: &'static str, low: f64, high: f64) -> f64 {
        // Written as in numpy, so that numpy's bits give numpy's number.
        low + (high - low) * self.random::<f64>()
    }

    fn index(&mut self, _name: &'static str, n: usize) -> usize {
        self.random_range(0..n)
    }

    fn chance(&mut self, _name: &'static str, p: f64) -> bool {
        // `random_bool` would panic on a p that rounding has moved outside [0, 1].
        self.random::<f64>() < p
    }
}
