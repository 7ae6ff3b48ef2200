//! What follows a layer's product, and its gradient, as the layers fuse them.

use candle_core::{DType, Result, Tensor, WithDType};
use settings::words;

words! {
    /// What a hidden layer does to its product.
    pub enum Activation {
        /// max(x, 0)
        Relu = "relu",
        /// The hyperbolic tangent
        Tanh = "tanh",
    }
}

impl Activation {
    /// Its value at `z`.
    #[inline(always)]
    pub(super) fn of<T: WithDType>(self, z: T) -> T {
        match self {
            Activation::Relu => clip_at_zero(z, T::from_f64(0.0)),
            Activation::Tanh => tanh(z),
        }
    }

    /// The gradient of its input, where its output is `y` and has the gradient `dy`.
    #[inline(always)]
    pub(super) fn gradient<T: WithDType>(self, dy: T, y: T) -> T {
        match self {
            Activation::Relu => relu_gradient(dy, y, T::from_f64(0.0)),
            Activation::Tanh => dy * (T::from_f64(1.0) - y * y),
        }
    }

    /// Its values, by candle's operations.
    pub(super) fn composed(self, z: &Tensor) -> Result<Tensor> {
        match self {
            Activation::Relu => z.relu(),
            Activation::Tanh => z.tanh(),
        }
    }
}

/// `z`, or 0 if it is negative. Not `max`: a NaN must stay a NaN, so that divergence is noticed.
#[inline(always)]
pub(super) fn clip_at_zero<T: PartialOrd>(z: T, zero: T) -> T {
    if z < zero { zero } else { z }
}

/// The gradient of relu's input: `dy` if the output `y` is positive, otherwise 0. The arguments are
/// passed by value; otherwise the compiler selects an address and does not vectorise.
#[inline(always)]
pub(super) fn relu_gradient<T: PartialOrd>(dy: T, y: T, zero: T) -> T {
    if y > zero { dy } else { zero }
}

/// `x p(x^2) / q(x^2)`, from the constant term up, is tanh(x) up to `TANH_IS_ONE` with a relative error of 2.1e-8
/// where nothing is rounded: a least-squares fit, reweighted until the largest error was smallest.
const P: [f64; 5] = [
    0.9999999790509219,
    0.13379717463838275,
    0.0034940339708041898,
    2.0583471593682094e-05,
    1.3319059288378403e-08,
];
const Q: [f64; 5] = [
    1.0,
    0.4671303271321765,
    0.02587107099859796,
    0.0003283091870184136,
    7.762014082386609e-07,
];
/// From here on an f32 tanh is 1.
const TANH_IS_ONE: f64 = 9.02;

/// The hyperbolic tangent: the standard library's in f64; in f32 a quotient of polynomials, which compiles to vector
/// instructions and gives the same bits on every machine.
#[inline(always)]
fn tanh<T: WithDType>(x: T) -> T {
    if T::DTYPE == DType::F64 {
        return T::from_f64(x.to_f64().tanh());
    }
    let x = within(x, T::from_f64(TANH_IS_ONE));
    let square = x * x;
    let sum = |c: [f64; 5]| {
        let terms = c.into_iter().rev().map(T::from_f64);
        terms.fold(T::from_f64(0.0), |sum, c| sum * square + c)
    };
    within(x * sum(P) / sum(Q), T::from_f64(1.0))
}

/// `x`, no further from 0 than `bound`; a NaN stays one.
#[inline(always)]
fn within<T: WithDType>(x: T, bound: T) -> T {
    let least = T::from_f64(0.0) - bound;
    let x = if x > bound { bound } else { x };
    if x < least { least } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tanh_in_f32_is_tanh() {
        let mut largest: f64 = 0.0;
        for i in -240_000..=240_000 {
            let x = i as f32 * 5e-5;
            let (ours, exact) = (f64::from(tanh(x)), f64::from(x).tanh());
            largest = largest.max((ours - exact).abs() / exact.abs().max(1e-30));
            assert!(ours.abs() <= 1.0);
        }
        // 3.6e-7 on the way, where an f32 is within 6e-8 of a number.
        assert!(largest < 5e-7, "{largest:e}");
        assert_eq!(
            [tanh(100f32), tanh(f32::NEG_INFINITY), tanh(0f32)],
            [1.0, -1.0, 0.0]
        );
        assert!(tanh(f32::NAN).is_nan() && tanh(f64::NAN).is_nan());
        assert_eq!(tanh(0.3f64), 0.3f64.tanh());
    }
}
