//! The passes on tensors, by the device that they lie on.

use candle_core::{DType, Device, Result, Tensor, Var, bail};

#[cfg(any(feature = "cuda", test))]
use super::gpu;
use super::{Geometry, PANEL, cpu, pool::MaxPool};
use crate::data::Look;

/// The gradients of the input, of gamma, of beta, and of the shortcut.
pub(super) type NormGrads = (Tensor, Tensor, Tensor, Option<Tensor>);

/// Calls the pass of this name for the device that `$x` is on.
macro_rules! by_device {
    ($x:expr, $pass:ident($($argument:expr),*)) => {{
        #[cfg(any(feature = "cuda", test))]
        if let Some(machine) = gpu::machine($x.device())? {
            return gpu::$pass(&*machine, $($argument),*);
        }
        cpu::$pass($($argument),*)
    }};
}

/// Channels of a panel of weights on `device`; on a GPU all `outputs`, so that the weight is one matrix
/// `[places * in, out]`.
pub(super) fn panel(device: &Device, outputs: usize) -> Result<usize> {
    #[cfg(any(feature = "cuda", test))]
    if gpu::machine(device)?.is_some() {
        return Ok(outputs);
    }
    let _ = (device, outputs);
    Ok(PANEL)
}

/// What comes out, and what [`weight_grad`] wants to see: what came in, or what was gathered from it.
pub(super) fn convolve(geometry: &Geometry, x: &Tensor, weight: &Tensor) -> Result<[Tensor; 2]> {
    by_device!(x, convolve(geometry, x, weight))
}

/// The gradient of what came in; added to `onto` if there is one.
pub(super) fn input_grad(
    geometry: &Geometry,
    dy: &Tensor,
    weight: &Tensor,
    onto: Option<Tensor>,
) -> Result<Tensor> {
    by_device!(dy, input_grad(geometry, dy, weight, onto))
}

/// The gradient of the weight, which is like `like`.
pub(super) fn weight_grad(
    geometry: &Geometry,
    seen: &Tensor,
    dy: &Tensor,
    like: &Tensor,
) -> Result<Tensor> {
    by_device!(dy, weight_grad(geometry, seen, dy, like))
}

/// Mean and biased variance of each channel, which the running ones take in: they move by `share` to the
/// mean and to the unbiased variance.
pub(super) fn moments(x: &Tensor, running: &[Var; 2], share: f64) -> Result<[Tensor; 2]> {
    by_device!(x, moments(x, running, share))
}

/// Normalised by `moments`, scaled and shifted by gamma and beta; plus `shortcut`; clipped if `relu`.
pub(super) fn normalise(
    x: &Tensor,
    moments: &[Tensor; 2],
    scale: [&Tensor; 2],
    eps: f64,
    shortcut: Option<&Tensor>,
    relu: bool,
) -> Result<Tensor> {
    by_device!(x, normalise(x, moments, scale, eps, shortcut, relu))
}

/// The gradients behind [`normalise`] on the moments of `x` itself; `y` is what came out if it was clipped.
pub(super) fn normalise_backward(
    x: &Tensor,
    dy: &Tensor,
    y: Option<&Tensor>,
    moments: &[Tensor; 2],
    gamma: &Tensor,
    eps: f64,
    shortcut: bool,
) -> Result<NormGrads> {
    by_device!(
        x,
        normalise_backward(x, dy, y, moments, gamma, eps, shortcut)
    )
}

/// The largest, and the place of the kernel it was found at.
pub(super) fn max_pool(pool: &MaxPool, x: &Tensor) -> Result<[Tensor; 2]> {
    by_device!(x, max_pool(pool, x))
}

/// The gradient of what was pooled.
pub(super) fn max_pool_backward(pool: &MaxPool, dy: &Tensor, found: &Tensor) -> Result<Tensor> {
    by_device!(dy, max_pool_backward(pool, dy, found))
}

/// The minibatch `rows` of `images`, a data set's own bytes on a GPU, `[n, channels, height, width]` of
/// u8: normalised to -1..=1, `[height * width, rows, channels]` of `dtype`, f32, f64 or bf16.
///
/// With `looks`, image `rows[i]` is cropped and flipped as `looks[i]` says. It is [`Split::fill`] in one
/// launch, to the bit in f32.
///
/// An error if there is no such image, if `looks` is of another length, if the images are not on a GPU, or
/// if this program was built without `--features cuda`.
///
/// [`Split::fill`]: crate::data::Split::fill
pub fn minibatch(
    images: &Tensor,
    rows: &[u32],
    looks: Option<&[Look]>,
    dtype: DType,
) -> Result<Tensor> {
    let n = images.dims4()?.0;
    if images.dtype() != DType::U8 {
        bail!("images are {:?}; allowed: u8", images.dtype());
    }
    if let Some(row) = rows.iter().find(|&&row| row as usize >= n) {
        bail!(
            "there is no image {row}; allowed: 0 to {}",
            n.saturating_sub(1)
        );
    }
    if let Some(looks) = looks
        && looks.len() != rows.len()
    {
        bail!(
            "{} looks for {} images; allowed: one each",
            looks.len(),
            rows.len()
        );
    }
    #[cfg(any(feature = "cuda", test))]
    if let Some(machine) = gpu::machine(images.device())? {
        return gpu::minibatch(&*machine, images, rows, looks, dtype);
    }
    let _ = dtype;
    bail!("minibatches are made on an NVIDIA GPU alone, by a program built with `--features cuda`")
}
