//! The product that every pass of a convolution comes down to: a few rows of a matrix times a strip of another.

use pulp::Simd;

use super::{lanes::Lanes, panels::PANEL};

/// Rows of a tile.
const ROWS: usize = 8;
/// Vectors in a row of a tile. With 8 rows that is enough to hide the latency of the multiplications.
const V: usize = 2;

/// Where the rows of a matrix start.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a, T> {
    /// At the same distance.
    Even { first: *const T, distance: usize },
    /// Anywhere.
    Each(&'a [*const T]),
}

impl<T> Rows<'_, T> {
    /// # Safety
    ///
    /// There is a row number `row`.
    #[inline(always)]
    unsafe fn start(self, row: usize) -> *const T {
        match self {
            // SAFETY: as the caller promises.
            Rows::Even { first, distance } => unsafe { first.add(row * distance) },
            Rows::Each(starts) => starts[row],
        }
    }
}

/// A product `a b` of `[rows, depth]` and `[depth, PANEL]`; `b`'s rows are contiguous.
#[derive(Clone, Copy)]
pub(super) struct Term<'a, T> {
    pub a: Rows<'a, T>,
    /// From column to column of `a`.
    pub a_column: usize,
    pub b: *const T,
    /// From row to row of `b`.
    pub b_row: usize,
    pub depth: usize,
}

/// Writes the sum of `terms`, `[rows, PANEL]`, to `out`, whose rows are `out_row` apart; added to what
/// is there if `add`. The terms of one entry are added one after the other, each product and sum
/// rounded once.
///
/// # Safety
///
/// All that the sizes and distances lead to may be read, and what lies at `out` be written.
#[inline(always)]
pub(super) unsafe fn sum<T: Lanes, S: Simd>(
    simd: S,
    terms: &[Term<T>],
    rows: usize,
    out: *mut T,
    out_row: usize,
    add: bool,
) {
    let wide = V * size_of::<T::Vector<S>>() / size_of::<T>();
    for row in (0..rows).step_by(ROWS) {
        for column in (0..PANEL).step_by(wide) {
            let at = At {
                row,
                column,
                out_row,
                add,
            };
            // SAFETY: within `rows` and the panel, as the caller promises for all of them.
            unsafe {
                let out = out.add(row * out_row + column);
                match rows - row {
                    1 => tile::<T, S, 1>(simd, terms, out, at),
                    2 => tile::<T, S, 2>(simd, terms, out, at),
                    3 => tile::<T, S, 3>(simd, terms, out, at),
                    4 => tile::<T, S, 4>(simd, terms, out, at),
                    5 => tile::<T, S, 5>(simd, terms, out, at),
                    6 => tile::<T, S, 6>(simd, terms, out, at),
                    7 => tile::<T, S, 7>(simd, terms, out, at),
                    _ => tile::<T, S, ROWS>(simd, terms, out, at),
                }
            }
        }
    }
}

/// Where a tile lies.
#[derive(Clone, Copy)]
struct At {
    row: usize,
    column: usize,
    out_row: usize,
    add: bool,
}

/// `R` rows of `V` vectors.
///
/// # Safety
///
/// As for [`sum`].
#[inline(always)]
unsafe fn tile<T: Lanes, S: Simd, const R: usize>(simd: S, terms: &[Term<T>], out: *mut T, at: At) {
    let At {
        row,
        column,
        out_row,
        add,
    } = at;
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let zero = T::splat(simd, T::zero());
    let mut sums = [[zero; V]; R];
    // SAFETY: as `sum`'s caller promises.
    unsafe {
        if add {
            for (r, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = out
                        .add(r * out_row + v * lanes)
                        .cast::<T::Vector<S>>()
                        .read_unaligned();
                }
            }
        }
        for term in terms {
            let mut a = [std::ptr::null(); R];
            for (r, a) in a.iter_mut().enumerate() {
                *a = term.a.start(row + r);
            }
            let mut b = term.b.add(column);
            for i in 0..term.depth {
                let mut strip = [zero; V];
                for (v, strip) in strip.iter_mut().enumerate() {
                    *strip = b.add(v * lanes).cast::<T::Vector<S>>().read_unaligned();
                }
                for (a, sums) in a.iter().zip(&mut sums) {
                    let x = T::splat(simd, *a.add(i * term.a_column));
                    for (sum, y) in sums.iter_mut().zip(strip) {
                        *sum = T::fused(simd, x, y, *sum);
                    }
                }
                b = b.add(term.b_row);
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                out.add(r * out_row + v * lanes)
                    .cast::<T::Vector<S>>()
                    .write_unaligned(*sum);
            }
        }
    }
}
