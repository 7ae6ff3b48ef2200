//! Whether a difference is too small to matter, which is more than not having found one.

use super::{Estimate, moments::Moments, normal};
use crate::{Error, Result};

/// What two one-sided tests say (Schuirmann 1987).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Equivalence {
    /// The difference, with its interval at the level `1 - 2 alpha`.
    pub difference: Estimate,
    /// The p-value of "the difference is at or below minus the margin".
    pub p_lower: f64,
    /// The p-value of "the difference is at or above the margin".
    pub p_upper: f64,
    /// The larger of both, the test's own.
    pub p: f64,
    /// Whether the interval lies between the margins, that is, whether both are rejected.
    pub equivalent: bool,
}

/// Two one-sided paired t tests of `differences` against `margin` at `alpha` (statsmodels' `ttost_paired`).
///
/// An error for fewer than two differences, one that is not finite, a margin that is not above 0, and an alpha
/// that is not between 0 and 0.5.
pub fn t_equivalence(differences: &[f64], margin: f64, alpha: f64) -> Result<Equivalence> {
    checked(margin, alpha)?;
    let moments = Moments::new(differences)?;
    let (mean, error) = (moments.mean, moments.standard_error());
    let freedom = (moments.n - 1) as f64;
    // The p-value of "at most x", and of "at least -x" for what lies `above` it.
    let p = |above: f64| match error > 0.0 {
        true => normal::t_cdf(-above / error, freedom),
        false => f64::from(above <= 0.0),
    };
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
    Ok(verdict(
        difference,
        p(mean + margin),
        p(margin - mean),
        margin,
    ))
}

/// The two-sided p-value of a paired t test that the mean difference is 0 (`scipy.stats.ttest_rel`). Errors as
/// [`t_equivalence`]'s.
pub fn t_test(differences: &[f64]) -> Result<f64> {
    let moments = Moments::new(differences)?;
    let error = moments.standard_error();
    Ok(match error > 0.0 {
        true => 2.0 * normal::t_cdf(-(moments.mean / error).abs(), (moments.n - 1) as f64),
        false => f64::from(moments.mean == 0.0),
    })
}

pub(super) fn verdict(
    difference: Estimate,
    p_lower: f64,
    p_upper: f64,
    margin: f64,
) -> Equivalence {
    Equivalence {
        difference,
        p_lower,
        p_upper,
        p: p_lower.max(p_upper),
        equivalent: -margin < difference.lo && difference.hi < margin,
    }
}

/// An error unless `margin` and `alpha` make a test.
pub(super) fn checked(margin: f64, alpha: f64) -> Result<()> {
    if !(margin > 0.0 && margin.is_finite()) {
        let why = format!("margin = {margin} is not allowed; allowed: a number above 0");
        return Err(Error::usage(why));
    }
    if !(alpha > 0.0 && alpha < 0.5) {
        let why = format!("alpha = {alpha} is not allowed; allowed: between 0 and 0.5");
        return Err(Error::usage(why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_differs_is_equivalent_to_nothing_else() {
        let equal = t_equivalence(&[0.1; 5], 0.2, 0.05).unwrap();
        assert!(equal.equivalent && equal.p == 0.0);
        let beyond = t_equivalence(&[0.3; 5], 0.2, 0.05).unwrap();
        assert!(!beyond.equivalent && beyond.p_upper == 1.0 && beyond.p_lower == 0.0);
        assert_eq!(t_test(&[0.0; 3]).unwrap(), 1.0);
        assert_eq!(t_test(&[0.5; 3]).unwrap(), 0.0);
    }

    #[test]
    fn what_makes_no_test_is_refused() {
        assert!(t_equivalence(&[1.0], 0.1, 0.05).is_err());
        assert!(t_equivalence(&[1.0, f64::NAN], 0.1, 0.05).is_err());
        for (margin, alpha) in [(0.0, 0.05), (-1.0, 0.05), (1.0, 0.0), (1.0, 0.5)] {
            assert!(t_equivalence(&[1.0, 2.0], margin, alpha).is_err());
        }
    }
}
