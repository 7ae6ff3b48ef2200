//! The largest of several errors.

/// The larger of the two; NaN if either is NaN, which `f64::max` would ignore.
pub fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}
