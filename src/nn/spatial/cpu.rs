//! The layers' passes on tensors in the CPU's memory.

use candle_core::{CpuStorage, DType, Device, InplaceOp3, Layout, Result, Tensor, Var, bail};

use super::{
    geometry::Geometry,
    lanes::Lanes,
    norm::{self, BatchShape, ChannelAffine, ChannelMoments, NormGradients},
    pool::MaxPool,
};
use crate::nn::slices::{contiguous, on_cpu};

/// Calls `$of::<f32>` or `$of::<f64>`, by the type of `$x`.
macro_rules! by_dtype {
    ($x:expr, $of:ident($($argument:expr),*)) => {
        match $x.dtype() {
            DType::F32 => $of::<f32>($($argument),*),
            DType::F64 => $of::<f64>($($argument),*),
            other => bail!("layers of images: {other:?} is neither f32 nor f64"),
        }
    };
}

/// Shadows tensors with slices of their numbers.
macro_rules! slices {
    ($($x:ident: $t:ty),*) => {
        $(
            let $x = $x.storage_and_layout();
            let $x = on_cpu::<$t>(&$x.0, $x.1)?;
        )*
    };
}

fn tensor<T: Lanes>(data: Vec<T>, shape: impl Into<candle_core::Shape>) -> Result<Tensor> {
    Tensor::from_vec(data, shape.into(), &Device::Cpu)
}

/// The output, then the input.
pub(super) fn convolve(geometry: &Geometry, x: &Tensor, weight: &Tensor) -> Result<[Tensor; 2]> {
    let y = by_dtype!(x, convolve_of(geometry, x, weight))?;
    Ok([y, x.clone()])
}

fn convolve_of<T: Lanes>(geometry: &Geometry, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let batch = x.dim(1)?;
    slices!(x: T, weight: T);
    let shape = (geometry.positions()[1], batch, geometry.sizes().outputs);
    tensor(geometry.forward(x, weight), shape)
}

pub(super) fn input_grad(
    geometry: &Geometry,
    dy: &Tensor,
    weight: &Tensor,
    onto: Option<Tensor>,
) -> Result<Tensor> {
    match onto {
        Some(onto) => {
            onto.inplace_op3(dy, weight, &AddInputGrad(geometry))?;
            Ok(onto)
        }
        None => by_dtype!(dy, input_grad_of(geometry, dy, weight)),
    }
}

fn input_grad_of<T: Lanes>(geometry: &Geometry, dy: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let batch = dy.dim(1)?;
    slices!(dy: T, weight: T);
    let shape = (geometry.positions()[0], batch, geometry.sizes().inputs);
    tensor(geometry.input_grad(dy, weight, None), shape)
}

/// Adds the gradient of a convolution's input to an existing one.
struct AddInputGrad<'a>(&'a Geometry);

impl AddInputGrad<'_> {
    fn add<T: Lanes>(
        &self,
        onto: &mut Vec<T>,
        dy: (&CpuStorage, &Layout),
        weight: (&CpuStorage, &Layout),
    ) -> Result<()> {
        let (dy, weight) = (contiguous(dy.0, dy.1)?, contiguous(weight.0, weight.1)?);
        *onto = self.0.input_grad(dy, weight, Some(std::mem::take(onto)));
        Ok(())
    }
}

impl InplaceOp3 for AddInputGrad<'_> {
    fn name(&self) -> &'static str {
        "add-input-gradient"
    }

    fn cpu_fwd(
        &self,
        onto: &mut CpuStorage,
        layout: &Layout,
        dy: &CpuStorage,
        dy_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<()> {
        match (layout.contiguous_offsets(), onto) {
            (Some((0, end)), CpuStorage::F32(onto)) if end == onto.len() => {
                self.add(onto, (dy, dy_layout), (weight, weight_layout))
            }
            (Some((0, end)), CpuStorage::F64(onto)) if end == onto.len() => {
                self.add(onto, (dy, dy_layout), (weight, weight_layout))
            }
            _ => {
                bail!("a gradient that another is added to must fill its memory and be f32 or f64")
            }
        }
    }
}

pub(super) fn weight_grad(
    geometry: &Geometry,
    x: &Tensor,
    dy: &Tensor,
    like: &Tensor,
) -> Result<Tensor> {
    by_dtype!(x, weight_grad_of(geometry, x, dy, like))
}

fn weight_grad_of<T: Lanes>(
    geometry: &Geometry,
    x: &Tensor,
    dy: &Tensor,
    like: &Tensor,
) -> Result<Tensor> {
    slices!(x: T, dy: T);
    tensor(geometry.weight_grad(x, dy), like.shape())
}

/// The sizes of `x` `[positions, batch, channels]`.
fn batch_shape(x: &Tensor) -> Result<BatchShape> {
    let (positions, batch, channels) = x.dims3()?;
    Ok(BatchShape {
        positions,
        batch,
        channels,
    })
}

pub(super) fn moments(x: &Tensor, running: &[Var; 2], share: f64) -> Result<[Tensor; 2]> {
    let moments = by_dtype!(x, moments_of(x))?;
    let n = (x.dim(0)? * x.dim(1)?) as f64;
    // The running variance is updated with the unbiased variance.
    for ((running, moment), factor) in running.iter().zip(&moments).zip([1.0, n / (n - 1.0)]) {
        let kept = running.affine(1.0 - share, 0.0)?;
        running.set(&(kept + moment.affine(share * factor, 0.0)?)?)?;
    }
    Ok(moments)
}

fn moments_of<T: Lanes>(x: &Tensor) -> Result<[Tensor; 2]> {
    let shape = batch_shape(x)?;
    slices!(x: T);
    let ChannelMoments { mean, variance } = norm::moments(x, shape);
    Ok([
        tensor(mean, shape.channels)?,
        tensor(variance, shape.channels)?,
    ])
}

pub(super) fn normalise(
    x: &Tensor,
    moments: &[Tensor; 2],
    scale: [&Tensor; 2],
    eps: f64,
    shortcut: Option<&Tensor>,
    relu: bool,
) -> Result<Tensor> {
    by_dtype!(x, normalise_of(x, moments, scale, eps, shortcut, relu))
}

fn numbers<T: Lanes>(x: &Tensor) -> Result<Vec<T>> {
    x.to_vec1()
}

fn normalise_of<T: Lanes>(
    x: &Tensor,
    [mean, variance]: &[Tensor; 2],
    [gamma, beta]: [&Tensor; 2],
    eps: f64,
    shortcut: Option<&Tensor>,
    relu: bool,
) -> Result<Tensor> {
    let (shape, dims) = (batch_shape(x)?, x.shape().clone());
    let moments = ChannelMoments {
        mean: numbers::<T>(mean)?,
        variance: numbers(variance)?,
    };
    let affine = ChannelAffine::new(&moments, &numbers(gamma)?, &numbers(beta)?, eps);
    slices!(x: T);
    let shortcut = shortcut.map(Tensor::storage_and_layout);
    let shortcut = shortcut
        .as_ref()
        .map(|(storage, layout)| on_cpu::<T>(storage, layout));
    tensor(
        norm::apply(x, shape, &affine, shortcut.transpose()?, relu),
        dims,
    )
}

pub(super) fn normalise_backward(
    x: &Tensor,
    dy: &Tensor,
    y: Option<&Tensor>,
    moments: &[Tensor; 2],
    gamma: &Tensor,
    eps: f64,
    shortcut: bool,
) -> Result<NormGradients<Tensor>> {
    by_dtype!(
        x,
        normalise_backward_of(x, dy, y, moments, gamma, eps, shortcut)
    )
}

fn normalise_backward_of<T: Lanes>(
    x: &Tensor,
    dy: &Tensor,
    y: Option<&Tensor>,
    [mean, variance]: &[Tensor; 2],
    gamma: &Tensor,
    eps: f64,
    shortcut: bool,
) -> Result<NormGradients<Tensor>> {
    let (shape, dims) = (batch_shape(x)?, x.shape().clone());
    let moments = ChannelMoments {
        mean: numbers::<T>(mean)?,
        variance: numbers(variance)?,
    };
    let gamma = numbers::<T>(gamma)?;
    slices!(x: T, dy: T);
    let y = y.map(Tensor::storage_and_layout);
    let y = y
        .as_ref()
        .map(|(storage, layout)| on_cpu::<T>(storage, layout));
    let grads = norm::backward(
        [x, dy],
        y.transpose()?,
        shape,
        &moments,
        &gamma,
        eps,
        shortcut,
    );
    Ok(NormGradients {
        x: tensor(grads.x, &dims)?,
        gamma: tensor(grads.gamma, shape.channels)?,
        beta: tensor(grads.beta, shape.channels)?,
        shortcut: grads.shortcut.map(|grad| tensor(grad, &dims)).transpose()?,
    })
}

pub(super) fn max_pool(pool: &MaxPool, x: &Tensor) -> Result<[Tensor; 2]> {
    by_dtype!(x, max_pool_of(pool, x))
}

fn max_pool_of<T: Lanes>(pool: &MaxPool, x: &Tensor) -> Result<[Tensor; 2]> {
    let (_, batch, channels) = x.dims3()?;
    slices!(x: T);
    let (largest, found) = pool.forward(x, batch * channels);
    let shape = (pool.positions()[1], batch, channels);
    Ok([
        tensor(largest, shape)?,
        Tensor::from_vec(found, shape, &Device::Cpu)?,
    ])
}

pub(super) fn max_pool_backward(pool: &MaxPool, dy: &Tensor, found: &Tensor) -> Result<Tensor> {
    by_dtype!(dy, max_pool_backward_of(pool, dy, found))
}

fn max_pool_backward_of<T: Lanes>(pool: &MaxPool, dy: &Tensor, found: &Tensor) -> Result<Tensor> {
    let (_, batch, channels) = dy.dims3()?;
    slices!(dy: T, found: u8);
    let dx = pool.backward(dy, found, batch * channels);
    tensor(dx, (pool.positions()[0], batch, channels))
}
