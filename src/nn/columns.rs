//! Images as the matrix that a convolution multiplies its weights with (im2col), a tile at a time.

use std::ops::Range;

use candle_core::{Result, WithDType, bail};

/// Numbers in the columns of a tile: small enough for the cache.
const TILE: usize = 1 << 15;
/// Positions in a tile, at least: below this the product slows down, as the weights are read again for each tile.
const POSITIONS: usize = 256;
/// Numbers copied at once.
const RUN: usize = 8;

/// The sizes of a convolution of one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
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
        let fits = padded_height >= kernel && padded_width >= kernel;
        if channels == 0 || kernel == 0 || stride == 0 || !fits {
            bail!(
                "convolution: a kernel of {kernel}x{kernel} with stride {stride} does not fit into {channels}x{height}x{width} padded by {padding}"
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

    /// Cuts the rows of the outputs of `batch` images, numbered through, into tiles; of whole images
    /// where they are small.
    pub fn tiles(&self, batch: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let positions = (TILE / self.seen()).max(POSITIONS);
        let mut each = positions.div_ceil(self.out_width);
        if each > self.out_height {
            each -= each % self.out_height;
        }
        let rows = batch * self.out_height;
        let starts = (0..rows).step_by(each);
        starts.map(move |start| start..rows.min(start + each))
    }

    /// The columns of the output rows `tile`: for each number that an output sees, that number at each position.
    #[inline(always)]
    pub fn gather<T: WithDType>(&self, images: &[T], tile: Range<usize>, columns: &mut [T]) {
        if self.padding > 0 {
            columns.fill(T::from_f64(0.0));
        }
        let stride = self.stride;
        self.each_block(
            tile,
            #[inline(always)]
            |block| {
                let (columns, images) = (&mut columns[block.columns..], &images[block.image..]);
                if stride == 1 && block.width >= RUN {
                    return block.copy(columns, images);
                }
                let to = columns.chunks_mut(block.columns_step);
                let from = images.chunks(block.image_step);
                for (to, from) in to.zip(from).take(block.rows) {
                    let to = to[..block.width].iter_mut();
                    to.zip(from.iter().step_by(stride))
                        .for_each(|(to, &from)| *to = from);
                }
            },
        );
    }

    /// Adds each of the columns' numbers to the place in `images` that [`gather`](Self::gather) takes it from.
    #[inline(always)]
    pub fn scatter<T: WithDType>(&self, columns: &[T], tile: Range<usize>, images: &mut [T]) {
        let stride = self.stride;
        self.each_block(
            tile,
            #[inline(always)]
            |block| {
                let from = columns[block.columns..].chunks(block.columns_step);
                let to = images[block.image..].chunks_mut(block.image_step);
                for (from, to) in from.zip(to).take(block.rows) {
                    let from = &from[..block.width];
                    if stride == 1 {
                        to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
                    } else {
                        let to = to.iter_mut().step_by(stride);
                        to.zip(from).for_each(|(to, &from)| *to += from);
                    }
                }
            },
        );
    }

    /// Visits the blocks of a tile's columns that lie inside the images.
    #[inline(always)]
    fn each_block(&self, tile: Range<usize>, mut visit: impl FnMut(Block)) {
        let Self {
            height,
            width,
            stride,
            padding,
            ..
        } = *self;
        let images = tile.start / self.out_height..tile.end.div_ceil(self.out_height);
        let inside = |outputs: usize, length: usize| -> Vec<Range<usize>> {
            (0..self.kernel)
                .map(|offset| self.inside(offset, outputs, length))
                .collect()
        };
        let rows = inside(self.out_height, height);
        let columns = inside(self.out_width, width);
        let mut start = 0;
        for channel in 0..self.channels {
            for (dy, rows) in rows.iter().enumerate() {
                for (dx, columns) in columns.iter().enumerate() {
                    // Where rows follow on each other without a gap, they are one.
                    let whole = stride == 1 && columns.len() == width && self.out_width == width;
                    for image in images.clone() {
                        let first = image * self.out_height;
                        let rows =
                            tile.start.max(first + rows.start)..tile.end.min(first + rows.end);
                        if rows.is_empty() || columns.is_empty() {
                            continue;
                        }
                        let y = (rows.start - first) * stride + dy - padding;
                        let x = columns.start * stride + dx - padding;
                        let to = (rows.start - tile.start) * self.out_width + columns.start;
                        let (rows, width) = match whole {
                            true => (1, rows.len() * width),
                            false => (rows.len(), columns.len()),
                        };
                        visit(Block {
                            rows,
                            width,
                            columns: start + to,
                            columns_step: self.out_width.max(width),
                            image: ((image * self.channels + channel) * height + y) * self.width
                                + x,
                            image_step: (stride * self.width).max(width),
                        });
                    }
                    start += tile.len() * self.out_width;
                }
            }
        }
    }

    /// The outputs, of `outputs` along an axis of `length`, whose number `offset` lies inside the image.
    fn inside(&self, offset: usize, outputs: usize, length: usize) -> Range<usize> {
        let start = self.padding.saturating_sub(offset).div_ceil(self.stride);
        let end = (length + self.padding).saturating_sub(offset);
        let end = end.div_ceil(self.stride).min(outputs);
        start.min(end)..end
    }
}

/// What one number of an image is to neighbouring outputs of it: rows in the columns and in the image.
struct Block {
    rows: usize,
    width: usize,
    /// Where the first row starts in the columns, and how far each is from the next.
    columns: usize,
    columns_step: usize,
    /// Where the first row starts in the images, and how far each is from the next.
    image: usize,
    image_step: usize,
}

impl Block {
    /// Copies it in runs of one length, the last over a part of the one before: a call for each of
    /// many short rows would take longer than copying them.
    #[inline(always)]
    fn copy<T: Copy>(&self, columns: &mut [T], images: &[T]) {
        let end = |step: usize| (self.rows - 1) * step + self.width;
        assert!(self.rows > 0 && self.width >= RUN);
        assert!(columns.len() >= end(self.columns_step) && images.len() >= end(self.image_step));
        let last = self.width - RUN;
        for start in (0..last).step_by(RUN).chain([last]) {
            for row in 0..self.rows {
                let (to, from) = (row * self.columns_step, row * self.image_step);
                // SAFETY: `start + RUN` is at most the width of a row, and both
                // slices hold all rows, as asserted. A borrow of each, so they
                // do not overlap.
                unsafe {
                    let from = images.as_ptr().add(from + start);
                    let to = columns.as_mut_ptr().add(to + start);
                    from.copy_to_nonoverlapping(to, RUN);
                }
            }
        }
    }
}
