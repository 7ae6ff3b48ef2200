//! Long vectors: sums in f64, in a fixed order, so that they are the same everywhere.

use optim::{Real, vectorised};

/// The inner product.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 16;
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let lanes = vectorised(
        #[inline(always)]
        || {
            let mut lanes = [0.0; LANES];
            for (a, b) in a.iter().zip(b) {
                for i in 0..LANES {
                    lanes[i] += f64::from(a[i]) * f64::from(b[i]);
                }
            }
            lanes
        },
    );
    let rest = a_rest.iter().zip(b_rest);
    let rest: f64 = rest.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    lanes.iter().sum::<f64>() + rest
}

/// The Euclidean norm.
pub(super) fn norm(a: &[f32]) -> f64 {
    dot(a, a).sqrt()
}

/// The cosine of the angle between two vectors; none if one of them is 0 or not a number.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> Option<f64> {
    let cosine = dot(a, b) / (norm(a) * norm(b));
    cosine.is_finite().then_some(cosine)
}

/// `a to + b x`, in place. Subnormal results, which would slow down all later operations, become 0.
pub(super) fn mix(a: f32, to: &mut [f32], b: f32, x: &[f32]) {
    vectorised(
        #[inline(always)]
        || {
            for (to, x) in to.iter_mut().zip(x) {
                *to = (a * *to + b * x).flush();
            }
        },
    );
}

/// `a - b`.
pub(super) fn difference(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}
