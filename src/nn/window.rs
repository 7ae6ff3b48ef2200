//! How the kernel of a convolution or a pooling slides over an image.

use candle_core::{Result, bail};

/// A square kernel that slides over one image, and the size of the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    /// Rows of the output.
    pub out_height: usize,
    /// Columns of the output.
    pub out_width: usize,
}

impl Window {
    /// A square kernel over an image of `[channels, height, width]`; an error if it does not fit in.
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

    /// Numbers of an image that one output sees.
    pub fn receptive_field(&self) -> usize {
        self.channels * self.kernel * self.kernel
    }

    /// Positions of the output.
    pub fn positions(&self) -> usize {
        self.out_height * self.out_width
    }
}
