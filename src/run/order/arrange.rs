//! The order in which a recorded stream is learned.

use rand::Rng;
use settings::words;

use crate::streams::{Stream, stream};

words! {
    /// The order in which transitions are learned.
    pub enum Order {
        /// As they were recorded
        Recorded = "recorded",
        /// Each consecutive `window` of them shuffled
        Windows = "windows",
        /// All of them shuffled
        Shuffled = "shuffled",
    }
}

/// The places 0 to `n - 1`, with each consecutive `window` of them in random order (Fisher and Yates); the last window
/// has what is left. A window of 1 changes nothing, and one of `n` shuffles all. The result depends only on the run's
/// `seed`.
pub fn arranged(n: usize, window: usize, seed: u64) -> Vec<u32> {
    let mut places: Vec<u32> = (0..n as u32).collect();
    let mut rng = stream(seed, Stream::Order);
    for window in places.chunks_mut(window.max(1)) {
        for last in (1..window.len()).rev() {
            let other = rng.random_range(0..=last as u32) as usize;
            window.swap(last, other);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_a_permutation_that_stays_within_its_windows() {
        for (n, window) in [(1, 1), (10, 3), (1_000, 10), (1_003, 100), (500, 500)] {
            let places = arranged(n, window, 7);
            for (i, place) in places.iter().enumerate() {
                assert_eq!(*place as usize / window, i / window, "{n}, {window}: {i}");
            }
            let mut sorted = places;
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..n as u32));
        }
    }

    #[test]
    fn a_window_of_one_is_the_recorded_order_and_the_seed_decides_the_rest() {
        assert!(arranged(100, 1, 3).into_iter().eq(0..100));
        let shuffled = arranged(100, 100, 3);
        assert_eq!(shuffled, arranged(100, 100, 3));
        assert_ne!(shuffled, arranged(100, 100, 4));
        assert!(!shuffled.into_iter().eq(0..100));
    }

    /// Each of the six orders of three is as likely as the others: 1,000 of 6,000, with a standard deviation of 29.
    #[test]
    fn every_order_is_equally_likely() {
        let mut counts = std::collections::BTreeMap::<Vec<u32>, usize>::new();
        for seed in 0..6_000 {
            *counts.entry(arranged(3, 3, seed)).or_default() += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(
            counts.values().all(|n| (870..1_130).contains(n)),
            "{counts:?}"
        );
    }
}
