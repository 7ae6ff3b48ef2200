//! Images as the matrix by which a convolution multiplies its weights (im2col), tile by tile.
//!
//! A column holds the numbers that one output sees; a tile holds the columns of a few rows of outputs.

use std::ops::Range;

use candle_core::WithDType;

use super::window::Window;

/// Numbers in the columns of a tile: few enough for the cache.
const TILE_NUMBERS: usize = 1 << 15;
/// The fewest positions in a tile. With fewer, the product slows down because each tile reads the
/// weights again.
const MIN_POSITIONS: usize = 256;
/// Numbers copied at once.
const COPY_LEN: usize = 8;

impl Window {
    /// Cuts the rows of the outputs into tiles. The rows are numbered through all `batch` images; a
    /// tile of small images holds whole images.
    pub fn tiles(&self, batch: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let positions = (TILE_NUMBERS / self.receptive_field()).max(MIN_POSITIONS);
        let mut rows_each = positions.div_ceil(self.out_width);
        if rows_each > self.out_height {
            rows_each -= rows_each % self.out_height;
        }
        let rows = batch * self.out_height;
        let starts = (0..rows).step_by(rows_each);
        starts.map(move |start| start..rows.min(start + rows_each))
    }

    /// Writes the columns of the output rows `tile`: row by row, one number of the receptive field at each
    /// position.
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
                if stride == 1 && block.width >= COPY_LEN {
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

    /// Adds each number of the columns to the place in `images` from which [`gather`](Self::gather)
    /// takes it.
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

    /// Visits the blocks of a tile's columns that lie inside the images, not in the padding.
    #[inline(always)]
    fn each_block(&self, tile: Range<usize>, mut visit: impl FnMut(ColumnBlock)) {
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
                    // Rows that follow each other without a gap are copied as one.
                    let gapless = stride == 1 && columns.len() == width && self.out_width == width;
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
                        let (rows, width) = match gapless {
                            true => (1, rows.len() * width),
                            false => (rows.len(), columns.len()),
                        };
                        visit(ColumnBlock {
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

    /// The range of `outputs` outputs along an axis of `length` for which number `offset` of the kernel
    /// lies inside the image.
    fn inside(&self, offset: usize, outputs: usize, length: usize) -> Range<usize> {
        let start = self.padding.saturating_sub(offset).div_ceil(self.stride);
        let end = (length + self.padding).saturating_sub(offset);
        let end = end.div_ceil(self.stride).min(outputs);
        start.min(end)..end
    }
}

/// One number of the receptive field at neighbouring outputs: rows in the columns and in the images.
struct ColumnBlock {
    rows: usize,
    width: usize,
    /// Where the first row starts in the columns.
    columns: usize,
    /// The distance from row to row in the columns.
    columns_step: usize,
    /// Where the first row starts in the images.
    image: usize,
    /// The distance from row to row in the images.
    image_step: usize,
}

impl ColumnBlock {
    /// Copies the rows in pieces of one length; the last piece overlaps the one before. Calling
    /// `memcpy` for each of many short rows would take longer than the copying itself.
    #[inline(always)]
    fn copy<T: Copy>(&self, columns: &mut [T], images: &[T]) {
        let end = |step: usize| (self.rows - 1) * step + self.width;
        assert!(self.rows > 0 && self.width >= COPY_LEN);
        assert!(columns.len() >= end(self.columns_step) && images.len() >= end(self.image_step));
        let last = self.width - COPY_LEN;
        for start in (0..last).step_by(COPY_LEN).chain([last]) {
            for row in 0..self.rows {
                let (to, from) = (row * self.columns_step, row * self.image_step);
                // SAFETY: `start + COPY_LEN` is at most the width of a row, and both slices hold all rows, as
                // asserted. One is borrowed mutably, so they do not overlap.
                unsafe {
                    let from = images.as_ptr().add(from + start);
                    let to = columns.as_mut_ptr().add(to + start);
                    from.copy_to_nonoverlapping(to, COPY_LEN);
                }
            }
        }
    }
}
