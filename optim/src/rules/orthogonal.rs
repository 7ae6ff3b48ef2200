//! The nearest matrix with orthogonal rows or columns, by products alone.

use crate::{Element, Matrix, multiply_add, parts::sum_of_squares};

/// How [`orthogonalise`] iterates.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewtonSchulz {
    /// `X <- a X + b (X X^T) X + c (X X^T)^2 X`.
    pub coefficients: [f64; 3],
    pub steps: usize,
    /// The norm that a smaller matrix counts as having.
    pub eps: f64,
}

/// Makes every singular value of `x`, `rows` times `columns`, about 1 and leaves its singular vectors as they are.
///
/// An odd polynomial of a matrix is the same polynomial of its singular values. The matrix is first divided by
/// its norm, so that none of them is above 1.
pub(super) fn orthogonalise<R: Element>(
    how: NewtonSchulz,
    x: &mut Vec<R>,
    rows: usize,
    columns: usize,
) {
    let [a, b, c] = how.coefficients;
    let norm = R::constant(sum_of_squares(x).sqrt()).max(R::constant(how.eps));
    x.iter_mut().for_each(|x| *x = *x / norm);
    // The smaller of the two products with the transpose gives the same.
    let (wide, side) = (rows <= columns, rows.min(columns));
    let zeros = |n| vec![R::constant(0.0); n];
    let (mut gram, mut polynomial) = (zeros(side * side), zeros(side * side));
    let mut next = zeros(x.len());
    for _ in 0..how.steps {
        let matrix = Matrix::new(x, rows, columns);
        let transposed = matrix.transposed();
        let (left, right) = match wide {
            true => (matrix, transposed),
            false => (transposed, matrix),
        };
        multiply_add(&mut gram, 0.0, 1.0, left, right);
        polynomial.copy_from_slice(&gram);
        let square = Matrix::new(&gram, side, side);
        multiply_add(&mut polynomial, b, c, square, square);
        next.copy_from_slice(x);
        let square = Matrix::new(&polynomial, side, side);
        let (left, right) = match wide {
            true => (square, matrix),
            false => (matrix, square),
        };
        multiply_add(&mut next, a, 1.0, left, right);
        std::mem::swap(x, &mut next);
    }
}

#[cfg(test)]
mod tests {
    use super::{NewtonSchulz, orthogonalise};

    #[test]
    fn singular_values_come_to_about_one_and_vectors_stay() {
        // The cubic iteration converges: to the rotation in a rotated and stretched pair of axes.
        let how = NewtonSchulz {
            coefficients: [1.5, -0.5, 0.0],
            steps: 40,
            eps: 1e-7,
        };
        let (sin, cos) = 0.3_f64.sin_cos();
        let (sin2, cos2) = 1.1_f64.sin_cos();
        let product = |s: f64, t: f64| {
            // U diag(s, t) V^T for two rotations.
            vec![
                cos * s * cos2 + sin * t * sin2,
                cos * s * sin2 - sin * t * cos2,
                sin * s * cos2 - cos * t * sin2,
                sin * s * sin2 + cos * t * cos2,
            ]
        };
        let mut x = product(3.0, 0.2);
        orthogonalise(how, &mut x, 2, 2);
        for (x, y) in x.iter().zip(product(1.0, 1.0)) {
            assert!((x - y).abs() < 1e-12, "{x} {y}");
        }
    }

    #[test]
    fn a_tall_matrix_is_the_transpose_of_a_wide_one() {
        let how = NewtonSchulz {
            coefficients: [3.4445, -4.775, 2.0315],
            steps: 5,
            eps: 1e-7,
        };
        let (rows, columns) = (7, 3);
        let tall: Vec<f64> = (0..21).map(|i| f64::from(i * i % 11) - 4.0).collect();
        let mut wide: Vec<f64> = (0..21)
            .map(|i| tall[i % rows * columns + i / rows])
            .collect();
        let mut tall = tall;
        orthogonalise(how, &mut tall, rows, columns);
        orthogonalise(how, &mut wide, columns, rows);
        for i in 0..21 {
            assert!((wide[i] - tall[i % rows * columns + i / rows]).abs() < 1e-13);
        }
        let mut zero = vec![0.0f32; 6];
        orthogonalise(how, &mut zero, 2, 3);
        assert_eq!(zero, [0.0; 6]);
    }
}
