//! Images as the matrix that a convolution multiplies its weights with (im2col), a tile at a time.

use std::ops::Range;

use candle_core::{Result, WithDType, bail};

/// Numbers in the columns of a tile: small enough for the cache.
const TILE: usize = 1 << 14;
/// Positions in a tile, at least: below this the product slows down, as the weights are read again for each tile.
const POSITIONS: usize = 64;

/// The sizes of a convolution of one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    channels: usize,
    height: usize,
    width: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    /// Rows and columns of the output.
    pub out_height: usize,
    pub out_width: usize,
}

impl Window {
    /// A square kernel over an image of `[channels, height, width]`; an error where it does not fit in.
    pub fn new(
        [channels, height, width]: [usize; 3],
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Result<Self> {
        let (padded_height, padded_width) = (height + 2 * padding, width + 2 * padding);
        if kernel == 0 || stride == 0 || padded_height < kernel || padded_width < kernel {
            bail!(
                "convolution: a kernel of {kernel}x{kernel} with stride {stride} does not fit into {height}x{width} padded by {padding}"
            );
        }
        Ok(Self {
            channels,
            height,
            width,
            kernel,
            stride,
            padding,
            out_height: (padded_height - kernel) / stride + 1,
            out_width: (padded_width - kernel) / stride + 1,
        })
    }

    /// Numbers of an image that one output sees: rows of the columns.
    pub fn seen(&self) -> usize {
        self.channels * self.kernel * self.kernel
    }

    /// Positions of the output in an image.
    pub fn positions(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Cuts the rows of the outputs of `batch` images, numbered through, into tiles.
    pub fn tiles(&self, batch: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let positions = (TILE / self.seen()).max(POSITIONS);
        let (rows, each) = (batch * self.out_height, positions.div_ceil(self.out_width));
        (0..rows)
            .step_by(each)
            .map(move |start| start..rows.min(start + each))
    }

    /// The columns of the output rows `tile`: for each number that an output sees, that number at each position.
    #[inline(always)]
    pub fn gather<T: WithDType>(&self, images: &[T], tile: Range<usize>, columns: &mut [T]) {
        let zero = T::from_f64(0.0);
        let mut rest = columns;
        self.each_line(tile, |line| {
            let (to, others) = std::mem::take(&mut rest).split_at_mut(self.out_width);
            rest = others;
            to[..line.inside.start].fill(zero);
            to[line.inside.end..].fill(zero);
            let to = &mut to[line.inside];
            if self.stride == 1 {
                copy(to, &images[line.source..]);
            } else {
                let from = images[line.source..].iter().step_by(self.stride);
                to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
            }
        });
    }

    /// Adds each of the columns' numbers to the place in `images` that [`gather`](Self::gather) takes it from.
    #[inline(always)]
    pub fn scatter<T: WithDType>(&self, columns: &[T], tile: Range<usize>, images: &mut [T]) {
        let mut rest = columns;
        self.each_line(tile, |line| {
            let (from, others) = rest.split_at(self.out_width);
            rest = others;
            let from = &from[line.inside];
            if self.stride == 1 {
                let to = &mut images[line.source..];
                to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
            } else {
                let to = images[line.source..].iter_mut().step_by(self.stride);
                to.zip(from).for_each(|(to, &from)| *to += from);
            }
        });
    }

    /// Visits the lines of a tile's columns, in their order.
    #[inline(always)]
    fn each_line(&self, tile: Range<usize>, mut visit: impl FnMut(Line)) {
        let Self {
            height,
            width,
            kernel,
            stride,
            padding,
            ..
        } = *self;
        // The outputs whose number `offset` lies inside, of `outputs` along an axis of `length`.
        let inside = |offset: usize, outputs: usize, length: usize| {
            let end = (length + padding).saturating_sub(offset).div_ceil(stride);
            let start = padding.saturating_sub(offset).div_ceil(stride);
            start.min(outputs)..end.clamp(start.min(outputs), outputs)
        };
        let image_len = self.channels * height * width;
        for channel in 0..self.channels {
            for (dy, dx) in (0..kernel).flat_map(|dy| (0..kernel).map(move |dx| (dy, dx))) {
                let rows = inside(dy, self.out_height, height);
                let columns = inside(dx, self.out_width, width);
                let first = (columns.start * stride + dx).wrapping_sub(padding);
                let (mut image, mut row) =
                    (tile.start / self.out_height, tile.start % self.out_height);
                for _ in tile.clone() {
                    if row == self.out_height {
                        (image, row) = (image + 1, 0);
                    }
                    let line = if rows.contains(&row) && !columns.is_empty() {
                        let y = row * stride + dy - padding;
                        Line {
                            source: image * image_len + (channel * height + y) * width + first,
                            inside: columns.clone(),
                        }
                    } else {
                        Line {
                            source: 0,
                            inside: 0..0,
                        }
                    };
                    visit(line);
                    row += 1;
                }
            }
        }
    }
}

/// One row of an output, as one of the numbers that it sees.
struct Line {
    /// Where the first number lies in the images.
    source: usize,
    /// The outputs for which it lies inside the image; the others see padding.
    inside: Range<usize>,
}

/// Copies the start of `from`; short runs without a call.
#[inline(always)]
fn copy<T: Copy>(to: &mut [T], from: &[T]) {
    const RUN: usize = 8;
    let from = &from[..to.len()];
    let (runs, rest) = to.as_chunks_mut::<RUN>();
    let (from_runs, from_rest) = from.as_chunks::<RUN>();
    for (to, from) in runs.iter_mut().zip(from_runs) {
        *to = *from;
    }
    if !rest.is_empty() {
        rest.copy_from_slice(from_rest);
    }
}
