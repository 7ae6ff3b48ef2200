//! The two types that rules compute in on the CPU.

use std::ops::Range;

use safetensors::Dtype;

use crate::{
    AnyRule, Clip, Real, Shape,
    state_file::{bytes, numbers},
};

/// f32 and f64, which rules compute in.
pub trait Element: Real {
    /// One step of `rule`.
    fn update(
        rule: &dyn AnyRule,
        scalars: &[f64],
        clip: Clip,
        w: &mut [Self],
        g: &[Self],
        states: &mut [Vec<Self>],
        range: Range<usize>,
    );

    /// One step of one agent's tensor (see [`AnyRule::update_tensor_f32`]).
    fn update_tensor(
        rule: &dyn AnyRule,
        scalars: &[f64],
        clip: Clip,
        part: (Shape, usize),
        w: &mut [Self],
        g: &[Self],
        states: &mut [Vec<Self>],
    );

    /// Its size, without its sign.
    fn absolute(self) -> Self;

    /// The same number in f64.
    fn as_f64(self) -> f64;

    /// `out <- keep out + scale a b`. `size` is the number of `out`'s rows, of its columns, and of `a`'s columns.
    /// With `a` and `b` are the strides from row to row and from column to column; `out` is row by row.
    ///
    /// # Safety
    /// The pointers are valid for the sizes and strides, `out` for writes, and initialised.
    unsafe fn gemm(
        size: [usize; 3],
        out: *mut Self,
        a: (*const Self, [isize; 2]),
        b: (*const Self, [isize; 2]),
        factors: [f64; 2],
    );

    /// The distance from 1 to the next number.
    const PRECISION: f64;

    /// As it is saved.
    const DTYPE: Dtype;

    /// Its little-endian bytes, all of a list's.
    fn to_bytes(list: &[Self]) -> Vec<u8>;

    /// What [`to_bytes`](Self::to_bytes) wrote.
    fn from_bytes(bytes: &[u8]) -> Vec<Self>;
}

macro_rules! element {
    ($float:ty, $update:ident, $update_tensor:ident, $dtype:ident) => {
        impl Element for $float {
            fn update(
                rule: &dyn AnyRule,
                scalars: &[f64],
                clip: Clip,
                w: &mut [Self],
                g: &[Self],
                states: &mut [Vec<Self>],
                range: Range<usize>,
            ) {
                rule.$update(scalars, clip, w, g, states, range);
            }

            fn update_tensor(
                rule: &dyn AnyRule,
                scalars: &[f64],
                clip: Clip,
                part: (Shape, usize),
                w: &mut [Self],
                g: &[Self],
                states: &mut [Vec<Self>],
            ) {
                rule.$update_tensor(scalars, clip, part, w, g, states);
            }

            #[inline(always)]
            fn absolute(self) -> Self {
                self.abs()
            }

            #[inline(always)]
            fn as_f64(self) -> f64 {
                self.into()
            }

            unsafe fn gemm(
                [m, n, k]: [usize; 3],
                out: *mut Self,
                (a, [a_row, a_column]): (*const Self, [isize; 2]),
                (b, [b_row, b_column]): (*const Self, [isize; 2]),
                [keep, scale]: [f64; 2],
            ) {
                // SAFETY: as the caller promises.
                unsafe {
                    gemm::gemm(
                        m,
                        n,
                        k,
                        out,
                        1,
                        n as isize,
                        keep != 0.0,
                        a,
                        a_column,
                        a_row,
                        b,
                        b_column,
                        b_row,
                        keep as $float,
                        scale as $float,
                        false,
                        false,
                        false,
                        gemm::Parallelism::None,
                    );
                }
            }

            const PRECISION: f64 = <$float>::EPSILON as f64;

            const DTYPE: Dtype = Dtype::$dtype;

            fn to_bytes(list: &[Self]) -> Vec<u8> {
                bytes(list, |x| x.to_le_bytes())
            }

            fn from_bytes(bytes: &[u8]) -> Vec<Self> {
                numbers(bytes, Self::from_le_bytes)
            }
        }
    };
}
element!(f32, update_f32, update_tensor_f32, F32);
element!(f64, update_f64, update_tensor_f64, F64);
