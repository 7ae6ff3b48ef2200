//! The machine's copy bandwidth, which is what a step limited only by memory would reach.

use std::{hint::black_box, time::Instant};

/// The same number as `optimisers.py` copies: too large for any cache.
const ELEMENTS: usize = 40_000_000;

/// GB/s, read plus written, of the best of several copies on one thread.
pub fn bandwidth() -> f64 {
    let from = vec![1.5f32; ELEMENTS];
    let mut to = vec![0f32; ELEMENTS];
    let mut best = f64::INFINITY;
    for _ in 0..20 {
        let start = Instant::now();
        black_box(&mut to).copy_from_slice(black_box(&from));
        best = best.min(start.elapsed().as_secs_f64());
    }
    (2 * size_of_val(from.as_slice())) as f64 / best / 1e9
}
