//! Observations in memory: rows of floats, or rows of bits if every value is 0 or 1.

use optim::state_file::{bytes, numbers};

use crate::{Error, Result};

/// How observations are stored. Both ways preserve every bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Four bytes a value.
    Floats,
    /// A bit a value, for observations of only 0 and 1.
    Bits,
}

impl Encoding {
    /// Bytes of a row of `len` values.
    pub(super) fn row_bytes(self, len: usize) -> usize {
        match self {
            Encoding::Floats => len * size_of::<f32>(),
            Encoding::Bits => len.div_ceil(8),
        }
    }

    /// The position of the first of `values` that this encoding cannot hold.
    pub(super) fn first_misfit(self, values: &[f32]) -> Option<usize> {
        // Compared by bits, because -0 would come back as 0. Not `all`: it stops early, which
        // prevents vectorisation.
        let fits = |x: &f32| (x.to_bits() == 0) | (x.to_bits() == ONE);
        match self {
            Encoding::Floats => None,
            Encoding::Bits if values.iter().fold(true, |all, x| all & fits(x)) => None,
            Encoding::Bits => values.iter().position(|x| !fits(x)),
        }
    }
}

/// The bits of 1. Of 0 and 1, only 1 has the lowest bit of the exponent set.
const ONE: u32 = 1f32.to_bits();

/// Rows of equal length, stored one after another.
pub(super) struct Rows {
    /// Values in a row.
    len: usize,
    data: RowStorage,
}

enum RowStorage {
    Floats(Vec<f32>),
    /// Eight values a byte, the first in its lowest bit; each row starts at a new byte.
    Bits(Vec<u8>),
}

impl Rows {
    /// No rows yet; a row will have `len` values.
    pub fn new(encoding: Encoding, len: usize) -> Self {
        let data = match encoding {
            Encoding::Floats => RowStorage::Floats(Vec::new()),
            Encoding::Bits => RowStorage::Bits(Vec::new()),
        };
        Self { len, data }
    }

    /// Writes row `at`: over an old one, or a new one after the last. The encoding must fit `values`. There
    /// will never be more than `most` rows. An error if there is no memory for a new one; then nothing has
    /// changed.
    pub fn put(&mut self, at: usize, values: &[f32], most: usize) -> Result<()> {
        assert_eq!(values.len(), self.len);
        match &mut self.data {
            RowStorage::Floats(data) => {
                let start = at * self.len;
                if start == data.len() {
                    make_room(data, self.len, most * self.len)?;
                    data.extend_from_slice(values);
                } else {
                    data[start..start + self.len].copy_from_slice(values);
                }
            }
            RowStorage::Bits(data) => {
                let width = self.len.div_ceil(8);
                let start = at * width;
                if start == data.len() {
                    make_room(data, width, most * width)?;
                    data.resize(start + width, 0);
                }
                pack(values, &mut data[start..start + width]);
            }
        }
        Ok(())
    }

    /// Appends row `at` to `out`.
    pub fn append(&self, at: usize, out: &mut Vec<f32>) {
        match &self.data {
            RowStorage::Floats(data) => {
                out.extend_from_slice(&data[at * self.len..(at + 1) * self.len])
            }
            RowStorage::Bits(data) => {
                let width = self.len.div_ceil(8);
                let row = &data[at * width..(at + 1) * width];
                let start = out.len();
                out.resize(start + self.len, 0.0);
                unpack(row, &mut out[start..]);
            }
        }
    }

    /// Appends row `at`, of bits, as it is stored to `out`.
    pub fn append_packed(&self, at: usize, out: &mut Vec<u8>) {
        let RowStorage::Bits(data) = &self.data else {
            unreachable!("only rows of bits are packed")
        };
        let width = self.len.div_ceil(8);
        out.extend_from_slice(&data[at * width..(at + 1) * width]);
    }

    /// The given rows as stored, in little-endian order.
    pub fn to_bytes(&self, rows: impl Iterator<Item = usize>) -> Vec<u8> {
        match &self.data {
            RowStorage::Floats(data) => {
                let row =
                    |at: usize| bytes(&data[at * self.len..][..self.len], |x| x.to_le_bytes());
                rows.flat_map(row).collect()
            }
            RowStorage::Bits(data) => {
                let width = self.len.div_ceil(8);
                rows.flat_map(|at| &data[at * width..][..width])
                    .copied()
                    .collect()
            }
        }
    }

    /// The rows that [`to_bytes`](Self::to_bytes) returned.
    pub fn from_bytes(encoding: Encoding, len: usize, data: &[u8]) -> Self {
        let data = match encoding {
            Encoding::Floats => RowStorage::Floats(numbers(data, f32::from_le_bytes)),
            Encoding::Bits => RowStorage::Bits(data.to_vec()),
        };
        Self { len, data }
    }

    /// The bytes of memory that it holds.
    pub fn bytes(&self) -> usize {
        match &self.data {
            RowStorage::Floats(data) => data.capacity() * size_of::<f32>(),
            RowStorage::Bits(data) => data.capacity(),
        }
    }
}

/// Room for `more` items in a vector that will never hold more than `most`: it doubles, as a
/// vector does, but not beyond that. An error if there is no memory for them.
pub(super) fn make_room<T>(items: &mut Vec<T>, more: usize, most: usize) -> Result<()> {
    let needed = items.len() + more;
    if needed > items.capacity() {
        let room = (2 * items.capacity()).min(most).max(needed);
        items.try_reserve_exact(room - items.len()).map_err(|_| {
            Error::usage(format!(
                "there is no memory for a replay buffer of {} more bytes; a smaller buffer_size needs less",
                (room - items.len()).saturating_mul(size_of::<T>())
            ))
        })?;
    }
    Ok(())
}

/// The values, each 0 or 1, that eight a byte hold: rows of `len`, each from a new byte.
pub(super) fn unpacked(packed: &[u8], len: usize) -> Vec<f32> {
    let width = len.div_ceil(8);
    let mut out = vec![0.0; packed.len() / width * len];
    for (row, out) in packed.chunks_exact(width).zip(out.chunks_exact_mut(len)) {
        unpack(row, out);
    }
    out
}

pub(super) fn pack(values: &[f32], row: &mut [u8]) {
    let (eights, rest) = values.as_chunks();
    for (byte, eight) in row.iter_mut().zip(eights) {
        *byte = byte_of(eight);
    }
    if !rest.is_empty() {
        let mut eight = [0.0; 8];
        eight[..rest.len()].copy_from_slice(rest);
        row[eights.len()] = byte_of(&eight);
    }
}

fn byte_of(eight: &[f32; 8]) -> u8 {
    // Each byte is 0 or 1; the product has the i-th of them as the i-th bit of its highest byte.
    let ones = eight.map(|x| (x.to_bits() >> ONE.trailing_zeros()) as u8 & 1);
    (u64::from_le_bytes(ones).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

fn unpack(row: &[u8], out: &mut [f32]) {
    let (eights, rest) = out.as_chunks_mut();
    for (eight, byte) in eights.iter_mut().zip(row) {
        *eight = VALUES[usize::from(*byte)];
    }
    if !rest.is_empty() {
        let eight = VALUES[usize::from(row[eights.len()])];
        rest.copy_from_slice(&eight[..rest.len()]);
    }
}

/// The eight values of every byte, 8 KiB. A copy from here is one operation; shifts and masks would
/// take several.
pub static VALUES: [[f32; 8]; 256] = {
    let mut values = [[0.0; 8]; 256];
    let mut at = 0;
    while at < 256 * 8 {
        if (at / 8) >> (at % 8) & 1 == 1 {
            values[at / 8][at % 8] = 1.0;
        }
        at += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were() {
        for encoding in [Encoding::Floats, Encoding::Bits] {
            for len in [1, 7, 8, 9, 64, 100, 1000] {
                let row = |k: usize| -> Vec<f32> {
                    let bit = |i| (i * i + 3 * i * k + k) % 7 % 2;
                    (0..len).map(|i| bit(i) as f32).collect()
                };
                let mut rows = Rows::new(encoding, len);
                (0..5).for_each(|k| rows.put(k, &row(k), 5).unwrap());
                rows.put(2, &row(9), 5).unwrap();
                let mut out = vec![7.0];
                [0, 2, 4].iter().for_each(|k| rows.append(*k, &mut out));
                let expected = [vec![7.0], row(0), row(9), row(4)].concat();
                assert_eq!(out, expected, "{encoding:?} {len}");
                let bytes = match encoding {
                    Encoding::Floats => 5 * 4 * len,
                    Encoding::Bits => 5 * len.div_ceil(8),
                };
                assert_eq!(rows.bytes(), bytes, "{encoding:?} {len}");
            }
        }
    }

    #[test]
    fn bits_hold_0_and_1_alone() {
        assert_eq!(Encoding::Bits.first_misfit(&[0.0, 1.0, 1.0, 0.0]), None);
        for other in [
            -0.0,
            0.5,
            2.0,
            -1.0,
            f32::NAN,
            f32::INFINITY,
            1.0 + f32::EPSILON,
        ] {
            assert_eq!(Encoding::Bits.first_misfit(&[0.0, 1.0, other]), Some(2));
            assert_eq!(Encoding::Floats.first_misfit(&[0.0, 1.0, other]), None);
        }
    }

    #[test]
    fn memory_that_is_not_there_is_an_error() {
        let mut items = vec![0_u64; 3];
        let error = make_room(&mut items, 1 << 59, usize::MAX).unwrap_err();
        assert!(
            error.to_string().contains("no memory for a replay buffer"),
            "{error}"
        );
        assert_eq!(items.len(), 3);
    }
}
