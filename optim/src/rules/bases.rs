//! Orthonormal bases of small dense matrices, on the calling thread alone and in a fixed order.
//!
//! All of it is in f64. In f32 the directions of eigenvalues below a millionth of the largest would be noise.

use crate::{
    parts::{sum_of_squares, sum_of_terms},
    vectorised,
};

/// Jacobi's rotations converge quadratically; more sweeps than this happen only to numbers that are not finite.
const MOST_SWEEPS: usize = 30;

/// An orthonormal basis of `n` vectors, one after the other, by Householder's reflections. Its first vectors span what
/// as many of `vectors`, each of length `n`, span, and the others complete it. They depend on the spans alone, so that
/// rounding does not choose among them.
pub(super) fn orthonormal(vectors: Vec<f64>, n: usize) -> Vec<f64> {
    vectorised(
        #[inline(always)]
        || mirrored(vectors, n),
    )
}

#[inline(always)]
fn mirrored(mut vectors: Vec<f64>, n: usize) -> Vec<f64> {
    let count = vectors.len() / n;
    let mut squares = vec![0.0; count];
    for i in 0..count {
        let (own, later) = vectors[i * n..].split_at_mut(n);
        let mirror = &mut own[i..];
        let size = sum_of_squares(mirror).sqrt();
        mirror[0] += size.copysign(mirror[0]);
        squares[i] = sum_of_squares(mirror);
        for other in later.chunks_exact_mut(n) {
            reflect(mirror, squares[i], &mut other[i..]);
        }
    }
    let mut basis = identity(n);
    for i in (0..count).rev() {
        let mirror = &vectors[i * n + i..(i + 1) * n];
        // Unit vectors before this one have nothing where the mirror has something.
        for vector in basis[i * n..].chunks_exact_mut(n) {
            reflect(mirror, squares[i], &mut vector[i..]);
        }
    }
    basis
}

/// Mirrors `x` at the plane that `mirror`, whose sum of squares is `square`, stands on. A mirror of zeros is none.
#[inline(always)]
fn reflect(mirror: &[f64], square: f64, x: &mut [f64]) {
    if square == 0.0 {
        return;
    }
    let twice = 2.0 * dot(mirror, x) / square;
    for (x, v) in x.iter_mut().zip(mirror) {
        *x -= twice * v;
    }
}

/// Orthogonal vectors that are rotations of `vectors`, each of length `n`, the longest first, and the orthonormal basis of
/// coefficients that makes them: the singular value decomposition, by Jacobi's rotations of one side (Hestenes 1958).
pub(super) fn rotated_apart(vectors: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>) {
    vectorised(
        #[inline(always)]
        || jacobi(vectors, n),
    )
}

#[inline(always)]
fn jacobi(mut vectors: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>) {
    let count = vectors.len() / n;
    let mut coefficients = identity(count);
    for _ in 0..MOST_SWEEPS {
        let mut apart = true;
        for j in 1..count {
            for i in 0..j {
                let (x, y) = pair(&mut vectors, n, i, j);
                let (a, b, c) = (sum_of_squares(x), sum_of_squares(y), dot(x, y));
                if c.abs() <= f64::EPSILON * n as f64 * (a * b).sqrt() {
                    continue;
                }
                apart = false;
                let cotangent = (b - a) / (2.0 * c);
                let root = (1.0 + cotangent * cotangent).sqrt();
                let tangent = 1f64.copysign(cotangent) / (cotangent.abs() + root);
                let cos = 1.0 / (1.0 + tangent * tangent).sqrt();
                rotate(x, y, cos, cos * tangent);
                let (x, y) = pair(&mut coefficients, count, i, j);
                rotate(x, y, cos, cos * tangent);
            }
        }
        if apart {
            break;
        }
    }
    let sizes: Vec<f64> = vectors.chunks_exact(n).map(sum_of_squares).collect();
    let order = descending(&sizes);
    (
        ordered(&vectors, n, &order),
        ordered(&coefficients, count, &order),
    )
}

/// Vectors number `i` and `j`, of which `i` comes first.
fn pair(vectors: &mut [f64], n: usize, i: usize, j: usize) -> (&mut [f64], &mut [f64]) {
    let (before, after) = vectors.split_at_mut(j * n);
    (&mut before[i * n..(i + 1) * n], &mut after[..n])
}

#[inline(always)]
fn rotate(x: &mut [f64], y: &mut [f64], cos: f64, sin: f64) {
    for (x, y) in x.iter_mut().zip(y) {
        (*x, *y) = (cos * *x - sin * *y, sin * *x + cos * *y);
    }
}

/// The places of `sizes`, the largest first; of equal ones the first.
pub(super) fn descending(sizes: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|a, b| sizes[*b].total_cmp(&sizes[*a]));
    order
}

/// `vectors`, each of length `n`, in this order.
pub(super) fn ordered(vectors: &[f64], n: usize, order: &[usize]) -> Vec<f64> {
    let vector = |i: &usize| &vectors[i * n..(i + 1) * n];
    order.iter().flat_map(vector).copied().collect()
}

#[inline(always)]
pub(super) fn dot(x: &[f64], y: &[f64]) -> f64 {
    sum_of_terms(x.len(), |i| x[i] * y[i])
}

fn identity(n: usize) -> Vec<f64> {
    let mut unit = vec![0.0; n * n];
    unit.iter_mut().step_by(n + 1).for_each(|x| *x = 1.0);
    unit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waves(count: usize) -> Vec<f64> {
        let wave = |i: usize| (i as f64 * 1.7 + 0.3).sin() * 10f64.powi(i as i32 % 5);
        (0..count).map(wave).collect()
    }

    fn assert_orthonormal(basis: &[f64], n: usize) {
        assert_eq!(basis.len(), n * n);
        for (i, x) in basis.chunks(n).enumerate() {
            for (j, y) in basis.chunks(n).enumerate() {
                let unit = f64::from(u8::from(i == j));
                assert!((dot(x, y) - unit).abs() < 1e-13, "{i} {j}");
            }
        }
    }

    #[test]
    fn a_basis_spans_what_it_is_made_of_and_is_complete() {
        let (n, count) = (7, 4);
        let vectors = waves(n * count);
        let basis = orthonormal(vectors.clone(), n);
        assert_orthonormal(&basis, n);
        for (i, vector) in vectors.chunks(n).enumerate() {
            // Nothing of it is along the vectors that come after its own.
            for later in basis.chunks(n).skip(i + 1) {
                assert!(dot(vector, later).abs() < 1e-11 * dot(vector, vector).sqrt());
            }
        }
        // Signs and lengths do not choose the rest.
        let turned: Vec<f64> = vectors.iter().map(|x| -3.0 * x).collect();
        let other = orthonormal(turned, n);
        for (x, y) in basis[count * n..].iter().zip(&other[count * n..]) {
            assert!((x - y).abs() < 1e-13);
        }
    }

    #[test]
    fn vectors_of_zeros_leave_a_basis() {
        let mut vectors = waves(12);
        vectors[4..8].fill(0.0);
        assert_orthonormal(&orthonormal(vectors, 4), 4);
        assert_eq!(orthonormal(vec![0.0; 9], 3), identity(3));
    }

    #[test]
    fn rotations_make_vectors_orthogonal_and_can_be_undone() {
        let (count, n) = (5, 6);
        let vectors = waves(count * n);
        let (apart, coefficients) = rotated_apart(vectors.clone(), n);
        assert_orthonormal(&coefficients, count);
        let sizes: Vec<f64> = apart.chunks(n).map(|x| dot(x, x).sqrt()).collect();
        assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
        for (i, x) in apart.chunks(n).enumerate() {
            for (j, y) in apart.chunks(n).enumerate().skip(i + 1) {
                assert!(dot(x, y).abs() < 1e-13 * sizes[i] * sizes[j], "{i} {j}");
            }
            for k in 0..n {
                let made = (0..count).map(|j| coefficients[i * count + j] * vectors[j * n + k]);
                assert!((made.sum::<f64>() - x[k]).abs() < 1e-12 * sizes[0]);
            }
        }
    }

    #[test]
    fn numbers_that_are_not_finite_end_too() {
        let mut vectors = waves(12);
        vectors[5] = f64::NAN;
        let (apart, _) = rotated_apart(vectors.clone(), 4);
        assert!(apart.iter().any(|x| x.is_nan()));
        assert!(orthonormal(vectors, 4).iter().any(|x| x.is_nan()));
    }
}
