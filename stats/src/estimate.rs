//! A number with its interval, and how it is shown.

use std::fmt::{self, Display, Formatter};

/// A number with the interval around it, and how many observations it rests on.
///
/// The interval has the level that was asked for, 95 % by default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub point: f64,
    /// The lower end of its interval.
    pub lo: f64,
    /// The upper end of its interval.
    pub hi: f64,
    /// The number of observations.
    pub n: usize,
}

impl Estimate {
    /// The estimate of the same quantity plus `by`.
    pub fn shifted(self, by: f64) -> Self {
        Self {
            point: self.point + by,
            lo: self.lo + by,
            hi: self.hi + by,
            n: self.n,
        }
    }
}

impl Display for Estimate {
    /// `1.52 (1.48 to 1.57)`; only the number if it rests on a single observation.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { point, lo, hi, n } = *self;
        match n {
            0 | 1 => f.write_str(&three_digits(point)),
            _ => write!(
                f,
                "{} ({} to {})",
                three_digits(point),
                three_digits(lo),
                three_digits(hi)
            ),
        }
    }
}

/// The number rounded to three significant digits.
///
/// Anything smaller than 1e-12 is `0`: it is what rounding leaves of 0.
///
/// ```
/// assert_eq!([0.01234, 1.0, 20.84, 5381.2].map(stats::three_digits), ["0.0123", "1.00", "20.8", "5380"]);
/// ```
pub fn three_digits(x: f64) -> String {
    if x.abs() < 1e-12 {
        return "0".into();
    }
    let rounded: f64 = format!("{x:.2e}").parse().unwrap_or(x);
    let before = rounded.abs().max(1e-9).log10().floor() as i32 + 1;
    format!("{rounded:.*}", (3 - before).max(0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_three() {
        let shown = [0.99999, 19.0, 1.234, 0.01234, 20.84, 381.2].map(three_digits);
        assert_eq!(shown, ["1.00", "19.0", "1.23", "0.0123", "20.8", "381"]);
        assert_eq!([0.0, -0.0, 3e-17, -1e-13].map(three_digits), ["0"; 4]);
    }

    #[test]
    fn an_interval_of_one_observation_is_not_shown() {
        let mut estimate = Estimate {
            point: 1.5,
            lo: 1.0,
            hi: 2.25,
            n: 2,
        };
        assert_eq!(estimate.to_string(), "1.50 (1.00 to 2.25)");
        estimate.n = 1;
        assert_eq!(estimate.to_string(), "1.50");
    }
}
