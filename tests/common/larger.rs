//! The largest of several errors.

/// The larger of the two; NaN if either is, which `f64::max` would pass over.
pub fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}
