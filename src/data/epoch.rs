//! The order of an epoch's images and the augmentation of each. Both are functions of the seed and the
//! epoch, so an epoch does not depend on what came before it.

use std::ops::Range;

use rand::{RngCore, seq::SliceRandom};

use crate::{
    nn::pixels::{Augmentation, PADDING},
    streams::{Stream, epoch_stream},
};

/// The number of possible crops along an axis.
const CROPS: u64 = 2 * PADDING as u64 + 1;

/// The order in which epoch `epoch`, counted from 0, visits `n` images: a permutation of `0..n`.
pub fn order(seed: u64, epoch: u64, n: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.shuffle(&mut epoch_stream(seed, Stream::Shuffle, epoch));
    order
}

/// The augmentation of the images at `positions` of epoch `epoch`'s order. All crops of the padded image
/// are equally likely, and half of the images are mirrored.
pub fn augmentations(seed: u64, epoch: u64, positions: Range<usize>) -> Vec<Augmentation> {
    let mut rng = epoch_stream(seed, Stream::Augment, epoch);
    // Each image takes one word of the stream.
    rng.set_word_pos(rng.get_word_pos() + positions.start as u128);
    let draw = |_| {
        let which = (u64::from(rng.next_u32()) * (CROPS * CROPS * 2)) >> 32;
        Augmentation {
            down: (which / 2 / CROPS) as u8,
            right: (which / 2 % CROPS) as u8,
            flip: which % 2 == 1,
        }
    };
    positions.map(draw).collect()
}
