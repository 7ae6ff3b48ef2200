//! The percentile bootstrap (Efron & Tibshirani 1993, section 13.3).

use rand::Rng;

use super::Estimate;

/// Resamples an interval rests on.
const RESAMPLES: usize = 10_000;

/// The mean of `values` and its 95 % percentile-bootstrap interval; `None` without values.
pub fn mean(values: &[f64], rng: &mut impl Rng) -> Option<Estimate> {
    let mean = |drawn: &[usize]| {
        let sum: f64 = drawn.iter().map(|&i| values[i]).sum();
        Some(sum / drawn.len() as f64)
    };
    of(values.len(), mean, rng)
}

/// A statistic of `n` observations, which are handed to it by their places, and its 95 %
/// percentile-bootstrap interval; `None` if the statistic of all of them is. Resamples without one are
/// left out.
pub fn of(
    n: usize,
    statistic: impl Fn(&[usize]) -> Option<f64>,
    rng: &mut impl Rng,
) -> Option<Estimate> {
    let mut drawn: Vec<usize> = (0..n).collect();
    if n == 0 {
        return None;
    }
    let point = statistic(&drawn)?;
    let mut resampled = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        drawn.fill_with(|| rng.random_range(0..n as u32) as usize);
        resampled.extend(statistic(&drawn));
    }
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

/// The quantile `q` of sorted values, interpolated as numpy's default.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * (sorted.len() - 1) as f64;
    let (below, share) = (at as usize, at.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + share * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn quantile_is_numpys() {
        // numpy.quantile([1, 2, 4, 8], [0.1, 0.5, 0.9])
        let values = [1.0, 2.0, 4.0, 8.0];
        assert!((quantile(&values, 0.1) - 1.3).abs() < 1e-12);
        assert_eq!(quantile(&values, 0.5), 3.0);
        assert!((quantile(&values, 0.9) - 6.8).abs() < 1e-12);
        assert_eq!(quantile(&[5.0], 0.975), 5.0);
    }

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
}
