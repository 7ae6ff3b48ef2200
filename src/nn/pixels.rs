//! From the bytes of images to a network's input: crop, mirror, normalise.

use std::sync::LazyLock;

/// Black pixels on each side of an image that is cropped (He et al. 2015, section 4.2).
pub(crate) const PADDING: usize = 4;

/// A crop of an image with 4 black pixels on each side, mirrored or not: what torchvision calls
/// `RandomCrop(32, padding=4)` and `RandomHorizontalFlip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Augmentation {
    /// Rows of the padded image above the crop, 0 to 8.
    pub down: u8,
    /// Columns of the padded image left of the crop, 0 to 8.
    pub right: u8,
    /// Whether the crop is mirrored left to right.
    pub flip: bool,
}

impl Augmentation {
    /// Leaves the image as it is.
    pub const NONE: Self = Self {
        down: PADDING as u8,
        right: PADDING as u8,
        flip: false,
    };

    /// Writes row `y` of the augmented `channel` to `row`, which is as long as a row of the image.
    fn write_row(self, channel: &[u8], y: usize, row: &mut [u8]) {
        let width = row.len();
        row.fill(0);
        // Rows above and below the image are black.
        let y = (y + usize::from(self.down)).checked_sub(PADDING);
        let Some(source) = y.and_then(|y| channel.chunks_exact(width).nth(y)) else {
            return;
        };
        let right = usize::from(self.right);
        // Column `to` of the crop is column `to + right - PADDING` of the image.
        let (from, to) = (right.saturating_sub(PADDING), PADDING.saturating_sub(right));
        let common = width.saturating_sub(from.max(to));
        row[to..][..common].copy_from_slice(&source[from..][..common]);
        if self.flip {
            row.reverse();
        }
    }
}

/// A network's input for each brightness: torchvision's `ToTensor`, which divides by 255, followed by
/// `Normalize(0.5, 0.5)`, in f32 like torchvision.
static NORMALISED: LazyLock<[f32; 256]> =
    LazyLock::new(|| std::array::from_fn(|brightness| (brightness as f32 / 255.0 - 0.5) / 0.5));

/// A brightness as a network sees it: 0 to 255 becomes -1 to 1.
pub(crate) fn normalised(brightness: u8) -> f32 {
    NORMALISED[usize::from(brightness)]
}

/// Writes a minibatch to `out`, `[height, width, batch, channels]`, normalised to -1..=1.
///
/// `images` has one image `[channels, height, width]` for each place in the batch. `augmentations`, if
/// given, has one entry per image, by which the image is cropped and mirrored.
pub(crate) fn fill_by_position(
    images: &[&[u8]],
    [channels, height, width]: [usize; 3],
    augmentations: Option<&[Augmentation]>,
    out: &mut [f32],
) {
    let rows = images.len() * channels;
    if rows == 0 {
        return;
    }
    // One row of every image and channel at a time: together they fit the first-level cache.
    let mut gathered = vec![0; rows * width];
    for (y, out) in out.chunks_exact_mut(width * rows).enumerate() {
        for (i, rows) in gathered.chunks_exact_mut(channels * width).enumerate() {
            let image = images[i].chunks_exact(height * width);
            for (channel, row) in image.zip(rows.chunks_exact_mut(width)) {
                match augmentations {
                    Some(all) => all[i].write_row(channel, y, row),
                    None => row.copy_from_slice(&channel[y * width..][..width]),
                }
            }
        }
        for (x, out) in out.chunks_exact_mut(rows).enumerate() {
            for (value, row) in out.iter_mut().zip(gathered.chunks_exact(width)) {
                *value = normalised(row[x]);
            }
        }
    }
}
