//! Whether data change between two times: the energy distance (Szekely & Rizzo 2013) between early and late data.
//!
//! Successive observations resemble each other, so an early and a late stretch of one stream differ even if nothing
//! changes. Independent streams are therefore the units. Two observations are compared only if they come from
//! different streams, and the p-value comes from swapping early and late within whole streams.

use rand::Rng;

use crate::{Estimate, bootstrap::of_observations};

/// The number of random swaps for a p-value.
const SWAPS: usize = 10_000;

/// The mean Euclidean distance between a point of `a` and a point of `b`, each `[points, width]` row by row.
///
/// # Panics
/// If `width` is 0.
pub fn mean_distance(a: &[f32], b: &[f32], width: usize) -> f64 {
    let rows = |points: &[f32]| points.len() / width;
    // Compiled for the widest vector instructions that the machine has. No width fuses a multiplication with an
    // addition, so all widths give the same bits.
    let sum: f64 = pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            let mut sum = 0.0;
            for a in a.chunks_exact(width) {
                for b in b.chunks_exact(width) {
                    sum += f64::from(squares(a, b)).sqrt();
                }
            }
            sum
        },
    );
    sum / (rows(a) * rows(b)) as f64
}

/// The squared distance, added up in sixteen lanes so that every vector width gives the same bits.
#[inline(always)]
fn squares(a: &[f32], b: &[f32]) -> f32 {
    let (mut lanes, mut rest) = ([0.0f32; 16], 0.0);
    let (a, b) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a.0.iter().zip(b.0) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += (a - b) * (a - b);
        }
    }
    for (a, b) in a.1.iter().zip(b.1) {
        rest += (a - b) * (a - b);
    }
    lanes.iter().sum::<f32>() + rest
}

/// The [`mean_distance`] between two sorted lists of numbers, or NaN if one of them is NaN. It takes a single pass, so
/// the lists may be long.
pub fn mean_gap(a: &[f32], b: &[f32]) -> f64 {
    let (mut below_a, mut below_b) = (0, 0);
    let (mut sum, mut last) = (0.0, f64::NAN);
    while below_a < a.len() || below_b < b.len() {
        let next = match (a.get(below_a), b.get(below_b)) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(x), None) | (None, Some(x)) => *x,
            (None, None) => break,
        };
        if below_a + below_b > 0 {
            // The pairs with one number on either side of the gap.
            let (left_a, left_b) = (a.len() - below_a, b.len() - below_b);
            let pairs = below_a * left_b + below_b * left_a;
            sum += pairs as f64 * (f64::from(next) - last);
        }
        last = f64::from(next);
        // Not by `==`, which would never get past NaN.
        let reached = |x: &f32| x.total_cmp(&next).is_le();
        while a.get(below_a).is_some_and(reached) {
            below_a += 1;
        }
        while b.get(below_b).is_some_and(reached) {
            below_b += 1;
        }
    }
    sum / (a.len() * b.len()) as f64
}

/// The three mean distances that make an energy distance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EnergyDistance {
    /// Between early and late data.
    pub across: f64,
    /// Within the early data.
    pub early: f64,
    /// Within the late data.
    pub late: f64,
}

impl EnergyDistance {
    /// The energy distance `2 E|X - Y| - E|X - X'| - E|Y - Y'|`: 0 if both have the same distribution, and above 0
    /// otherwise. It is the square of `scipy.stats.energy_distance`.
    pub fn distance(self) -> f64 {
        2.0 * self.across - self.early - self.late
    }

    /// The energy coefficient of inhomogeneity, which is the energy distance as a share of `2 E|X - Y|`: 0 for the
    /// same distribution, and 1 for two different points.
    pub fn coefficient(self) -> f64 {
        if self.across > 0.0 {
            self.distance() / (2.0 * self.across)
        } else {
            0.0
        }
    }
}

/// How much data change from early to late.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The energy coefficient, from 0 to 1, with its percentile-bootstrap interval over streams. Pairs within a
    /// stream are left out, so the coefficient is about 0 if nothing changes. Near 0, the p-value says more than the
    /// interval.
    pub coefficient: Estimate,
    /// The share of random swaps of early and late within streams whose distance is at least as large.
    pub p: f64,
}

/// Early and late stretches of independent streams, represented by the mean distances between them.
pub struct Streams {
    streams: usize,
    /// `[2 streams, 2 streams]`, row by row.
    distances: Vec<f64>,
}

impl Streams {
    /// From the mean distances between all stretches, `[2 streams, 2 streams]` row by row. Stretch `2 s` is the early
    /// one of stream `s`, and stretch `2 s + 1` the late one. Distances within a stream are ignored.
    ///
    /// # Panics
    /// If there are not `(2 streams)^2` distances.
    pub fn new(streams: usize, distances: Vec<f64>) -> Self {
        assert_eq!(
            distances.len(),
            4 * streams * streams,
            "the number of distances"
        );
        Self { streams, distances }
    }

    /// Compares early with late data, or returns `None` if there are fewer than two streams.
    pub fn change(&self, rng: &mut impl Rng) -> Option<Change> {
        let all: Vec<usize> = (0..self.streams).collect();
        let none = vec![0; self.streams];
        let found = self.energy(&all, &none)?;
        let coefficient = |drawn: &[usize]| {
            let energy = self.energy(drawn, &none)?;
            Some(energy.coefficient().clamp(0.0, 1.0))
        };
        let coefficient = of_observations(self.streams, coefficient, rng)?;
        let mut swapped = none.clone();
        let mut as_large = 0;
        for _ in 0..SWAPS {
            swapped.fill_with(|| usize::from(rng.random::<bool>()));
            let distance = self.energy(&all, &swapped).map(EnergyDistance::distance);
            // Sums in another order differ in the last bits.
            let rounding = 1e-12 * found.across;
            as_large += usize::from(distance.is_some_and(|d| d >= found.distance() - rounding));
        }
        Some(Change {
            coefficient,
            p: (1 + as_large) as f64 / (1 + SWAPS) as f64,
        })
    }

    /// The mean distances over pairs of different streams among `drawn`, with early and late swapped where `swapped`
    /// is 1. `None` if there is no such pair.
    fn energy(&self, drawn: &[usize], swapped: &[usize]) -> Option<EnergyDistance> {
        let (mut sum, mut pairs) = (EnergyDistance::default(), 0);
        for &s in drawn {
            let (early, late) = (2 * s + swapped[s], 2 * s + 1 - swapped[s]);
            let row = |i: usize| &self.distances[i * 2 * self.streams..][..2 * self.streams];
            let (from_early, from_late) = (row(early), row(late));
            for &t in drawn.iter().filter(|&&t| t != s) {
                let (early, late) = (2 * t + swapped[t], 2 * t + 1 - swapped[t]);
                sum.across += from_early[late];
                sum.early += from_early[early];
                sum.late += from_late[late];
                pairs += 1;
            }
        }
        let mean = |sum: f64| sum / f64::from(pairs);
        (pairs > 0).then(|| EnergyDistance {
            across: mean(sum.across),
            early: mean(sum.early),
            late: mean(sum.late),
        })
    }
}

/// The smallest p-value that swaps within this many streams can give. There are `2^streams` ways to
/// swap, and swapping the other streams instead gives the same distance.
pub fn least_p(streams: usize) -> f64 {
    0.5f64.powi(streams.saturating_sub(1) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// The change between early and late stretches of AR(1) processes with `phi`, whose mean is `shift` in the late
    /// stretch.
    fn change(rng: &mut ChaCha8Rng, streams: usize, phi: f64, shift: f64) -> Change {
        let stretch = 20;
        let mut stretches = Vec::new();
        for _ in 0..streams {
            let mut normal = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
            let mut x = normal() / (1.0 - phi * phi).sqrt();
            let mut series: Vec<f32> = Vec::new();
            for t in 0..5 * stretch {
                x = phi * x + normal();
                series.push((x + if t >= 4 * stretch { shift } else { 0.0 }) as f32);
            }
            stretches.push(series[..stretch].to_vec());
            stretches.push(series[4 * stretch..].to_vec());
        }
        let distance = |a: &Vec<f32>| {
            let to = stretches.iter();
            to.map(|b| mean_distance(a, b, 1)).collect::<Vec<f64>>()
        };
        let distances = stretches.iter().flat_map(distance).collect();
        Streams::new(streams, distances).change(rng).unwrap()
    }

    #[test]
    fn rejects_as_rarely_as_it_says_under_autocorrelation() {
        // With phi = 0.9, 20 successive numbers are worth about one. A test that took them for independent samples
        // would find a change almost every time.
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let changes: Vec<Change> = (0..400).map(|_| change(&mut rng, 8, 0.9, 0.0)).collect();
        let rejected = changes.iter().filter(|change| change.p <= 0.05).count();
        // 8 streams give p in steps of 1/128. Binomial(400, 6/128) is within these bounds 499 times of 500.
        assert!((7..=33).contains(&rejected), "{rejected} of 400");
        let mean = changes.iter().map(|c| c.coefficient.point).sum::<f64>() / 400.0;
        assert!(mean < 0.05, "{mean}");
    }

    #[test]
    fn a_gap_with_nan_is_nan() {
        assert!(mean_gap(&[1.0, f32::NAN], &[2.0]).is_nan());
        assert!(mean_gap(&[-f32::NAN, 1.0], &[f32::NAN]).is_nan());
        assert_eq!(mean_gap(&[-0.0, 0.0], &[-0.0, 1.0]), 0.5);
    }

    #[test]
    fn finds_a_change() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let Change { coefficient, p } = change(&mut rng, 20, 0.5, 2.0);
        assert!(p < 1e-3, "{p}");
        assert!(
            coefficient.lo > 0.1 && coefficient.hi < 0.5,
            "{coefficient:?}"
        );
        assert_eq!(coefficient.n, 20);
    }

    #[test]
    fn two_different_points_have_the_coefficient_1() {
        // Every stream is at 0 early and at 3 late.
        let at = |i: usize| 3.0 * (i % 2) as f64;
        let distances = (0..36).map(|k| (at(k / 6) - at(k % 6)).abs()).collect();
        let rng = &mut ChaCha8Rng::seed_from_u64(3);
        let Change { coefficient, p } = Streams::new(3, distances).change(rng).unwrap();
        assert_eq!(
            (coefficient.point, coefficient.lo, coefficient.hi),
            (1.0, 1.0, 1.0)
        );
        // Two of the 8 ways to swap keep early and late apart.
        assert!((p - least_p(3)).abs() < 0.02, "{p}");
    }

    #[test]
    fn a_single_stream_is_not_compared_and_equal_ones_do_not_differ() {
        let rng = &mut ChaCha8Rng::seed_from_u64(4);
        assert_eq!(Streams::new(1, vec![0.0, 1.0, 1.0, 0.0]).change(rng), None);
        let Change { coefficient, p } = Streams::new(3, vec![0.0; 36]).change(rng).unwrap();
        assert_eq!((coefficient.point, coefficient.hi, p), (0.0, 0.0, 1.0));
    }
}
