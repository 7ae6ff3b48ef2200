//! Images and labels in memory, and minibatches of them as the networks read them.

use std::{path::Path, sync::LazyLock};

use super::{files::bad, order::Look};
use crate::Result;

/// Labels are 0 to 9.
pub const CLASSES: usize = 10;

/// Images of one shape and the label of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// `[n, channels, height, width]`.
    images: Vec<u8>,
    labels: Vec<u8>,
    shape: [usize; 3],
}

/// What a network sees of each brightness: torchvision's `ToTensor`, which divides by 255, and
/// `Normalize(0.5, 0.5)`, in f32 as there.
static NORMALISED: LazyLock<[f32; 256]> =
    LazyLock::new(|| std::array::from_fn(|brightness| (brightness as f32 / 255.0 - 0.5) / 0.5));

impl Split {
    /// No images yet, of `[channels, height, width]`.
    pub(super) fn empty(shape: [usize; 3]) -> Self {
        Self::new(Vec::new(), Vec::new(), shape)
    }

    /// `images` of `[channels, height, width]`, each with its label.
    pub(super) fn new(images: Vec<u8>, labels: Vec<u8>, shape: [usize; 3]) -> Self {
        Self {
            images,
            labels,
            shape,
        }
    }

    /// Adds an image; an error, which names the file it is from, if there is no class `label`.
    pub(super) fn push(&mut self, path: &Path, label: u64, image: &[u8]) -> Result<()> {
        debug_assert_eq!(image.len(), self.pixels());
        if label >= CLASSES as u64 {
            return Err(bad(
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

    /// As a network for 3x32x32 takes it: a smaller image lies in the middle of a black one, a grey
    /// image is the same in each channel.
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

    /// The minibatch `rows`, normalised to -1..=1, positions first: `out` is
    /// `[height, width, rows, channels]`. With `looks`, image `rows[i]` is cropped and flipped as
    /// `looks[i]` says.
    ///
    /// # Panics
    ///
    /// If `out` or `looks` is of another length than `rows` needs, or if there is no such image.
    pub fn fill(&self, rows: &[u32], looks: Option<&[Look]>, out: &mut [f32]) {
        let [channels, height, width] = self.shape;
        let lines = rows.len() * channels;
        assert_eq!(out.len(), lines * height * width, "length of the minibatch");
        if let Some(looks) = looks {
            assert_eq!(looks.len(), rows.len(), "length of the looks");
        }
        if rows.is_empty() {
            return;
        }
        // A row of every image and channel at a time: they fit the first cache.
        let mut gathered = vec![0; lines * width];
        for (y, out) in out.chunks_exact_mut(width * lines).enumerate() {
            for (i, lines) in gathered.chunks_exact_mut(channels * width).enumerate() {
                let image = self.image(rows[i]).chunks_exact(height * width);
                for (channel, line) in image.zip(lines.chunks_exact_mut(width)) {
                    match looks {
                        Some(looks) => looks[i].line(channel, y, line),
                        None => line.copy_from_slice(&channel[y * width..][..width]),
                    }
                }
            }
            for (x, out) in out.chunks_exact_mut(lines).enumerate() {
                for (value, line) in out.iter_mut().zip(gathered.chunks_exact(width)) {
                    *value = NORMALISED[usize::from(line[x])];
                }
            }
        }
    }

    /// The minibatch `rows`, normalised to -1..=1, image after image: `out` is
    /// `[rows, channels, height, width]`.
    ///
    /// # Panics
    ///
    /// If `out` is of another length than `rows` needs, or if there is no such image.
    pub fn fill_rows(&self, rows: &[u32], out: &mut [f32]) {
        let pixels = self.pixels();
        assert_eq!(out.len(), rows.len() * pixels, "length of the minibatch");
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(pixels)) {
            for (value, brightness) in out.iter_mut().zip(self.image(*row)) {
                *value = NORMALISED[usize::from(*brightness)];
            }
        }
    }
}
