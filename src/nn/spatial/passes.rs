//! The layers' passes on tensors, on the tensors' device.

use candle_core::{Device, Result, Tensor, Var};

#[cfg(any(feature = "cuda", test))]
use super::gpu;
use super::{cpu, geometry::Geometry, norm::NormGradients, panels::PANEL, pool::MaxPool};

/// Calls the pass of this name for the device of `$x`.
macro_rules! by_device {
    ($x:expr, $pass:ident($($argument:expr),*)) => {{
        #[cfg(any(feature = "cuda", test))]
        if let Some(machine) = gpu::machine($x.device())? {
            return gpu::$pass(&*machine, $($argument),*);
        }
        cpu::$pass($($argument),*)
    }};
}

/// Channels in a panel of weights on `device`. On a GPU a panel has all `outputs`, so that the weight
/// is one matrix `[taps * in, out]`.
pub(super) fn panel(device: &Device, outputs: usize) -> Result<usize> {
    #[cfg(any(feature = "cuda", test))]
    if gpu::machine(device)?.is_some() {
        return Ok(outputs);
    }
    let _ = (device, outputs);
    Ok(PANEL)
}

/// The output, then what [`weight_grad`] needs: the input or the columns gathered from it.
pub(super) fn convolve(geometry: &Geometry, x: &Tensor, weight: &Tensor) -> Result<[Tensor; 2]> {
    by_device!(x, convolve(geometry, x, weight))
}

/// The gradient of the input; added to `onto` if there is one.
pub(super) fn input_grad(
    geometry: &Geometry,
    dy: &Tensor,
    weight: &Tensor,
    onto: Option<Tensor>,
) -> Result<Tensor> {
    by_device!(dy, input_grad(geometry, dy, weight, onto))
}

/// The gradient of the weight, which has the shape of `like`.
pub(super) fn weight_grad(
    geometry: &Geometry,
    seen: &Tensor,
    dy: &Tensor,
    like: &Tensor,
) -> Result<Tensor> {
    by_device!(dy, weight_grad(geometry, seen, dy, like))
}

/// Mean and biased variance of each channel. The running statistics move by `share` towards the mean
/// and the unbiased variance.
pub(super) fn moments(x: &Tensor, running: &[Var; 2], share: f64) -> Result<[Tensor; 2]> {
    by_device!(x, moments(x, running, share))
}

/// `x` normalised by `moments`, scaled and shifted by gamma and beta (`scale`), plus `shortcut`, clipped at 0
/// if `relu`.
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

/// The gradients of the inputs of [`normalise`], if the moments were those of `x` itself. `y` is the
/// output if relu clipped it.
pub(super) fn normalise_backward(
    x: &Tensor,
    dy: &Tensor,
    y: Option<&Tensor>,
    moments: &[Tensor; 2],
    gamma: &Tensor,
    eps: f64,
    shortcut: bool,
) -> Result<NormGradients<Tensor>> {
    by_device!(
        x,
        normalise_backward(x, dy, y, moments, gamma, eps, shortcut)
    )
}

/// The largest numbers, and the taps at which they were found.
pub(super) fn max_pool(pool: &MaxPool, x: &Tensor) -> Result<[Tensor; 2]> {
    by_device!(x, max_pool(pool, x))
}

/// The gradient of the pooling's input.
pub(super) fn max_pool_backward(pool: &MaxPool, dy: &Tensor, found: &Tensor) -> Result<Tensor> {
    by_device!(dy, max_pool_backward(pool, dy, found))
}
