//! Matrix products on slices, on the calling thread alone, so that the number of threads changes no bit.

use crate::Element;

/// A slice seen as a matrix, row by row, or the transpose of one.
#[derive(Clone, Copy)]
pub struct Matrix<'a, R> {
    numbers: &'a [R],
    rows: usize,
    columns: usize,
    /// From one row and from one column to the next.
    strides: [isize; 2],
}

impl<'a, R> Matrix<'a, R> {
    /// `numbers`, row by row.
    ///
    /// # Panics
    /// If there are not `rows` times `columns` of them.
    pub fn new(numbers: &'a [R], rows: usize, columns: usize) -> Self {
        assert_eq!(numbers.len(), rows * columns);
        Self {
            numbers,
            rows,
            columns,
            strides: [columns as isize, 1],
        }
    }

    /// Its transpose.
    pub fn transposed(self) -> Self {
        let [row, column] = self.strides;
        Self {
            rows: self.columns,
            columns: self.rows,
            strides: [column, row],
            ..self
        }
    }
}

/// `out <- keep out + scale a b`, row by row.
///
/// # Panics
/// If the sizes do not fit together.
pub fn multiply_add<R: Element>(out: &mut [R], keep: f64, scale: f64, a: Matrix<R>, b: Matrix<R>) {
    assert_eq!(a.columns, b.rows);
    assert_eq!(out.len(), a.rows * b.columns);
    // SAFETY: the strides of `a` and `b` keep every read within their slices, as their lengths were
    // asserted when they were made. `out` has the product's length and is initialised.
    unsafe {
        R::gemm(
            [a.rows, b.columns, a.columns],
            out.as_mut_ptr(),
            (a.numbers.as_ptr(), a.strides),
            (b.numbers.as_ptr(), b.strides),
            [keep, scale],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Matrix, multiply_add};

    #[test]
    fn products_are_those_of_the_definition() {
        let a: Vec<f64> = (0..6).map(|i| f64::from(i) - 2.0).collect();
        let b: Vec<f64> = (0..12).map(|i| f64::from(i * i)).collect();
        let entry = |i: usize, j: usize| (0..3).map(|k| a[i * 3 + k] * b[k * 4 + j]).sum::<f64>();
        let mut out = vec![1.0; 8];
        let (left, right) = (Matrix::new(&a, 2, 3), Matrix::new(&b, 3, 4));
        multiply_add(&mut out, 0.5, 2.0, left, right);
        for i in 0..2 {
            for j in 0..4 {
                assert_eq!(out[i * 4 + j], 0.5 + 2.0 * entry(i, j));
            }
        }
        // (a b)^T = b^T a^T, and what `out` held is not read where nothing of it is kept.
        let mut other = vec![f64::NAN; 8];
        multiply_add(&mut other, 0.0, 1.0, right.transposed(), left.transposed());
        assert_eq!(other[3 * 2 + 1], entry(1, 3));
        assert!(other.iter().all(|x| x.is_finite()));
    }
}
