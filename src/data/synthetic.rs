//! A data set that needs no files: each class is a smooth coloured pattern, seen through noise.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::split::{CLASSES, Split};
use crate::streams::{Stream, stream};

/// Channels, height and width of an image.
pub const SHAPE: [usize; 3] = [3, 32, 32];
/// Training images of the data set called synthetic.
pub const TRAIN: usize = 500;
/// Test images of the data set called synthetic.
pub const TEST: usize = 200;

/// A pattern has this many random brightnesses along each side and is interpolated between them.
const KNOTS: usize = 4;
/// The most by which a pattern departs from grey.
const CONTRAST: f32 = 40.0;
/// The most by which noise moves a pixel.
const NOISE: f32 = 80.0;

/// One split of `sizes[0]` images, then one of `sizes[1]`, all drawn from `seed`. Image `i` of each is
/// of class `i % 10`.
pub fn splits(seed: u64, sizes: [usize; 2]) -> [Split; 2] {
    let mut rng = stream(seed, Stream::Synthetic);
    let patterns: Vec<Vec<f32>> = (0..CLASSES).map(|_| pattern(&mut rng)).collect();
    sizes.map(|n| {
        let mut images = Vec::with_capacity(n * patterns[0].len());
        let labels: Vec<u8> = (0..n).map(|i| (i % CLASSES) as u8).collect();
        for label in &labels {
            let pattern = &patterns[usize::from(*label)];
            images.extend(pattern.iter().map(|mean| {
                let noisy = mean + rng.random_range(-NOISE..NOISE);
                noisy.clamp(0.0, 255.0) as u8
            }));
        }
        Split::new(images, labels, SHAPE)
    })
}

/// The brightnesses of one image, interpolated between random knots.
fn pattern(rng: &mut ChaCha8Rng) -> Vec<f32> {
    let [channels, height, width] = SHAPE;
    let mut pattern = Vec::with_capacity(channels * height * width);
    for _ in 0..channels {
        let knots: [[f32; KNOTS]; KNOTS] =
            std::array::from_fn(|_| std::array::from_fn(|_| rng.random_range(-CONTRAST..CONTRAST)));
        for y in 0..height {
            for x in 0..width {
                let (row, down) = knot_before(y, height);
                let (column, right) = knot_before(x, width);
                let along = |row: usize| {
                    knots[row][column] * (1.0 - right) + knots[row][column + 1] * right
                };
                pattern.push(127.5 + along(row) * (1.0 - down) + along(row + 1) * down);
            }
        }
    }
    pattern
}

/// The knot before position `i` of `n`, and the fraction of the way to the next knot.
fn knot_before(i: usize, n: usize) -> (usize, f32) {
    let at = i as f32 / (n - 1) as f32 * (KNOTS - 1) as f32;
    let knot = (at as usize).min(KNOTS - 2);
    (knot, at - knot as f32)
}
