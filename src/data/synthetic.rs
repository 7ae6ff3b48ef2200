//! A data set that needs no files: each class is a smooth coloured pattern, seen through noise.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    Dataset, DatasetName, cifar,
    split::{CLASSES, Split},
};
use crate::streams::{Stream, stream};

/// A pattern is given by this many brightnesses along each side, and between them is interpolated.
const KNOTS: usize = 4;
/// How far a pattern goes from grey, and how far noise moves a pixel at most.
const CONTRAST: f32 = 40.0;
const NOISE: f32 = 80.0;

/// `train` and `test` images of 3x32x32 in 10 classes, all of it from `seed`. Image `i` is of class
/// `i % 10`.
pub fn synthetic(seed: u64, train: usize, test: usize) -> Dataset {
    let mut rng = stream(seed, Stream::Synthetic);
    let patterns: Vec<Vec<f32>> = (0..CLASSES).map(|_| pattern(&mut rng)).collect();
    let mut split = |n: usize| {
        let mut images = Vec::with_capacity(n * patterns[0].len());
        let labels: Vec<u8> = (0..n).map(|i| (i % CLASSES) as u8).collect();
        for label in &labels {
            let pattern = &patterns[usize::from(*label)];
            images.extend(pattern.iter().map(|mean| {
                let noisy = mean + rng.random_range(-NOISE..NOISE);
                noisy.clamp(0.0, 255.0) as u8
            }));
        }
        Split::new(images, labels, cifar::SHAPE)
    };
    Dataset {
        train: split(train),
        test: split(test),
        classes: DatasetName::Synthetic.classes(),
    }
}

/// Brightnesses of 3x32x32, interpolated between random ones.
fn pattern(rng: &mut ChaCha8Rng) -> Vec<f32> {
    let [channels, height, width] = cifar::SHAPE;
    let mut pattern = Vec::with_capacity(channels * height * width);
    for _ in 0..channels {
        let knots: [[f32; KNOTS]; KNOTS] =
            std::array::from_fn(|_| std::array::from_fn(|_| rng.random_range(-CONTRAST..CONTRAST)));
        for y in 0..height {
            for x in 0..width {
                let (row, down) = between(y, height);
                let (column, right) = between(x, width);
                let along = |row: usize| {
                    knots[row][column] * (1.0 - right) + knots[row][column + 1] * right
                };
                pattern.push(127.5 + along(row) * (1.0 - down) + along(row + 1) * down);
            }
        }
    }
    pattern
}

/// The knot before position `i` of `n`, and how far on it is to the next, 0 to 1.
fn between(i: usize, n: usize) -> (usize, f32) {
    let at = i as f32 / (n - 1) as f32 * (KNOTS - 1) as f32;
    let knot = (at as usize).min(KNOTS - 2);
    (knot, at - knot as f32)
}
