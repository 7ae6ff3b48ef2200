//! The weights of schedule-free optimisers' average.

use std::sync::{Mutex, PoisonError};

/// What share the weights after step `t` have in the average: `a_t / (a_1 + ... + a_t)` for
/// `a_t = t^r sched_t^power`, where `sched_t` is the warm-up's factor of the lr.
///
/// The reference has the largest lr so far in place of `sched_t`. The two are the same unless a schedule from
/// outside raises the lr; a share here follows from `t` alone, so that nothing has to be saved.
pub(super) struct Shares {
    pub warmup: u64,
    pub r: f64,
    pub power: f64,
    /// The last sum computed, and its step.
    sum: Mutex<(u64, f64)>,
}

impl Shares {
    pub fn new(warmup: u64, r: f64, power: f64) -> Self {
        Self {
            warmup,
            r,
            power,
            sum: Mutex::new((0, 0.0)),
        }
    }

    /// The warm-up's factor of the lr.
    pub fn warmed(&self, t: u64) -> f64 {
        match t < self.warmup {
            true => t as f64 / self.warmup as f64,
            false => 1.0,
        }
    }

    fn weight(&self, t: u64) -> f64 {
        (t as f64).powf(self.r) * self.warmed(t).powf(self.power)
    }

    pub fn share(&self, t: u64) -> f64 {
        let weight = self.weight(t);
        // All weights are 1 from the warm-up's end on.
        if self.r == 0.0 && t > self.warmup {
            return weight / (self.sum(self.warmup) + (t - self.warmup) as f64);
        }
        weight / self.sum(t)
    }

    fn sum(&self, t: u64) -> f64 {
        let mut last = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 > t {
            *last = (0, 0.0);
        }
        while last.0 < t {
            *last = (last.0 + 1, last.1 + self.weight(last.0 + 1));
        }
        last.1
    }
}

#[cfg(test)]
mod tests {
    use super::Shares;

    #[test]
    fn shares_are_of_the_sum_so_far() {
        let plain = Shares::new(0, 0.0, 2.0);
        for t in 1..9 {
            assert_eq!(plain.share(t), 1.0 / t as f64);
        }
        let shares = Shares::new(4, 1.0, 2.0);
        let weights: Vec<f64> = (1..=9)
            .map(|t| t as f64 * (t as f64 / 4.0).min(1.0).powi(2))
            .collect();
        for t in [9, 2, 5] {
            let sum: f64 = weights[..t].iter().sum();
            assert!((shares.share(t as u64) - weights[t - 1] / sum).abs() < 1e-15);
        }
        let warm = Shares::new(3, 0.0, 1.0);
        assert_eq!(warm.share(5), 1.0 / (1.0 / 3.0 + 2.0 / 3.0 + 3.0));
    }
}
