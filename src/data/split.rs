//! Images and labels in memory, and minibatches of them in the layouts that the networks read.

use std::path::Path;

use super::files::invalid;
use crate::{
    Result,
    nn::pixels::{Augmentation, fill_by_position, normalised},
};

/// The number of classes; labels are 0 to 9.
pub const CLASSES: usize = 10;

/// Images of one shape and the label of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// `[n, channels, height, width]`.
    images: Vec<u8>,
    labels: Vec<u8>,
    shape: [usize; 3],
}

impl Split {
    /// An empty split for images of `[channels, height, width]`.
    pub(super) fn empty(shape: [usize; 3]) -> Self {
        Self::new(Vec::new(), Vec::new(), shape)
    }

    /// `images`, each of `[channels, height, width]`, with their labels.
    pub(super) fn new(images: Vec<u8>, labels: Vec<u8>, shape: [usize; 3]) -> Self {
        Self {
            images,
            labels,
            shape,
        }
    }

    /// Adds an image from the file `path`; an error that names the file if there is no class `label`.
    pub(super) fn push(&mut self, path: &Path, label: u64, image: &[u8]) -> Result<()> {
        debug_assert_eq!(image.len(), self.pixels());
        if label >= CLASSES as u64 {
            return Err(invalid(
                path,
                format!(
                    "an image has the label {label}; allowed: 0 to {}",
                    CLASSES - 1
                ),
            ));
        }
        self.images.extend_from_slice(image);
        self.labels.push(label as u8);
        Ok(())
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Channels, height and width of an image.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Bytes of an image: channels x height x width.
    pub fn pixels(&self) -> usize {
        self.shape.iter().product()
    }

    /// All images, `[n, channels, height, width]`.
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// The label of each image, 0 to 9.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Image `row`, `[channels, height, width]`.
    ///
    /// # Panics
    ///
    /// If there is no such image.
    pub fn image(&self, row: u32) -> &[u8] {
        let pixels = self.pixels();
        &self.images[row as usize * pixels..][..pixels]
    }

    /// Adapts grey images to a network of 3x32x32: the same in each channel, and centred in a larger
    /// black image. Other images stay as they are.
    pub fn padded(self) -> Self {
        const SIDE: usize = 32;
        let [channels, height, width] = self.shape;
        if self.shape == [3, SIDE, SIDE] || height > SIDE || width > SIDE || channels != 1 {
            return self;
        }
        let (above, left) = ((SIDE - height) / 2, (SIDE - width) / 2);
        let mut images = vec![0; self.len() * 3 * SIDE * SIDE];
        let grey = self.images.chunks_exact(height * width);
        for (image, grey) in images.chunks_exact_mut(3 * SIDE * SIDE).zip(grey) {
            for channel in image.chunks_exact_mut(SIDE * SIDE) {
                let rows = channel[above * SIDE..].chunks_exact_mut(SIDE);
                for (row, grey) in rows.zip(grey.chunks_exact(width)) {
                    row[left..left + width].copy_from_slice(grey);
                }
            }
        }
        Self {
            images,
            labels: self.labels,
            shape: [3, SIDE, SIDE],
        }
    }

    /// Writes the minibatch `rows`, normalised to -1..=1, position by position: `out` is
    /// `[height, width, rows, channels]`. With `augmentations`, image `rows[i]` is cropped and mirrored as
    /// `augmentations[i]` says.
    ///
    /// # Panics
    ///
    /// If `out` or `augmentations` is not as long as `rows` needs, or if there is no such image.
    pub fn fill(&self, rows: &[u32], augmentations: Option<&[Augmentation]>, out: &mut [f32]) {
        let pixels = rows.len() * self.pixels();
        assert_eq!(out.len(), pixels, "length of the minibatch");
        if let Some(augmentations) = augmentations {
            let given = augmentations.len();
            assert_eq!(given, rows.len(), "number of augmentations");
        }
        let images: Vec<&[u8]> = rows.iter().map(|&row| self.image(row)).collect();
        fill_by_position(&images, self.shape, augmentations, out);
    }

    /// Writes the minibatch `rows`, normalised to -1..=1, image by image: `out` is
    /// `[rows, channels, height, width]`.
    ///
    /// # Panics
    ///
    /// If `out` is not as long as `rows` needs, or if there is no such image.
    pub fn fill_rows(&self, rows: &[u32], out: &mut [f32]) {
        let pixels = self.pixels();
        assert_eq!(out.len(), rows.len() * pixels, "length of the minibatch");
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(pixels)) {
            for (value, brightness) in out.iter_mut().zip(self.image(*row)) {
                *value = normalised(*brightness);
            }
        }
    }
}
