//! The standard normal and Student's t distribution.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Above this many degrees of freedom, the t quantile is expanded around the normal one, because the one in statrs is
/// wrong by 6e-5 at a million.
const MANY_DEGREES: f64 = 1000.0;

/// The share of the standard normal distribution below `z`.
pub fn cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// The standard normal quantile, infinite at 0 and 1.
pub fn quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

/// The share of Student's t distribution below `t`, with at least one degree of freedom.
pub fn t_cdf(t: f64, freedom: f64) -> f64 {
    student(freedom).cdf(t)
}

/// The quantile of Student's t distribution, with at least one degree of freedom.
pub fn t_quantile(share: f64, freedom: f64) -> f64 {
    if freedom <= MANY_DEGREES {
        return student(freedom).inverse_cdf(share);
    }
    // Abramowitz & Stegun 1964, 26.7.5.
    let z = quantile(share);
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + (first + (second + third / freedom) / freedom) / freedom
}

fn student(freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom).expect("at least one degree of freedom")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_scipys() {
        // scipy.stats.norm.ppf and scipy.stats.t.ppf
        for (found, expected) in [
            (quantile(0.025), -1.959963984540054),
            (t_quantile(0.975, 1.0), 12.706204736174694),
            (t_quantile(0.975, 29.0), 2.045229642132703),
            (t_quantile(0.975, 1e6), 1.959966356814107),
        ] {
            assert!((found / expected - 1.0).abs() < 1e-11, "{found}");
        }
        assert!(quantile(0.0).is_infinite() && quantile(1.0).is_infinite());
        // At the switch from one formula to the other.
        let (below, above) = (
            t_quantile(0.99, MANY_DEGREES),
            t_quantile(0.99, MANY_DEGREES + 1e-6),
        );
        assert!((below - above).abs() < 1e-9, "{below} {above}");
        assert!((t_cdf(below, MANY_DEGREES) - 0.99).abs() < 1e-12);
    }
}
