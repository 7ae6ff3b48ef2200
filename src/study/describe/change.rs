//! Early data against late data: the first and the last fifth of each stream.

use std::ops::Range;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use stats::two_sample::{Change, Streams, mean_distance, mean_gap};

use super::{observations::Observations, stream::PlayedStream};
use crate::parallel::parallel;

/// How many evenly spaced observations of a fifth are compared. Neighbours hardly differ, so more would add little.
const POINTS: usize = 100;

/// A feature's mean and standard deviation.
type MeanAndDeviation = (f64, f64);

/// Compares the observations, standardised; `None` if they never differ.
pub fn of_observations(streams: &[PlayedStream]) -> Option<Change> {
    let width = streams[0].observations.width();
    let moments = parallel(streams.len(), |s| {
        let mut moments = Vec::with_capacity(width);
        let rows = &streams[s].observations;
        rows.columns(|_, values| moments.push(scale(values)));
        moments
    });
    let pooled = |feature: usize| pooled(moments.iter().map(|moments| moments[feature]));
    let scales: Vec<MeanAndDeviation> = (0..width).map(pooled).collect();
    let varying: Vec<usize> = (0..width).filter(|f| scales[*f].1 > 0.0).collect();
    if varying.is_empty() {
        return None;
    }
    let standardised = |rows: &Observations, row: usize, feature: usize| {
        let (mean, deviation) = scales[feature];
        ((f64::from(rows.at(row, feature)) - mean) / deviation) as f32
    };
    let points = |rows: &Observations, fifth: Range<usize>| -> Vec<f32> {
        let n = POINTS.min(fifth.len());
        let chosen = (0..n).map(|k| fifth.start + k * fifth.len() / n);
        let point = |row| varying.iter().map(move |f| (row, *f));
        let numbers = chosen.flat_map(point);
        numbers
            .map(|(row, feature)| standardised(rows, row, feature))
            .collect()
    };
    let of = |s: usize, fifth| points(&streams[s].observations, fifth);
    let length = streams[0].observations.len();
    let distance = |a: &[f32], b: &[f32]| mean_distance(a, b, varying.len());
    compare(streams.len(), length, of, distance)
}

/// Compares the rewards, all of them; `None` if they never differ.
pub fn of_rewards(streams: &[PlayedStream]) -> Option<Change> {
    let first = streams[0].rewards[0];
    let mut all = streams.iter().flat_map(|stream| &stream.rewards);
    if all.all(|reward| *reward == first) {
        return None;
    }
    let sorted = |s: usize, fifth: Range<usize>| {
        let mut rewards = streams[s].rewards[fifth].to_vec();
        rewards.sort_by(f32::total_cmp);
        rewards
    };
    compare(streams.len(), streams[0].rewards.len(), sorted, mean_gap)
}

fn scale(values: &[f64]) -> MeanAndDeviation {
    // The mean may have a rounding error, but if nothing ever changes the deviation is exactly 0.
    if values.iter().all(|x| *x == values[0]) {
        return (values[0], 0.0);
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (mean, (squares / n).sqrt())
}

/// The mean and deviation of a feature over all streams, from those of each stream. All streams are equally long.
fn pooled(scales: impl Iterator<Item = MeanAndDeviation> + Clone) -> MeanAndDeviation {
    let means: Vec<f64> = scales.clone().map(|(mean, _)| mean).collect();
    let (mean, between) = scale(&means);
    let within = scales.map(|(_, deviation)| deviation.powi(2)).sum::<f64>() / means.len() as f64;
    (mean, (within + between.powi(2)).sqrt())
}

/// Compares the first and last fifths of the streams by their mean `distance`. `of` gives the data of a stream's rows.
fn compare(
    streams: usize,
    length: usize,
    of: impl Fn(usize, Range<usize>) -> Vec<f32> + Sync,
    distance: impl Fn(&[f32], &[f32]) -> f64 + Sync,
) -> Option<Change> {
    let fifth = (length / 5).max(1);
    let stretches = parallel(2 * streams, |i| match i % 2 {
        0 => of(i / 2, 0..fifth),
        _ => of(i / 2, length - fifth..length),
    });
    // A distance is symmetric, and those within a stream are not needed.
    let side = stretches.len();
    let halves = parallel(side, |i| -> Vec<f64> {
        let others = stretches[(i / 2 + 1) * 2..].iter();
        others.map(|other| distance(&stretches[i], other)).collect()
    });
    let mut distances = vec![0.0; side * side];
    for (i, row) in halves.iter().enumerate() {
        for (j, distance) in ((i / 2 + 1) * 2..).zip(row) {
            distances[i * side + j] = *distance;
            distances[j * side + i] = *distance;
        }
    }
    Streams::new(streams, distances).change(&mut ChaCha8Rng::seed_from_u64(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_of_streams_are_pooled() {
        let streams = [[1.0, 2.0, 6.0], [4.0, 4.0, 4.0]];
        let (mean, deviation) = pooled(streams.iter().map(|s| scale(s)));
        // numpy.mean and numpy.std of the six
        assert!((mean - 3.5).abs() < 1e-12);
        assert!((deviation - 1.607275126832159).abs() < 1e-12);
        assert_eq!(
            pooled([scale(&[0.1; 3]), scale(&[0.1; 3])].into_iter()).1,
            0.0
        );
    }

    #[test]
    fn only_the_ends_are_compared() {
        // Everything changes in the middle, and then changes back.
        let value = |stream: usize, row: usize| {
            let middle = (20..80).contains(&row);
            (row * 7 + stream * 3) as f32 % 5.0 + if middle { 100.0 } else { 0.0 }
        };
        let compare = |moved: f32| {
            let late = |row| if row >= 80 { moved } else { 0.0 };
            let of = |s: usize, rows: Range<usize>| -> Vec<f32> {
                rows.map(|row| value(s, row) + late(row)).collect()
            };
            super::compare(8, 100, of, |a, b| mean_distance(a, b, 1)).unwrap()
        };
        let same = compare(0.0);
        assert!(same.p > 0.05 && same.coefficient.point < 0.01, "{same:?}");
        let moved = compare(2.0);
        assert!(moved.p < 0.02 && moved.coefficient.point > 0.1, "{moved:?}");
    }
}
