//! The fused layers put together from candle's own operations: what runs on a GPU, where ours have no
//! kernels.
//!
//! All agents of a cohort go through one batched product a layer. A convolution gathers its columns by
//! an index computed once on the host (im2col) and is then such a product too.

use candle_core::{Result, Tensor};

use super::columns::Window;

/// `x w^T + b`, clipped at 0 if `relu`: `[agents, batch, in]` to `[agents, batch, out]`. What one input
/// is may have axes of its own.
pub(super) fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor, relu: bool) -> Result<Tensor> {
    let y = x.flatten_from(2)?.matmul(&weight.transpose(1, 2)?)?;
    let y = y.broadcast_add(&bias.unsqueeze(1)?)?;
    if relu { y.relu() } else { Ok(y) }
}

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
    let (outputs, seen, positions) = (weight.dim(1)?, window.seen(), window.positions());
    let padding = window.padding;
    let x = x
        .pad_with_zeros(3, padding, padding)?
        .pad_with_zeros(4, padding, padding)?
        .reshape((agents * batch, ()))?;
    let taken = Tensor::from_vec(gathered(window), seen * positions, x.device())?;
    // The positions of all images of an agent side by side.
    let columns = x
        .index_select(&taken, 1)?
        .reshape((agents, batch, seen, positions))?
        .transpose(1, 2)?
        .reshape((agents, seen, batch * positions))?;
    let y = weight.reshape((agents, outputs, seen))?.matmul(&columns)?;
    let y = match bias {
        Some(bias) => y.broadcast_add(&bias.unsqueeze(2)?)?,
        None => y,
    };
    let y = y
        .reshape((agents, outputs, batch, positions))?
        .transpose(1, 2)?
        .reshape((agents, batch, outputs, window.out_height, window.out_width))?;
    if relu { y.relu() } else { Ok(y) }
}

/// Where each number of the columns lies in a padded image: for each channel, row and column of the
/// kernel the positions it meets, row by row.
fn gathered(window: &Window) -> Vec<u32> {
    let Window {
        channels,
        kernel,
        stride,
        padding,
        ..
    } = *window;
    let (height, width) = (window.height + 2 * padding, window.width + 2 * padding);
    let mut taken = Vec::with_capacity(window.seen() * window.positions());
    for channel in 0..channels {
        for (i, j) in (0..kernel).flat_map(|i| (0..kernel).map(move |j| (i, j))) {
            for row in (0..window.out_height).map(|row| row * stride + i) {
                let line = (channel * height + row) * width + j;
                let columns = (0..window.out_width).map(|column| line + column * stride);
                taken.extend(columns.map(|place| place as u32));
            }
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Conv, Linear};
    use candle_core::{DType, Device, Var};

    fn waves(dims: &[usize], frequency: f64) -> Var {
        let wave = |i: usize| (i as f64 * frequency + 0.3).sin();
        let values: Vec<f64> = (0..dims.iter().product()).map(wave).collect();
        Var::from_vec(values, dims, &Device::Cpu).unwrap()
    }

    /// Asserts that two results have the same values and give `vars` the same gradients.
    fn alike(fused: &Tensor, composed: &Tensor, vars: &[&Var]) {
        let close = |a: &Tensor, b: &Tensor| {
            assert_eq!((a.dims(), a.dtype()), (b.dims(), DType::F64));
            let off = (a - b).unwrap().abs().unwrap().max_all().unwrap();
            assert!(off.to_scalar::<f64>().unwrap() < 1e-12);
        };
        close(fused, composed);
        let grads = |y: &Tensor| y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        let (fused, composed) = (grads(fused), grads(composed));
        for var in vars {
            close(fused.get(var).unwrap(), composed.get(var).unwrap());
        }
    }

    #[test]
    fn are_the_fused_layers() {
        let (x, w, b) = (
            waves(&[2, 5, 4], 0.9),
            waves(&[2, 3, 4], 0.7),
            waves(&[2, 3], 1.9),
        );
        for relu in [false, true] {
            let fused = Linear::new(w.clone(), b.clone(), relu, true);
            let composed = linear(&x, &w, &b, relu).unwrap();
            alike(&fused.forward(&x).unwrap(), &composed, &[&x, &w, &b]);
        }
        for (kernel, stride, padding) in [(1, 1, 0), (3, 1, 0), (3, 1, 1), (3, 2, 1), (2, 3, 1)] {
            let x = waves(&[2, 3, 2, 5, 4], 0.9);
            let w = waves(&[2, 3, 2, kernel, kernel], 0.7);
            for (bias, relu) in [(Some(&b), true), (None, false)] {
                let fused =
                    Conv::new(w.clone(), bias.cloned(), relu, true).stepping(stride, padding);
                let window = Window::new([2, 5, 4], kernel, stride, padding).unwrap();
                let bias = bias.map(Var::as_tensor);
                let composed = conv(&x, &w, bias, &window, relu).unwrap();
                alike(&fused.forward(&x).unwrap(), &composed, &[&x, &w]);
            }
        }
    }
}
