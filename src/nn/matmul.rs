//! Matrix products on slices, using candle's own kernels, on the calling thread alone.
//!
//! Parallelism belongs to runs. A product on one thread also gives the same bits whatever
//! `RAYON_NUM_THREADS` is.

use candle_core::WithDType;

/// A slice seen as a matrix.
#[derive(Clone, Copy)]
pub(super) struct Mat<'a, T> {
    data: &'a [T],
    rows: usize,
    cols: usize,
    transposed: bool,
}

impl<'a, T> Mat<'a, T> {
    /// `data` as `rows` x `cols`, row by row.
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols);
        Self {
            data,
            rows,
            cols,
            transposed: false,
        }
    }

    /// Its transpose.
    pub fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            transposed: !self.transposed,
        }
    }

    /// `rows` rows from `first` on; a transpose gives only all of its rows.
    fn rows(self, first: usize, rows: usize) -> Self {
        if self.transposed {
            assert!(first == 0 && rows == self.rows);
            return self;
        }
        let data = &self.data[first * self.cols..(first + rows) * self.cols];
        Self { data, rows, ..self }
    }

    fn strides(&self) -> (isize, isize) {
        if self.transposed {
            (1, self.rows as isize)
        } else {
            (self.cols as isize, 1)
        }
    }
}

/// Appends the product `a b` to `out`, row by row. `T` is f32 or f64.
pub(super) fn matmul<T: WithDType>(out: &mut Vec<T>, a: Mat<T>, b: Mat<T>) {
    let (m, n) = (a.rows, b.cols);
    if cost(b.t(), a.t()) + m * n < cost(a, b) {
        let mut transposed = Vec::new();
        append(&mut transposed, b.t(), a.t());
        out.reserve(m * n);
        for row in 0..m {
            out.extend(transposed[row..].iter().step_by(m));
        }
    } else {
        append(out, a, b);
    }
}

/// Up to this size of the product, gemm multiplies rows by rows as stored. For larger products it
/// first moves them number by number.
const ROWS_TIMES_ROWS: usize = 256;

/// Adds the product `a b` to `out`, row by row. `T` is f32 or f64.
pub(super) fn add_matmul<T: WithDType>(out: &mut [T], a: Mat<T>, b: Mat<T>) {
    assert_eq!(out.len(), a.rows * b.cols);
    // With more columns this does not pay: each is read again for every few rows.
    let few = !a.transposed && b.transposed && (1..=16).contains(&b.cols);
    let rows = if few {
        ROWS_TIMES_ROWS / b.cols
    } else {
        a.rows
    };
    let blocks = out.chunks_mut((rows * b.cols).max(1));
    for (block, out) in blocks.enumerate() {
        let a = a.rows(block * rows, out.len() / b.cols);
        // SAFETY: `out` has the product's length and is initialised.
        unsafe { product(out.as_mut_ptr(), true, a, b) }
    }
}

/// The rough cost of `a b` in vector operations: multiplications with vectors along `b`'s rows, and the
/// numbers moved one by one if those rows are not contiguous.
fn cost<T>(a: Mat<T>, b: Mat<T>) -> usize {
    let lanes = 64 / size_of::<T>();
    let multiply = a.rows * a.cols * b.cols.div_ceil(lanes);
    // If either side is a vector, nothing is moved.
    let moved = b.transposed && a.rows > 1 && b.cols > 1;
    multiply + if moved { b.rows * b.cols } else { 0 }
}

fn append<T: WithDType>(out: &mut Vec<T>, a: Mat<T>, b: Mat<T>) {
    let (len, more) = (out.len(), a.rows * b.cols);
    out.reserve(more);
    // SAFETY: the product goes to the places reserved behind `out`'s end. It writes all of them and reads
    // none.
    unsafe {
        product(out.as_mut_ptr().add(len), false, a, b);
        out.set_len(len + more);
    }
}

/// Writes the product `a b` to `out`, or adds it.
///
/// # Safety
///
/// `out` has `a.rows * b.cols` places that may be written, which hold numbers if `add`.
unsafe fn product<T: WithDType>(out: *mut T, add: bool, a: Mat<T>, b: Mat<T>) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    assert_eq!(b.rows, k);
    let ((a_rs, a_cs), (b_rs, b_cs)) = (a.strides(), b.strides());
    let one = T::from_f64(1.0);
    // SAFETY: the lengths of `a` and `b`, asserted when they were made, and the strides that follow from
    // them keep every read within their slices. `out` is as the caller promises.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out,
            1,
            n as isize,
            add,
            a.data.as_ptr(),
            a_cs,
            a_rs,
            b.data.as_ptr(),
            b_cs,
            b_rs,
            one,
            one,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplies_in_every_orientation() {
        // Small, wide enough to be transposed, and more rows than one block takes.
        for (m, k, n) in [(5, 7, 3), (2, 30, 50), (200, 6, 5)] {
            multiplies(m, k, n);
        }
    }

    fn multiplies(m: usize, k: usize, n: usize) {
        let a: Vec<f64> = (0..m * k).map(|i| i as f64 - 9.0).collect();
        let b: Vec<f64> = (0..k * n).map(|i| (i * i % 11) as f64).collect();
        let transpose = |x: &[f64], rows: usize, cols: usize| -> Vec<f64> {
            (0..rows * cols)
                .map(|i| x[i % rows * cols + i / rows])
                .collect()
        };
        let (a_t, b_t) = (transpose(&a, m, k), transpose(&b, k, n));
        let entry = |i: usize| -> f64 { (0..k).map(|j| a[i / n * k + j] * b[j * n + i % n]).sum() };
        let expected: Vec<f64> = (0..m * n).map(entry).collect();
        for a in [Mat::new(&a, m, k), Mat::new(&a_t, k, m).t()] {
            for b in [Mat::new(&b, k, n), Mat::new(&b_t, n, k).t()] {
                let mut out = vec![7.0];
                matmul(&mut out, a, b);
                assert_eq!(out[0], 7.0);
                assert_eq!(out[1..], expected);
                add_matmul(&mut out[1..], a, b);
                let twice: Vec<f64> = expected.iter().map(|x| 2.0 * x).collect();
                assert_eq!(out[1..], twice);
            }
        }
    }
}
