//! Orthogonal initial weights.

use candle_core::Tensor;
use optim::Parameter;
use rand::Rng;

use crate::Result;

/// Draws the weights of a network afresh: each layer's an orthogonal matrix (Saxe et al. 2014; PyTorch's
/// `orthogonal_`) times `gain`, and its biases 0. The rows of the last layer are drawn in the groups of `heads`, each
/// a number of rows and a gain of their own.
///
/// `parameters` are a weight `[agents, out, ...in]` and a bias `[agents, out]` for each layer in turn. Each agent draws
/// from its own stream.
pub fn orthogonal(
    parameters: &[Parameter],
    gain: f64,
    heads: &[(usize, f64)],
    streams: &mut [impl Rng],
) -> Result<()> {
    let layers = parameters.chunks_exact(2);
    let last = layers.len().saturating_sub(1);
    for (number, layer) in layers.enumerate() {
        let [weight, bias] = layer else { continue };
        let (dims, device) = (weight.var.dims(), weight.var.device());
        let (rows, columns) = (dims[1], dims[2..].iter().product());
        let whole = [(rows, gain)];
        let groups = if number == last { heads } else { &whole[..] };
        let mut values = Vec::with_capacity(weight.var.elem_count());
        for stream in &mut *streams {
            for (rows, gain) in groups {
                let drawn = orthonormal(stream, *rows, columns);
                values.extend(drawn.into_iter().map(|x| x * gain));
            }
        }
        let values = Tensor::from_vec(values, dims, device)?;
        weight.var.set(&values.to_dtype(weight.var.dtype())?)?;
        bias.var.set(&bias.var.as_tensor().zeros_like()?)?;
    }
    Ok(())
}

/// A matrix of `rows` x `columns`, row by row, whose rows are orthonormal, or whose columns are if there are more rows:
/// uniform among those there are.
fn orthonormal(rng: &mut impl Rng, rows: usize, columns: usize) -> Vec<f64> {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut vector: Vec<f64> = (0..length).map(|_| normal(rng)).collect();
        // Once leaves a rounding error of the others in it.
        for _ in 0..2 {
            for other in &vectors {
                let along = dot(&vector, other);
                vector
                    .iter_mut()
                    .zip(other)
                    .for_each(|(x, o)| *x -= along * o);
            }
        }
        let norm = dot(&vector, &vector).sqrt();
        vector.iter_mut().for_each(|x| *x /= norm);
        vectors.push(vector);
    }
    if rows <= columns {
        return vectors.concat();
    }
    let entries = (0..rows * columns).map(|at| vectors[at % columns][at / columns]);
    entries.collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A draw from the standard normal distribution, by Marsaglia's polar method (Marsaglia & Bray 1964).
fn normal(rng: &mut impl Rng) -> f64 {
    loop {
        let (x, y) = (rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0));
        let square: f64 = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            return x * (-2.0 * square.ln() / square).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn rows_or_columns_are_orthonormal() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for (rows, columns) in [(64, 4), (4, 64), (30, 30), (1, 7), (7, 1)] {
            let matrix = orthonormal(&mut rng, rows, columns);
            let entry = |row: usize, column: usize| matrix[row * columns + column];
            for i in 0..rows.min(columns) {
                for j in 0..=i {
                    let terms = (0..rows.max(columns)).map(|k| match rows <= columns {
                        true => entry(i, k) * entry(j, k),
                        false => entry(k, i) * entry(k, j),
                    });
                    let product: f64 = terms.sum();
                    let expected = f64::from(u8::from(i == j));
                    assert!(
                        (product - expected).abs() < 1e-14,
                        "{rows}x{columns}: {product}"
                    );
                }
            }
        }
    }

    #[test]
    fn draws_are_normal() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let draws: Vec<f64> = (0..100_000).map(|_| normal(&mut rng)).collect();
        let moment = |k: i32| draws.iter().map(|x| x.powi(k)).sum::<f64>() / draws.len() as f64;
        // Within five standard errors.
        assert!(moment(1).abs() < 0.016 && (moment(2) - 1.0).abs() < 0.023);
        assert!((moment(4) - 3.0).abs() < 0.16);
    }
}
