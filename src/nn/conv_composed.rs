//! A convolution composed of candle's operations, for devices for which we have no kernel.
//!
//! The columns (im2col) are gathered by an index that the host computes; then all agents of a cohort go
//! through one batched product. The images of a batch lie side by side, number by number, so that the
//! gathered columns are the matrix of that product as they are.

use candle_core::{Result, Tensor};

use super::window::Window;

/// The convolution of `x` `[agents, batch, in, height, width]` with `weight` `[agents, out, in, k, k]`
/// as `window` slides, to `[agents, batch, out, height', width']`, clipped at 0 if `relu`.
pub(super) fn conv(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    window: &Window,
    relu: bool,
) -> Result<Tensor> {
    let (agents, batch, ..) = x.dims5()?;
    let (outputs, field, positions) =
        (weight.dim(1)?, window.receptive_field(), window.positions());
    let padding = window.padding;
    let x = x
        .pad_with_zeros(3, padding, padding)?
        .pad_with_zeros(4, padding, padding)?
        .reshape((agents, batch, ()))?
        .transpose(1, 2)?
        .contiguous()?;
    let index = Tensor::from_vec(column_index(window), field * positions, x.device())?;
    let columns = x
        .index_select(&index, 1)?
        .reshape((agents, field, positions * batch))?;
    let y = weight.reshape((agents, outputs, field))?.matmul(&columns)?;
    let y = match bias {
        Some(bias) => y.broadcast_add(&bias.unsqueeze(2)?)?,
        None => y,
    };
    let y = if relu { y.relu()? } else { y };
    y.reshape((agents, outputs * positions, batch))?
        .transpose(1, 2)?
        .reshape((agents, batch, outputs, window.out_height, window.out_width))
}

/// For each number of the columns, its place in a padded image. For each channel, row and column of the
/// kernel, these are the numbers under it at each output, row by row.
fn column_index(window: &Window) -> Vec<u32> {
    let Window {
        channels,
        kernel,
        stride,
        padding,
        ..
    } = *window;
    let (height, width) = (window.height + 2 * padding, window.width + 2 * padding);
    let mut index = Vec::with_capacity(window.receptive_field() * window.positions());
    for channel in 0..channels {
        for (i, j) in (0..kernel).flat_map(|i| (0..kernel).map(move |j| (i, j))) {
            for row in (0..window.out_height).map(|row| row * stride + i) {
                let start = (channel * height + row) * width + j;
                let columns = (0..window.out_width).map(|column| start + column * stride);
                index.extend(columns.map(|place| place as u32));
            }
        }
    }
    index
}
