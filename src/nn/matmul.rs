//! Matrix products on slices, by the kernels candle itself uses, on the calling thread alone.
//!
//! Parallelism belongs to runs, and one thread a product makes its bits the
//! same whatever `RAYON_NUM_THREADS` says.

use candle_core::WithDType;

/// A view of a matrix in a slice.
#[derive(Clone, Copy)]
pub(super) struct Mat<'a, T> {
    data: &'a [T],
    rows: usize,
    cols: usize,
    transposed: bool,
}

impl<'a, T> Mat<'a, T> {
    /// `data` as `rows` x `cols`, row after row.
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

    fn strides(&self) -> (isize, isize) {
        if self.transposed {
            (1, self.rows as isize)
        } else {
            (self.cols as isize, 1)
        }
    }
}

/// Appends the product `a b` to `out`, row after row. `T` is f32 or f64.
pub(super) fn matmul<T: WithDType>(out: &mut Vec<T>, a: Mat<T>, b: Mat<T>) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    assert_eq!(b.rows, k);
    out.reserve(m * n);
    let ((a_rs, a_cs), (b_rs, b_cs)) = (a.strides(), b.strides());
    let one = T::from_f64(1.0);
    // SAFETY: the lengths of `a` and `b`, asserted when they were made, and the
    // strides that follow from them keep every read within their slices; the
    // product goes to the m * n places reserved behind `out`'s end, all of which
    // it writes and none of which it reads.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr().add(out.len()),
            1,
            n as isize,
            false,
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
        out.set_len(out.len() + m * n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplies_in_every_orientation() {
        let (m, k, n) = (5, 7, 3);
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
            }
        }
    }
}
