//! Numbers as they are shown and as they are filed.

use super::Estimate;

impl std::fmt::Display for Estimate {
    /// `1.52 (1.48 to 1.57)`; the number alone if it rests on a single observation.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Estimate { point, lo, hi, n } = *self;
        match n {
            0 | 1 => f.write_str(&digits(point)),
            _ => write!(f, "{} ({} to {})", digits(point), digits(lo), digits(hi)),
        }
    }
}

/// Three significant digits, or all those before the point; `0` for anything below 1e-12.
pub(crate) fn digits(x: f64) -> String {
    // What rounding leaves of 0 is 0.
    if x.abs() < 1e-12 {
        return "0".into();
    }
    let rounded: f64 = format!("{x:.2e}").parse().unwrap_or(x);
    let before = rounded.abs().max(1e-9).log10().floor() as i32 + 1;
    format!("{rounded:.*}", (3 - before).max(0) as usize)
}

/// Six significant digits: files stay small, and the same where a machine's arithmetic ends in another bit.
pub(crate) fn rounded(x: f64) -> f64 {
    format!("{x:.5e}").parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_three() {
        let shown = [0.99999, 19.0, 1.234, 0.01234, 20.84, 381.2].map(digits);
        assert_eq!(shown, ["1.00", "19.0", "1.23", "0.0123", "20.8", "381"]);
        assert_eq!([0.0, -0.0, 3e-17, -1e-13].map(digits), ["0"; 4]);
        assert_eq!(rounded(1.0 / 3.0), 0.333333);
        assert!(rounded(f64::INFINITY).is_infinite());
    }
}
