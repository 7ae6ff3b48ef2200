//! The observations of one stream, stored compactly.

use envs::Space;

/// Features that are read together: as many f32s as a cache line has.
const BLOCK: usize = 16;

/// Observations row by row; binary ones take a bit for each number.
pub struct Observations {
    width: usize,
    length: usize,
    data: ObservationStorage,
}

enum ObservationStorage {
    Numbers(Vec<f32>),
    Bits(Vec<u64>),
}

impl Observations {
    /// No rows yet, of observations from `space`.
    pub fn new(space: &Space) -> Self {
        Self {
            width: space.len(),
            length: 0,
            data: match space.binary {
                true => ObservationStorage::Bits(Vec::new()),
                false => ObservationStorage::Numbers(Vec::new()),
            },
        }
    }

    /// The bytes that a row takes.
    pub fn row_bytes(space: &Space) -> usize {
        match space.binary {
            true => 8 * space.len().div_ceil(64),
            false => 4 * space.len(),
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: &[f32]) {
        match &mut self.data {
            ObservationStorage::Numbers(numbers) => numbers.extend_from_slice(row),
            ObservationStorage::Bits(words) => words.extend(row.chunks(64).map(|row| {
                let bit = |(i, x): (usize, &f32)| u64::from(*x != 0.0) << i;
                row.iter().enumerate().map(bit).sum::<u64>()
            })),
        }
        self.length += 1;
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.length
    }

    /// The number at (`row`, `column`).
    pub fn at(&self, row: usize, column: usize) -> f32 {
        match &self.data {
            ObservationStorage::Numbers(numbers) => numbers[row * self.width + column],
            ObservationStorage::Bits(words) => {
                let word = words[row * self.width.div_ceil(64) + column / 64];
                (word >> (column % 64) & 1) as f32
            }
        }
    }

    /// Calls `each` with the number and the values of every column.
    pub fn columns(&self, mut each: impl FnMut(usize, &[f64])) {
        let mut block: [Vec<f64>; BLOCK] = Default::default();
        for first in (0..self.width).step_by(BLOCK) {
            let columns = first..(first + BLOCK).min(self.width);
            block.iter_mut().for_each(Vec::clear);
            for row in 0..self.length {
                for (column, values) in columns.clone().zip(&mut block) {
                    values.push(f64::from(self.at(row, column)));
                }
            }
            for (column, values) in columns.zip(&block) {
                each(column, values);
            }
        }
    }

    /// The words of each row, if the observations are binary.
    pub fn words(&self) -> Option<&[u64]> {
        match &self.data {
            ObservationStorage::Numbers(_) => None,
            ObservationStorage::Bits(words) => Some(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_and_numbers_come_back() {
        let width = 70;
        let row = |t: usize| -> Vec<f32> { (0..width).map(|c| (c * t % 3 / 2) as f32).collect() };
        let numbers = Space::symmetric(&vec![1.0; width]);
        for space in [Space::binary(&[width]), numbers] {
            let mut rows = Observations::new(&space);
            (0..5).for_each(|t| rows.push(&row(t)));
            assert_eq!((rows.len(), rows.width()), (5, width));
            let mut seen = 0;
            rows.columns(|column, values| {
                seen += 1;
                let expected: Vec<f64> = (0..5).map(|t| f64::from(row(t)[column])).collect();
                assert_eq!(values, expected);
            });
            assert_eq!(seen, width);
        }
    }
}
