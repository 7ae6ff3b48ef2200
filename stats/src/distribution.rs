//! The distribution of a statistic over its resamples: intervals and p-values.

use crate::{Estimate, Moments, normal};

/// The distribution of a statistic over its resamples.
pub struct Distribution {
    point: f64,
    sorted: Vec<f64>,
    /// `z0` in Efron & Tibshirani 1993, equation 14.14.
    bias: f64,
    acceleration: f64,
    n: usize,
}

impl Distribution {
    /// From a statistic of `n` units, whose value is `point`, and at least one resample of it.
    pub fn new(point: f64, mut resampled: Vec<f64>, n: usize) -> Self {
        resampled.sort_unstable_by(f64::total_cmp);
        Self {
            point,
            sorted: resampled,
            bias: 0.0,
            acceleration: 0.0,
            n,
        }
    }

    /// Adds the corrections of [`crate::Method::Bca`].
    pub fn corrected_by(self, acceleration: f64) -> Self {
        Self {
            bias: bias(self.point, &self.sorted),
            acceleration,
            ..self
        }
    }

    /// The statistic and the interval between the quantiles `(1 - level) / 2` and `(1 + level) / 2`.
    pub fn interval(&self, level: f64) -> Estimate {
        let tail = (1.0 - level) / 2.0;
        Estimate {
            point: self.point,
            lo: quantile(&self.sorted, self.corrected(tail)),
            hi: quantile(&self.sorted, self.corrected(1.0 - tail)),
            n: self.n,
        }
    }

    /// The standard deviation of the resamples.
    pub fn standard_deviation(&self) -> f64 {
        Moments::new(&self.sorted).map_or(0.0, |moments| moments.sd)
    }

    /// The one-sided p-value of "the truth is at most `x`": small if nearly all resamples are above `x`.
    pub fn p_at_most(&self, x: f64) -> f64 {
        let within = self.sorted.partition_point(|value| *value <= x);
        self.uncorrected(smoothed(within, self.sorted.len()))
    }

    /// The one-sided p-value of "the truth is at least `x`": small if nearly all resamples are below `x`.
    pub fn p_at_least(&self, x: f64) -> f64 {
        let below = self.sorted.partition_point(|value| *value < x);
        let within = smoothed(self.sorted.len() - below, self.sorted.len());
        1.0 - self.uncorrected(1.0 - within)
    }

    /// The quantile of the resamples to use for the quantile `q` (equation 14.10).
    fn corrected(&self, q: f64) -> f64 {
        if self.bias == 0.0 && self.acceleration == 0.0 {
            return q;
        }
        let z = self.bias + normal::quantile(q);
        let stretch = 1.0 - self.acceleration * z;
        match stretch > 0.0 {
            true => normal::cdf(self.bias + z / stretch),
            false => f64::from(z > 0.0),
        }
    }

    /// The inverse of `corrected`.
    fn uncorrected(&self, share: f64) -> f64 {
        if self.bias == 0.0 && self.acceleration == 0.0 {
            return share;
        }
        let z = normal::quantile(share) - self.bias;
        let stretch = 1.0 + self.acceleration * z;
        match stretch > 0.0 {
            true => normal::cdf(z / stretch - self.bias),
            false => f64::from(z > 0.0),
        }
    }
}

/// The share of `count`, which is never 0 because the data themselves are one of the possible resamples (Davison
/// & Hinkley 1997, equation 4.11).
fn smoothed(count: usize, of: usize) -> f64 {
    (count + 1) as f64 / (of + 1) as f64
}

/// `z0`: where the statistic lies among its resamples, with half of those equal to it counted as below. At least
/// half a resample stays on either side, so that the result is finite.
fn bias(point: f64, sorted: &[f64]) -> f64 {
    let below = sorted.partition_point(|value| *value < point);
    let within = sorted.partition_point(|value| *value <= point);
    let (n, half) = (sorted.len() as f64, 0.5 / sorted.len() as f64);
    normal::quantile(((below + within) as f64 / (2.0 * n)).clamp(half, 1.0 - half))
}

/// The quantile `q` of sorted values, interpolated like numpy's default.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let (below, share) = (position as usize, position.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + share * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_is_numpys() {
        // numpy.quantile([1, 2, 4, 8], [0.1, 0.5, 0.9])
        let values = [1.0, 2.0, 4.0, 8.0];
        assert!((quantile(&values, 0.1) - 1.3).abs() < 1e-12);
        assert_eq!(quantile(&values, 0.5), 3.0);
        assert!((quantile(&values, 0.9) - 6.8).abs() < 1e-12);
        assert_eq!(quantile(&[5.0], 0.975), 5.0);
    }
}
