use super::grid::{SIDE, ahead, inside};

const CELLS: usize = SIDE * SIDE;

/// An observation that is being written: a grid of 10 x 10 for each channel.
pub struct Frame<'a> {
    channels: &'a mut [[f32; CELLS]],
}

impl<'a> Frame<'a> {
    /// An empty frame. Panics unless `observation` has room for exactly this many channels.
    pub(super) fn empty(observation: &'a mut [f32], channels: usize) -> Self {
        assert_eq!(observation.len(), channels * CELLS);
        observation.fill(0.0);
        let (channels, _) = observation.as_chunks_mut();
        Self { channels }
    }

    /// Marks the cell in column `x` from the left and row `y` from the top.
    pub(super) fn mark(&mut self, channel: usize, x: i32, y: i32) {
        self.channels[channel][y as usize * SIDE + x as usize] = 1.0;
    }

    /// Marks the cell behind something that moves, unless that cell is off the grid.
    pub(super) fn trail(&mut self, channel: usize, (x, y): (i32, i32), right: bool) {
        let behind = ahead(x, !right);
        if inside(behind) {
            self.mark(channel, behind, y);
        }
    }

    /// Marks the cells whose bits are set: bit 10 y + x for column x and row y.
    pub(super) fn mark_all(&mut self, channel: usize, bits: u128) {
        let (low, high) = self.channels[channel].split_at_mut(64);
        for (cells, half) in [(low, bits as u64), (high, (bits >> 64) as u64)] {
            let mut left = half;
            while left != 0 {
                cells[left.trailing_zeros() as usize] = 1.0;
                left &= left - 1;
            }
        }
    }
}
