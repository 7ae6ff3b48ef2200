//! Tolerance intervals: where a stated share of all runs lies, not where their mean does.

use statrs::distribution::{Binomial, ChiSquared, ContinuousCDF, DiscreteCDF};

use super::{moments::Moments, normal};
use crate::{Error, Result};

/// An interval that holds at least a stated share of all runs, with a stated confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Its lower end.
    pub lo: f64,
    /// Its upper end.
    pub hi: f64,
    /// The confidence it has, at least the one asked for.
    pub confidence: f64,
    /// Observations.
    pub n: usize,
}

/// For normal data: the mean and `k` standard deviations on either side, `k` by Howe 1969, equation 2.4
/// (NIST/SEMATECH e-Handbook, section 7.2.6.3). For shares from 0.8 to 0.99 it differs from the exact `k` by
/// up to 1.4 % from five values on, 0.8 % from ten and 0.3 % from thirty.
///
/// An error for fewer than two values, one that is not finite, and a share that is not between 0 and 1.
pub fn normal_tolerance(values: &[f64], coverage: f64, confidence: f64) -> Result<Tolerance> {
    checked(coverage, confidence)?;
    let Moments { n, mean, sd } = Moments::new(values)?;
    let freedom = (n - 1) as f64;
    let spread = ChiSquared::new(freedom).expect("at least one degree of freedom");
    let share = freedom * (1.0 + 1.0 / n as f64) / spread.inverse_cdf(1.0 - confidence);
    let half = sd * normal::quantile((1.0 + coverage) / 2.0) * share.sqrt();
    Ok(Tolerance {
        lo: mean - half,
        hi: mean + half,
        confidence,
        n,
    })
}

/// For data of any continuous distribution: from one of the smallest values to as high a one of the largest,
/// as far in as the confidence allows (Wilks 1941). If there are too few values, the error says how many are
/// needed; it has one as well for a value that is not finite and a share that is not between 0 and 1.
pub fn tolerance(values: &[f64], coverage: f64, confidence: f64) -> Result<Tolerance> {
    checked(coverage, confidence)?;
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        let why = format!("value {at} is {}, not a finite number", values[at]);
        return Err(Error::usage(why));
    }
    let n = values.len();
    // Between the r-th smallest and the r-th largest: the share is Beta(n + 1 - 2 r, 2 r).
    let confidence_at = |r: usize| confidence_of(n, 2 * r, coverage);
    let Some(r) = (1..=n / 2)
        .take_while(|r| confidence_at(*r) >= confidence)
        .last()
    else {
        let needed = needed(coverage, confidence);
        return Err(Error::usage(format!(
            "{n} values are too few for an interval with {coverage} of all runs at confidence {confidence}; \
             {needed} are needed"
        )));
    };
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Ok(Tolerance {
        lo: sorted[r - 1],
        hi: sorted[n - r],
        confidence: confidence_at(r),
        n,
    })
}

/// How likely at least `coverage` is left if `out` of the `n + 1` gaps between values are given up.
fn confidence_of(n: usize, out: usize, coverage: f64) -> f64 {
    match Binomial::new(coverage, n as u64) {
        Ok(below) if out <= n => below.cdf((n - out) as u64),
        _ => 0.0,
    }
}

/// The fewest values whose smallest and largest do.
fn needed(coverage: f64, confidence: f64) -> String {
    const MOST: usize = 1_000_000;
    let enough = |n: &usize| confidence_of(*n, 2, coverage) >= confidence;
    let mut most = 2;
    while !enough(&most) {
        if most >= MOST {
            return format!("more than {MOST}");
        }
        most *= 2;
    }
    let (mut few, mut many) = (most / 2, most);
    while few + 1 < many {
        let middle = (few + many) / 2;
        match enough(&middle) {
            true => many = middle,
            false => few = middle,
        }
    }
    many.to_string()
}

fn checked(coverage: f64, confidence: f64) -> Result<()> {
    for (name, share) in [("coverage", coverage), ("confidence", confidence)] {
        if !(share > 0.0 && share < 1.0) {
            let why = format!("{name} = {share} is not allowed; allowed: between 0 and 1");
            return Err(Error::usage(why));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ninety_three_values_are_the_fewest_for_95_in_95() {
        // Wilks 1941: 1 - 93 0.95^92 + 92 0.95^93 = 0.9500.
        let values: Vec<f64> = (0..93).map(f64::from).collect();
        let found = tolerance(&values, 0.95, 0.95).unwrap();
        assert_eq!((found.lo, found.hi, found.n), (0.0, 92.0, 93));
        assert!((0.95..0.951).contains(&found.confidence));
        let error = tolerance(&values[1..], 0.95, 0.95).unwrap_err().to_string();
        assert!(error.ends_with("93 are needed"), "{error}");
        let error = tolerance(&[], 0.5, 0.5).unwrap_err().to_string();
        assert!(error.contains("3 are needed"), "{error}");
    }

    #[test]
    fn shares_beyond_0_and_1_are_refused() {
        for share in [0.0, 1.0, f64::NAN] {
            assert!(tolerance(&[1.0; 99], share, 0.5).is_err());
            assert!(normal_tolerance(&[1.0; 99], 0.5, share).is_err());
        }
        assert!(normal_tolerance(&[1.0], 0.5, 0.5).is_err());
        assert!(tolerance(&[f64::NAN; 99], 0.5, 0.5).is_err());
    }
}
