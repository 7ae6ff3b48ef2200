//! The numbers a rule computes with.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// The arithmetic that a [`Rule`](crate::Rule) may use.
///
/// `f32` trains; `f64` computes the golden traces. A rule sees only these operations, so any other type
/// that has them (one that records the expression, for example) runs the same rule.
pub trait Real:
    Copy
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The nearest value to `value`.
    fn constant(value: f64) -> Self;
    /// The square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// The larger of the two. A NaN in `self` stays a NaN, so that no clamp hides a divergence.
    fn max(self, other: Self) -> Self;
    /// 1, -1, or the number itself if it is 0 or NaN.
    fn signum(self) -> Self;
    /// 0 in place of a subnormal number, otherwise the number itself.
    fn flush(self) -> Self;
}

macro_rules! real {
    ($float:ty) => {
        impl Real for $float {
            #[inline(always)]
            fn constant(value: f64) -> Self {
                value as $float
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$float>::sqrt(self)
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                if self < other { other } else { self }
            }
            #[inline(always)]
            fn signum(self) -> Self {
                if self > 0.0 {
                    1.0
                } else if self < 0.0 {
                    -1.0
                } else {
                    self
                }
            }
            #[inline(always)]
            fn flush(self) -> Self {
                if self.abs() < <$float>::MIN_POSITIVE {
                    0.0
                } else {
                    self
                }
            }
        }
    };
}
real!(f32);
real!(f64);

#[cfg(test)]
mod tests {
    use super::Real;

    #[test]
    fn max_keeps_a_nan() {
        assert!(Real::max(f32::NAN, 0.0).is_nan());
        assert_eq!(Real::max(-1.0f64, 0.0), 0.0);
        assert_eq!(Real::max(2.0f64, 0.0), 2.0);
    }

    #[test]
    fn flush_takes_subnormals_alone() {
        assert_eq!(1e-40f32.flush(), 0.0);
        assert_eq!((-1e-40f32).flush(), 0.0);
        assert_eq!(f32::MIN_POSITIVE.flush(), f32::MIN_POSITIVE);
        assert_eq!(-1.5f32.flush(), -1.5);
        assert!(f32::NAN.flush().is_nan());
    }
}
