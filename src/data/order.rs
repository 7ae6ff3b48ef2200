//! Which images come when, and how each is looked at: functions of the seed and the epoch, so that
//! an epoch does not depend on what came before it.

use std::ops::Range;

use rand::{RngCore, seq::SliceRandom};

use crate::streams::{Stream, epoch_stream};

/// Black pixels around an image that is cropped (He et al. 2015, section 4.2).
const PADDING: usize = 4;
/// Crops along an axis.
const CROPS: u64 = 2 * PADDING as u64 + 1;

/// The order in which epoch `epoch`, counted from 0, goes through `n` images: a permutation of
/// `0..n`.
pub fn order(seed: u64, epoch: u64, n: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.shuffle(&mut epoch_stream(seed, Stream::Shuffle, epoch));
    order
}

/// How the images at `positions` of epoch `epoch`'s order are cropped and flipped: any crop of the
/// padded image is as likely as any other, and every second one is flipped.
pub fn looks(seed: u64, epoch: u64, positions: Range<usize>) -> Vec<Look> {
    let mut rng = epoch_stream(seed, Stream::Augment, epoch);
    // One word for each.
    rng.set_word_pos(rng.get_word_pos() + positions.start as u128);
    let draw = |_| {
        let which = (u64::from(rng.next_u32()) * (CROPS * CROPS * 2)) >> 32;
        Look {
            down: (which / 2 / CROPS) as u8,
            right: (which / 2 % CROPS) as u8,
            flip: which % 2 == 1,
        }
    };
    positions.map(draw).collect()
}

/// A crop of an image with 4 black pixels on each side, mirrored or not: what torchvision calls
/// `RandomCrop(32, padding=4)` and `RandomHorizontalFlip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Rows of the padded image above the crop, 0 to 8.
    pub down: u8,
    /// Columns of the padded image left of the crop, 0 to 8.
    pub right: u8,
    /// Whether left and right change places, after the crop.
    pub flip: bool,
}

impl Look {
    /// The image as it is.
    pub const PLAIN: Self = Self {
        down: PADDING as u8,
        right: PADDING as u8,
        flip: false,
    };

    /// Row `y` of what is seen of `channel`, whose rows are as long as `line`.
    pub(super) fn line(self, channel: &[u8], y: usize, line: &mut [u8]) {
        let width = line.len();
        line.fill(0);
        // Above and below the image, all is black.
        let y = (y + usize::from(self.down)).checked_sub(PADDING);
        let Some(row) = y.and_then(|y| channel.chunks_exact(width).nth(y)) else {
            return;
        };
        let right = usize::from(self.right);
        // Column `to` of the crop is column `to + right - PADDING` of the image.
        let (from, to) = (right.saturating_sub(PADDING), PADDING.saturating_sub(right));
        let common = width.saturating_sub(from.max(to));
        line[to..][..common].copy_from_slice(&row[from..][..common]);
        if self.flip {
            line.reverse();
        }
    }
}
