use rand::{Rng, RngCore};

/// Where an environment's randomness comes from: decisions with a name, so that
/// the ones a reference implementation recorded can be replayed.
///
/// Every [`rand::RngCore`] is a source; it takes no notice of the names.
pub trait Draws {
    /// A number from `low` up to, not including, `high`.
    fn uniform(&mut self, name: &'static str, low: f64, high: f64) -> f64;

    /// A whole number below `n`, all equally likely. Panics if `n` is 0.
    fn index(&mut self, name: &'static str, n: usize) -> usize;

    /// True with probability `p`.
    fn chance(&mut self, name: &'static str, p: f64) -> bool;
}

impl<R: RngCore + ?Sized> Draws for R {
    fn uniform(&mut self, _name: &'static str, low: f64, high: f64) -> f64 {
        // Written as numpy does it, so that numpy's bits give numpy's number.
        low + (high - low) * self.random::<f64>()
    }

    fn index(&mut self, _name: &'static str, n: usize) -> usize {
        self.random_range(0..n)
    }

    fn chance(&mut self, _name: &'static str, p: f64) -> bool {
        // `random_bool` would panic on a p that rounding put outside [0, 1].
        self.random::<f64>() < p
    }
}
