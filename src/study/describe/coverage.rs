//! How much of an environment has been seen: the distinct states after 1, 2, 5, 10, ... steps.

use std::{collections::HashSet, hash::Hash};

use super::{observations::Observations, stream::PlayedStream};

/// The number of parts into which the range of a feature is cut.
const BINS: f64 = 10.0;

/// What counts as one state.
pub enum CountedStates {
    /// Equal observations, for binary observations.
    Exact,
    /// Observations in the same cell. The range of each feature over all streams is cut into ten equal parts.
    Cells(Vec<(f32, f32)>),
}

impl CountedStates {
    /// The states of an environment, from all of its streams under all policies, so that policies can be compared.
    pub fn of<'a>(streams: impl IntoIterator<Item = &'a PlayedStream>) -> Self {
        let mut ranges: Vec<(f32, f32)> = Vec::new();
        for PlayedStream { observations, .. } in streams {
            if observations.words().is_some() {
                return CountedStates::Exact;
            }
            ranges.resize(observations.width(), (f32::INFINITY, f32::NEG_INFINITY));
            for row in 0..observations.len() {
                for (column, (low, high)) in ranges.iter_mut().enumerate() {
                    let x = observations.at(row, column);
                    (*low, *high) = (low.min(x), high.max(x));
                }
            }
        }
        CountedStates::Cells(ranges)
    }

    /// The number of states seen in the first rows, for each of the ascending numbers of rows `checkpoints`.
    pub fn seen(&self, rows: &Observations, checkpoints: &[usize]) -> Vec<f64> {
        match (self, rows.words()) {
            (CountedStates::Cells(ranges), None) => {
                let cells: Vec<u8> = (0..rows.len() * rows.width())
                    .map(|i| {
                        let column = i % rows.width();
                        bin(rows.at(i / rows.width(), column), ranges[column])
                    })
                    .collect();
                distinct(&cells, rows.len(), checkpoints)
            }
            (_, Some(words)) => distinct(words, rows.len(), checkpoints),
            (CountedStates::Exact, None) => {
                unreachable!("all streams of an environment are of one kind")
            }
        }
    }
}

fn bin(x: f32, (low, high): (f32, f32)) -> u8 {
    let (x, low, high) = (f64::from(x), f64::from(low), f64::from(high));
    // A feature that never changes has no range. Its share is NaN, which the cast makes 0.
    ((x - low) / (high - low) * BINS).min(BINS - 1.0) as u8
}

fn distinct<T: Hash + Eq>(items: &[T], rows: usize, checkpoints: &[usize]) -> Vec<f64> {
    let width = items.len() / rows;
    let mut seen: HashSet<&[T]> = HashSet::new();
    let mut done = 0;
    let mut after = |&steps: &usize| {
        seen.extend((done..steps).map(|row| &items[row * width..][..width]));
        done = steps;
        seen.len() as f64
    };
    checkpoints.iter().map(&mut after).collect()
}

/// 1, 2, 5, 10, 20, 50, ... and `last`.
pub fn checkpoints(last: usize) -> Vec<usize> {
    let decades = (0..).map(|k| 10usize.pow(k));
    let steps = decades.flat_map(|ten| [ten, 2 * ten, 5 * ten]);
    steps.take_while(|n| *n < last).chain([last]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use envs::Space;

    fn stream(space: &Space, rows: &[&[f32]]) -> PlayedStream {
        let mut observations = Observations::new(space);
        rows.iter().for_each(|row| observations.push(row));
        PlayedStream {
            observations,
            rewards: Vec::new(),
            episodes: Vec::new(),
        }
    }

    #[test]
    fn binary_states_are_counted_exactly() {
        let rows: &[&[f32]] = &[&[0.0, 1.0], &[1.0, 1.0], &[0.0, 1.0], &[1.0, 0.0]];
        let stream = stream(&Space::binary(&[2]), rows);
        let states = CountedStates::of([&stream]);
        let seen = states.seen(&stream.observations, &[1, 2, 3, 4]);
        assert_eq!(seen, [1.0, 2.0, 2.0, 3.0]);
    }

    #[test]
    fn numbers_are_counted_by_tenths_of_their_range() {
        let space = Space::symmetric(&[9.0, 9.0]);
        // The range is that of both streams; the second number never changes.
        let one = stream(&space, &[&[0.0, 7.0], &[0.09, 7.0], &[0.11, 7.0]]);
        let two = stream(&space, &[&[1.0, 7.0], &[0.95, 7.0], &[0.85, 7.0]]);
        let states = CountedStates::of([&one, &two]);
        assert_eq!(states.seen(&one.observations, &[1, 2, 3]), [1.0, 1.0, 2.0]);
        assert_eq!(states.seen(&two.observations, &[3]), [2.0]);
    }

    #[test]
    fn checkpoints_rise_to_the_last() {
        assert_eq!(checkpoints(60), [1, 2, 5, 10, 20, 50, 60]);
        assert_eq!(checkpoints(10), [1, 2, 5, 10]);
        assert_eq!(checkpoints(1), [1]);
    }
}
