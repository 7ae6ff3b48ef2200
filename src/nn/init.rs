//! Initial weights, drawn from one of the run's streams because candle's CPU generator cannot be
//! seeded.

use candle_core::{DType, Device, Result, Tensor, Var};
use rand::Rng;

/// Appends `n` draws of PyTorch's default for a layer with `fan_in` inputs, U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
///
/// `kaiming_uniform_(a=sqrt(5))` amounts to this for the weights of `torch.nn.Linear` and
/// `torch.nn.Conv2d`, whose biases have the same bound.
pub(super) fn uniform_fan_in(rng: &mut impl Rng, fan_in: usize, n: usize, into: &mut Vec<f64>) {
    let bound = 1.0 / (fan_in as f64).sqrt();
    into.extend((0..n).map(|_| rng.random_range(-bound..bound)));
}

/// A weight `[agents, ...shape]` and a bias `[agents, shape[0]]` by [`uniform_fan_in`]. Each agent draws
/// from its own stream, the weight first.
pub(super) fn layer(
    shape: &[usize],
    streams: &mut [impl Rng],
    dtype: DType,
    device: &Device,
) -> Result<(Var, Var)> {
    let (outputs, fan_in) = (shape[0], shape[1..].iter().product());
    let (mut weight, mut bias) = (Vec::new(), Vec::new());
    for stream in streams.iter_mut() {
        uniform_fan_in(stream, fan_in, outputs * fan_in, &mut weight);
        uniform_fan_in(stream, fan_in, outputs, &mut bias);
    }
    let var = |data: Vec<f64>, shape: &[usize]| {
        let shape: Vec<usize> = [&[streams.len()], shape].concat();
        Var::from_tensor(&Tensor::from_vec(data, shape, device)?.to_dtype(dtype)?)
    };
    Ok((var(weight, shape)?, var(bias, &[outputs])?))
}

/// A weight `[agents, ...shape]` of variance `gain` / inputs, normal within two standard deviations as
/// flax's `variance_scaling` draws it, and a bias `[agents, shape[0]]` of 0. Each agent draws from its own stream.
pub(super) fn normal_layer(
    shape: &[usize],
    gain: f64,
    streams: &mut [impl Rng],
    dtype: DType,
    device: &Device,
) -> Result<(Var, Var)> {
    let (outputs, fan_in) = (shape[0], shape[1..].iter().product::<usize>());
    // What is left of a standard deviation of 1 when the normal is cut at 2.
    const CUT: f64 = 0.879_625_661_034_239_8;
    let spread = (gain / fan_in as f64).sqrt() / CUT;
    let mut weight = Vec::with_capacity(streams.len() * outputs * fan_in);
    for stream in streams.iter_mut() {
        weight.extend((0..outputs * fan_in).map(|_| spread * cut_normal(stream)));
    }
    let agents = streams.len();
    let of_weight: Vec<usize> = [&[agents], shape].concat();
    let weight = Tensor::from_vec(weight, of_weight, device)?.to_dtype(dtype)?;
    Ok((
        Var::from_tensor(&weight)?,
        Var::zeros((agents, outputs), dtype, device)?,
    ))
}

/// A standard normal number, drawn again until it is within -2 to 2 (Box & Muller 1958).
fn cut_normal(rng: &mut impl Rng) -> f64 {
    loop {
        // 1 - u is never 0.
        let (u, v): (f64, f64) = (rng.random(), rng.random());
        let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        if normal.abs() <= 2.0 {
            return normal;
        }
    }
}
