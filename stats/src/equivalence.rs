//! Whether a difference is too small to matter. Not having found a difference does not show that.

use crate::{
    Estimate, Moments, Result,
    error::{check_alpha, check_margin},
    normal,
};

/// The result of two one-sided tests (Schuirmann 1987).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Equivalence {
    /// The mean difference, with its interval at the level `1 - 2 alpha`.
    pub difference: Estimate,
    /// The p-value of "the difference is at or below minus the margin".
    pub p_lower: f64,
    /// The p-value of "the difference is at or above the margin".
    pub p_upper: f64,
    /// The p-value of the whole test: the larger of the two.
    pub p: f64,
    /// Whether the interval lies between the margins, so that both hypotheses are rejected.
    pub equivalent: bool,
}

/// Two one-sided paired t tests of `differences` against `margin` at `alpha` (statsmodels' `ttost_paired`).
///
/// # Errors
/// Unless there are at least two differences, all finite, the margin is above 0 and alpha lies between 0 and 0.5.
pub fn t_equivalence(differences: &[f64], margin: f64, alpha: f64) -> Result<Equivalence> {
    check_margin(margin)?;
    check_alpha(alpha)?;
    let moments = Moments::new(differences)?;
    let (mean, error) = (moments.mean, moments.standard_error());
    let freedom = (moments.n - 1) as f64;
    // The p-value of "the truth is beyond this bound", where the mean lies `inside` the bound by that much.
    let p = |inside: f64| match error > 0.0 {
        true => normal::t_cdf(-inside / error, freedom),
        false => f64::from(inside <= 0.0),
    };
    let (p_lower, p_upper) = (p(mean + margin), p(margin - mean));
    let half = match error > 0.0 {
        true => error * normal::t_quantile(1.0 - alpha, freedom),
        false => 0.0,
    };
    let difference = Estimate {
        point: mean,
        lo: mean - half,
        hi: mean + half,
        n: moments.n,
    };
    Ok(Equivalence {
        difference,
        p_lower,
        p_upper,
        p: p_lower.max(p_upper),
        equivalent: -margin < difference.lo && difference.hi < margin,
    })
}

/// The two-sided p-value of the paired t test that the mean difference is 0 (`scipy.stats.ttest_rel`).
///
/// # Errors
/// Unless there are at least two differences, all finite.
pub fn t_test(differences: &[f64]) -> Result<f64> {
    let moments = Moments::new(differences)?;
    let error = moments.standard_error();
    Ok(match error > 0.0 {
        true => 2.0 * normal::t_cdf(-(moments.mean / error).abs(), (moments.n - 1) as f64),
        false => f64::from(moments.mean == 0.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_differences_are_equivalent_only_within_the_margin() {
        let equal = t_equivalence(&[0.1; 5], 0.2, 0.05).unwrap();
        assert!(equal.equivalent && equal.p == 0.0);
        let beyond = t_equivalence(&[0.3; 5], 0.2, 0.05).unwrap();
        assert!(!beyond.equivalent && beyond.p_upper == 1.0 && beyond.p_lower == 0.0);
        assert_eq!(t_test(&[0.0; 3]).unwrap(), 1.0);
        assert_eq!(t_test(&[0.5; 3]).unwrap(), 0.0);
    }

    #[test]
    fn data_and_settings_that_make_no_test_are_refused() {
        assert!(t_equivalence(&[1.0], 0.1, 0.05).is_err());
        assert!(t_equivalence(&[1.0, f64::NAN], 0.1, 0.05).is_err());
        for (margin, alpha) in [(0.0, 0.05), (-1.0, 0.05), (1.0, 0.0), (1.0, 0.5)] {
            assert!(t_equivalence(&[1.0, 2.0], margin, alpha).is_err());
        }
    }
}
