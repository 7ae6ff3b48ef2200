//! The bootstrap: how much a statistic would differ if other seeds had been drawn.
//!
//! Units are drawn with replacement within each stratum, so each resample has as many units of each stratum as the
//! data (Efron & Tibshirani 1993, chapter 8; with tasks as strata: Agarwal et al. 2021, section 4.1). A statistic
//! gets the indices of the drawn units. A single loop draws all resamples, so the same generator gives the same
//! resamples on any machine.

use rand::Rng;

use crate::{
    Estimate, Result,
    distribution::{Distribution, quantile},
    error::{allow, between_0_and_1},
};

/// The default number of resamples.
const RESAMPLES: usize = 10_000;

/// More resamples than this, of several statistics at once, would not fit in memory.
const MOST_RESAMPLES: usize = 10_000_000;

/// The default share of intervals that cover the true value.
const LEVEL: f64 = 0.95;

/// How an interval is read off the resamples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Between two quantiles of the resamples (Efron & Tibshirani 1993, section 13.3).
    #[default]
    Percentile,
    /// Bias-corrected and accelerated: between two quantiles that are corrected for bias and for a spread that
    /// depends on the truth (Efron & Tibshirani 1993, equations 14.9, 14.10 and 14.14). The acceleration is their
    /// equation 14.15 for one stratum, and that of the multi-sample form, 15.36, for several, as in
    /// `scipy.stats.bootstrap`.
    Bca,
}

/// How intervals are computed: by default, from 10,000 resamples, at 95 %, by the percentile method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    resamples: usize,
    level: f64,
    method: Method,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            resamples: RESAMPLES,
            level: LEVEL,
            method: Method::default(),
        }
    }
}

impl Bootstrap {
    /// Intervals from `resamples` resamples that cover the true value in a share `level` of cases.
    ///
    /// # Errors
    /// Unless there are 1 to 10,000,000 resamples and `level` lies between 0 and 1.
    pub fn new(resamples: usize, level: f64, method: Method) -> Result<Self> {
        let is_allowed = (1..=MOST_RESAMPLES).contains(&resamples);
        allow(is_allowed, "resamples", resamples as f64, "1 to 10000000")?;
        between_0_and_1("level", level)?;
        Ok(Self {
            resamples,
            level,
            method,
        })
    }

    /// The share of intervals that cover the true value.
    pub(crate) fn level(&self) -> f64 {
        self.level
    }

    /// The estimate of a statistic of units in strata of these sizes.
    pub(crate) fn estimate(
        &self,
        strata: &[usize],
        statistic: impl FnMut(&[Vec<usize>]) -> f64,
        rng: &mut impl Rng,
    ) -> Estimate {
        self.distribution(strata, statistic, rng)
            .interval(self.level)
    }

    /// The estimates of several statistics from the same resamples. `statistics` appends their values, in the same
    /// order each time.
    pub(crate) fn estimates(
        &self,
        strata: &[usize],
        statistics: impl FnMut(&[Vec<usize>], &mut Vec<f64>),
        rng: &mut impl Rng,
    ) -> Vec<Estimate> {
        self.distributions(strata, statistics, rng)
            .iter()
            .map(|distribution| distribution.interval(self.level))
            .collect()
    }

    /// The distribution of a statistic over the resamples.
    pub(crate) fn distribution(
        &self,
        strata: &[usize],
        mut statistic: impl FnMut(&[Vec<usize>]) -> f64,
        rng: &mut impl Rng,
    ) -> Distribution {
        let one = |drawn: &[Vec<usize>], out: &mut Vec<f64>| out.push(statistic(drawn));
        self.distributions(strata, one, rng).swap_remove(0)
    }

    fn distributions(
        &self,
        strata: &[usize],
        mut statistics: impl FnMut(&[Vec<usize>], &mut Vec<f64>),
        rng: &mut impl Rng,
    ) -> Vec<Distribution> {
        let mut points = Vec::new();
        statistics(&all_units(strata), &mut points);
        let accelerations = match self.method {
            Method::Percentile => vec![0.0; points.len()],
            Method::Bca => accelerations(strata, points.len(), &mut statistics),
        };
        let mut resampled: Vec<Vec<f64>> = points
            .iter()
            .map(|_| Vec::with_capacity(self.resamples))
            .collect();
        let mut out = Vec::new();
        resample(strata, self.resamples, rng, |drawn| {
            out.clear();
            statistics(drawn, &mut out);
            for (resampled, value) in resampled.iter_mut().zip(&out) {
                resampled.push(*value);
            }
        });
        let each = points.into_iter().zip(resampled).zip(accelerations);
        let n = strata.iter().sum();
        each.map(|((point, resampled), acceleration)| {
            let plain = Distribution::new(point, resampled, n);
            match self.method {
                Method::Percentile => plain,
                Method::Bca => plain.corrected_by(acceleration),
            }
        })
        .collect()
    }
}

/// The acceleration of each of `count` statistics, from leaving out one unit at a time. Strata of one unit are
/// skipped: they have no spread.
fn accelerations(
    strata: &[usize],
    count: usize,
    statistics: &mut impl FnMut(&[Vec<usize>], &mut Vec<f64>),
) -> Vec<f64> {
    let mut cubes = vec![0.0; count];
    let mut squares = vec![0.0; count];
    let mut kept = all_units(strata);
    for (stratum, &size) in strata.iter().enumerate().filter(|(_, size)| **size > 1) {
        let mut without_one: Vec<Vec<f64>> = Vec::with_capacity(size);
        for left_out in 0..size {
            kept[stratum].clear();
            kept[stratum].extend((0..size).filter(|unit| *unit != left_out));
            let mut values = Vec::with_capacity(count);
            statistics(&kept, &mut values);
            without_one.push(values);
        }
        kept[stratum] = (0..size).collect();
        let n = size as f64;
        for k in 0..count {
            let mean = without_one.iter().map(|values| values[k]).sum::<f64>() / n;
            for values in &without_one {
                let influence = (n - 1.0) * (mean - values[k]) / n;
                squares[k] += influence.powi(2);
                cubes[k] += influence.powi(3);
            }
        }
    }
    let each = cubes.iter().zip(&squares);
    each.map(|(cubes, squares)| match *squares > 0.0 {
        true => cubes / (6.0 * squares.powf(1.5)),
        false => 0.0,
    })
    .collect()
}

fn all_units(strata: &[usize]) -> Vec<Vec<usize>> {
    strata.iter().map(|&size| (0..size).collect()).collect()
}

/// Calls `each` with the indices drawn from each stratum, `resamples` times.
fn resample(
    strata: &[usize],
    resamples: usize,
    rng: &mut impl Rng,
    mut each: impl FnMut(&[Vec<usize>]),
) {
    let mut drawn = all_units(strata);
    for _ in 0..resamples {
        for units in &mut drawn {
            let n = units.len() as u32;
            units.fill_with(|| rng.random_range(0..n) as usize);
        }
        each(&drawn);
    }
}

/// The mean of `values` with its 95 % percentile-bootstrap interval, or `None` without values.
pub fn mean(values: &[f64], rng: &mut impl Rng) -> Option<Estimate> {
    let mean = |drawn: &[usize]| {
        let sum: f64 = drawn.iter().map(|&i| values[i]).sum();
        Some(sum / drawn.len() as f64)
    };
    of_observations(values.len(), mean, rng)
}

/// A statistic of `n` observations with its 95 % percentile-bootstrap interval, or `None` if the statistic of all
/// observations is `None`. The statistic gets the indices of the drawn observations. Resamples for which it is
/// `None` are left out.
pub(crate) fn of_observations(
    n: usize,
    statistic: impl Fn(&[usize]) -> Option<f64>,
    rng: &mut impl Rng,
) -> Option<Estimate> {
    if n == 0 {
        return None;
    }
    let point = statistic(&(0..n).collect::<Vec<_>>())?;
    let mut resampled = Vec::with_capacity(RESAMPLES);
    resample(&[n], RESAMPLES, rng, |drawn| {
        resampled.extend(statistic(&drawn[0]));
    });
    if resampled.is_empty() {
        return None;
    }
    resampled.sort_by(f64::total_cmp);
    Some(Estimate {
        point,
        lo: quantile(&resampled, 0.025),
        hi: quantile(&resampled, 0.975),
        n,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Aggregate;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn interval_is_scipys() {
        // scipy.stats.bootstrap((x,), numpy.mean, n_resamples=1_000_000, method="percentile")
        let x = [
            312.0, 477.5, 500.0, 488.1, 421.9, 499.2, 150.3, 493.0, 460.0, 500.0,
        ];
        let estimate = mean(&x, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        assert!((estimate.point - 430.2).abs() < 1e-9);
        assert!((estimate.lo - 354.54).abs() < 3.0, "{estimate:?}");
        assert!((estimate.hi - 486.22).abs() < 3.0, "{estimate:?}");
        assert_eq!(estimate.n, 10);
        assert!(mean(&[], &mut ChaCha8Rng::seed_from_u64(1)).is_none());
    }

    #[test]
    fn each_stratum_is_drawn_from_itself_as_often_as_it_has_units() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut differ = false;
        resample(&[3, 1, 5], 200, &mut rng, |drawn| {
            let sizes: Vec<usize> = drawn.iter().map(Vec::len).collect();
            assert_eq!(sizes, [3, 1, 5]);
            assert!(drawn[0].iter().all(|unit| *unit < 3));
            assert_eq!(drawn[1], [0]);
            differ |= drawn[0] != drawn[2][..3];
        });
        assert!(differ);
    }

    #[test]
    fn acceleration_is_scipys() {
        // a_hat of scipy.stats._resampling._bca_interval, for one sample and for three.
        let samples = [
            vec![1.0, 2.0, 4.0, 8.0, 16.0],
            vec![0.5, 3.0, 3.5],
            vec![7.0, -1.0, 0.0, 2.0, 2.5, 9.0, 30.0],
        ];
        for (aggregate, count, expected) in [
            (Aggregate::Mean, 1, 0.06626573549067026),
            (Aggregate::Mean, 3, 0.06678830988907977),
            (Aggregate::Iqm, 1, 0.015767793929029633),
            (Aggregate::Iqm, 3, 0.009068045637875109),
        ] {
            let samples = &samples[..count];
            let sizes: Vec<usize> = samples.iter().map(Vec::len).collect();
            let mut statistic = |drawn: &[Vec<usize>], out: &mut Vec<f64>| {
                let tasks: Vec<Vec<f64>> = drawn
                    .iter()
                    .zip(samples)
                    .map(|(units, sample)| units.iter().map(|&unit| sample[unit]).collect())
                    .collect();
                out.push(aggregate.of(&tasks));
            };
            let found = accelerations(&sizes, 1, &mut statistic)[0];
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
    }

    #[test]
    fn p_values_at_the_ends_of_an_interval_are_its_tails() {
        // Skewed, and enough values that resamples are seldom equal.
        let values: Vec<f64> = (1..=30).map(|i| -(f64::from(i) / 31.0).ln()).collect();
        for method in [Method::Percentile, Method::Bca] {
            let mean = |drawn: &[Vec<usize>]| {
                let sum: f64 = drawn[0].iter().map(|&i| values[i]).sum();
                sum / 30.0
            };
            let bootstrap = Bootstrap::new(20_000, 0.95, method).unwrap();
            let rng = &mut ChaCha8Rng::seed_from_u64(3);
            let distribution = bootstrap.distribution(&[30], mean, rng);
            let Estimate { lo, hi, .. } = distribution.interval(0.9);
            // A p-value counts one resample more and an end is interpolated: three steps of 1 / 20,000 cover both.
            let step = 3.0 / 20_000.0;
            assert!((distribution.p_at_most(lo) - 0.05).abs() < step);
            assert!((distribution.p_at_least(hi) - 0.05).abs() < step);
            assert!(distribution.p_at_least(-1.0) > 0.999 && distribution.p_at_most(-1.0) < 1e-3);
        }
    }

    #[test]
    fn equal_values_have_an_interval_of_no_width() {
        let bca = Bootstrap::new(100, 0.95, Method::Bca).unwrap();
        let seven = |drawn: &[Vec<usize>]| drawn[0].iter().map(|_| 7.0).sum::<f64>() / 4.0;
        let estimate = bca.estimate(&[4], seven, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!((estimate.point, estimate.lo, estimate.hi), (7.0, 7.0, 7.0));
    }

    #[test]
    fn settings_that_make_no_interval_are_refused() {
        assert!(Bootstrap::new(0, 0.95, Method::Bca).is_err());
        assert!(Bootstrap::new(usize::MAX, 0.95, Method::Bca).is_err());
        for level in [0.0, 1.0, f64::NAN, -0.5, 95.0] {
            let error = Bootstrap::new(10, level, Method::Bca).unwrap_err();
            assert!(error.to_string().starts_with("level = "));
        }
    }
}
