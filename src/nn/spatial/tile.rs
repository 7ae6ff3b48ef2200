//! The product that every pass of a convolution reduces to: a few rows of one matrix times a strip of
//! another.

use pulp::Simd;

use super::{lanes::Lanes, panels::PANEL};

/// Vectors in a row of a tile.
const VECTORS: usize = 2;

/// Rows of a tile: enough to hide the latency of the multiplications, and few enough for all its sums to stay in
/// registers, next to a strip of `b` and a number of `a`, with AVX2 (16 registers), AVX-512 and NEON (32). The
/// result does not depend on it, because an entry's terms are added in the same order.
const fn tile_rows<T: Lanes, S: Simd>() -> usize {
    match size_of::<T::Vector<S>>() {
        32 => 6,
        _ => 8,
    }
}

/// Where the rows of a matrix start.
#[derive(Clone, Copy)]
pub(super) enum RowStarts<'a, T> {
    /// At even distances.
    Even { first: *const T, distance: usize },
    /// Anywhere.
    Each(&'a [*const T]),
}

impl<T> RowStarts<'_, T> {
    /// # Safety
    ///
    /// There is a row `row`.
    #[inline(always)]
    unsafe fn start(self, row: usize) -> *const T {
        match self {
            // SAFETY: as the caller promises.
            RowStarts::Even { first, distance } => unsafe { first.add(row * distance) },
            RowStarts::Each(starts) => starts[row],
        }
    }
}

/// A product `a b` of `[rows, depth]` and `[depth, PANEL]`; `b`'s rows are contiguous.
#[derive(Clone, Copy)]
pub(super) struct ProductTerm<'a, T> {
    pub a: RowStarts<'a, T>,
    /// The distance from column to column of `a`.
    pub a_column: usize,
    pub b: *const T,
    /// The distance from row to row of `b`.
    pub b_row: usize,
    pub depth: usize,
}

/// Writes the sum of `terms`, `[rows, PANEL]`, to `out`, whose rows are `out_row` apart; adds it to
/// what is there if `add`. The terms of an entry are added one by one with fused multiply-adds, each of
/// which rounds once.
///
/// # Safety
///
/// The sizes and distances of the terms must describe memory that may be read, and those of `out`
/// memory that may be written and, if `add`, read.
#[inline(always)]
pub(super) unsafe fn sum_products<T: Lanes, S: Simd>(
    simd: S,
    terms: &[ProductTerm<T>],
    rows: usize,
    out: *mut T,
    out_row: usize,
    add: bool,
) {
    let columns = VECTORS * size_of::<T::Vector<S>>() / size_of::<T>();
    let most = tile_rows::<T, S>();
    for row in (0..rows).step_by(most) {
        for column in (0..PANEL).step_by(columns) {
            let at = TilePosition {
                row,
                column,
                out_row,
                add,
            };
            // SAFETY: within `rows` and the panel, as the caller promises for all of them.
            unsafe {
                let out = out.add(row * out_row + column);
                match most.min(rows - row) {
                    1 => tile::<T, S, 1>(simd, terms, out, at),
                    2 => tile::<T, S, 2>(simd, terms, out, at),
                    3 => tile::<T, S, 3>(simd, terms, out, at),
                    4 => tile::<T, S, 4>(simd, terms, out, at),
                    5 => tile::<T, S, 5>(simd, terms, out, at),
                    6 => tile::<T, S, 6>(simd, terms, out, at),
                    7 => tile::<T, S, 7>(simd, terms, out, at),
                    8 => tile::<T, S, 8>(simd, terms, out, at),
                    _ => unreachable!("a tile has at most 8 rows"),
                }
            }
        }
    }
}

/// The position of a tile in the output.
#[derive(Clone, Copy)]
struct TilePosition {
    row: usize,
    column: usize,
    out_row: usize,
    add: bool,
}

/// Computes a tile of `R` rows of `VECTORS` vectors.
///
/// # Safety
///
/// As for [`sum_products`].
#[inline(always)]
unsafe fn tile<T: Lanes, S: Simd, const R: usize>(
    simd: S,
    terms: &[ProductTerm<T>],
    out: *mut T,
    at: TilePosition,
) {
    let TilePosition {
        row,
        column,
        out_row,
        add,
    } = at;
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let zero = T::splat(simd, T::zero());
    let mut sums = [[zero; VECTORS]; R];
    // SAFETY: as the caller of `sum_products` promises.
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
                let mut strip = [zero; VECTORS];
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
