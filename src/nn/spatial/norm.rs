//! Batch normalisation (Ioffe & Szegedy 2015, algorithm 1), together with what follows it in a residual
//! network: the sum with a shortcut, and relu.

use std::mem::MaybeUninit;

use optim::vectorised;
use rayon::prelude::*;

use super::{lanes::Lanes, parallel_output::ParallelOutput};
use crate::nn::activation::{clip_at_zero, relu_gradient};

/// Mean and variance of each channel.
pub(super) struct ChannelMoments<T> {
    pub mean: Vec<T>,
    /// The biased variance: the mean squared distance from the mean.
    pub variance: Vec<T>,
}

/// The sizes of images `[positions, batch, channels]`; each core processes a position at a time.
#[derive(Clone, Copy)]
pub(super) struct BatchShape {
    pub positions: usize,
    pub batch: usize,
    pub channels: usize,
}

impl BatchShape {
    /// Numbers at one position.
    fn part(self) -> usize {
        self.batch * self.channels
    }

    /// Numbers in all.
    fn len(self) -> usize {
        self.positions * self.part()
    }
}

/// The moments of `x`.
pub(super) fn moments<T: Lanes>(x: &[T], shape: BatchShape) -> ChannelMoments<T> {
    assert_eq!(x.len(), shape.len());
    let parts: Vec<[Vec<T>; 2]> = x
        .par_chunks(shape.part())
        .map(|part| {
            vectorised(
                #[inline(always)]
                || part_moments(part, shape.channels),
            )
        })
        .collect();
    // Chan et al. 1983, eq. 2.1, for parts of equal size.
    let (n, rows) = (parts.len() as f64, shape.batch as f64);
    let merged = (0..shape.channels).map(|c| {
        let mean = parts.iter().map(|[mean, _]| mean[c].to_f64()).sum::<f64>() / n;
        let within = parts
            .iter()
            .map(|[_, squares]| squares[c].to_f64())
            .sum::<f64>();
        let between = parts
            .iter()
            .map(|[m, _]| (m[c].to_f64() - mean).powi(2))
            .sum::<f64>();
        (
            T::from_f64(mean),
            T::from_f64((within + rows * between) / (n * rows)),
        )
    });
    let (mean, variance) = merged.unzip();
    ChannelMoments { mean, variance }
}

/// The mean of each channel of one part, and the sum of squared distances from it.
#[inline(always)]
fn part_moments<T: Lanes>(part: &[T], channels: usize) -> [Vec<T>; 2] {
    let mut mean = vec![T::zero(); channels];
    for row in part.chunks_exact(channels) {
        for (sum, &x) in mean.iter_mut().zip(row) {
            *sum += x;
        }
    }
    let rows = T::from_f64((part.len() / channels) as f64);
    for mean in &mut mean {
        *mean /= rows;
    }
    let mut squares = vec![T::zero(); channels];
    for row in part.chunks_exact(channels) {
        for ((sum, &x), &mean) in squares.iter_mut().zip(row).zip(&mean) {
            let off = x - mean;
            *sum += off * off;
        }
    }
    [mean, squares]
}

/// A factor and an offset for each channel.
pub(super) struct ChannelAffine<T> {
    pub factor: Vec<T>,
    pub offset: Vec<T>,
}

impl<T: Lanes> ChannelAffine<T> {
    /// Normalises by `moments`, then scales by `gamma` and shifts by `beta`.
    pub fn new(moments: &ChannelMoments<T>, gamma: &[T], beta: &[T], eps: f64) -> Self {
        let inverse = moments.inverse_deviation(eps);
        let factor: Vec<T> = inverse.iter().zip(gamma).map(|(&i, &g)| i * g).collect();
        let offset = factor.iter().zip(beta).zip(&moments.mean);
        let offset = offset.map(|((&f, &b), &mean)| b - mean * f).collect();
        Self { factor, offset }
    }
}

impl<T: Lanes> ChannelMoments<T> {
    fn inverse_deviation(&self, eps: f64) -> Vec<T> {
        let inverse = |v: &T| T::from_f64(1.0 / (v.to_f64() + eps).sqrt());
        self.variance.iter().map(inverse).collect()
    }
}

/// `factor x + offset`, plus `shortcut` if there is one, clipped at 0 if `relu`.
pub(super) fn apply<T: Lanes>(
    x: &[T],
    shape: BatchShape,
    affine: &ChannelAffine<T>,
    shortcut: Option<&[T]>,
    relu: bool,
) -> Vec<T> {
    assert_eq!(x.len(), shape.len());
    assert!(shortcut.is_none_or(|shortcut| shortcut.len() == x.len()));
    let out = ParallelOutput::uninitialised(x.len());
    x.par_chunks(shape.part()).enumerate().for_each(|(i, x)| {
        let start = i * shape.part();
        // SAFETY: each chunk has a part of its own.
        let y = unsafe { out.part(start, x.len()) };
        let shortcut = shortcut.map(|all| &all[start..start + x.len()]);
        vectorised(
            #[inline(always)]
            || match (shortcut, relu) {
                (None, false) => apply_to_part(y, x, x, affine, |z, _| z),
                (None, true) => apply_to_part(y, x, x, affine, |z, _| clip_at_zero(z, T::zero())),
                (Some(s), false) => apply_to_part(y, x, s, affine, |z, s| z + s),
                (Some(s), true) => {
                    apply_to_part(y, x, s, affine, |z, s| clip_at_zero(z + s, T::zero()))
                }
            },
        );
    });
    // SAFETY: every chunk has written its part.
    unsafe { out.into_written() }
}

#[inline(always)]
fn apply_to_part<T: Lanes>(
    y: &mut [MaybeUninit<T>],
    x: &[T],
    other: &[T],
    affine: &ChannelAffine<T>,
    then: impl Fn(T, T) -> T,
) {
    let channels = affine.factor.len();
    let rows = x.chunks_exact(channels).zip(other.chunks_exact(channels));
    for (y, (x, other)) in y.chunks_exact_mut(channels).zip(rows) {
        let each = x
            .iter()
            .zip(other)
            .zip(affine.factor.iter().zip(&affine.offset));
        for (y, ((&x, &other), (&factor, &offset))) in y.iter_mut().zip(each) {
            y.write(then(factor * x + offset, other));
        }
    }
}

/// The gradients of a normalisation's inputs; `V` is a vector of numbers or a tensor.
pub(super) struct NormGradients<V> {
    pub x: V,
    pub gamma: V,
    pub beta: V,
    /// The gradient of the shortcut, if there is one.
    pub shortcut: Option<V>,
}

/// The gradients of the inputs of [`apply`], if the moments were those of `x` itself.
///
/// `y` is the output if relu clipped it. `shortcut` says whether the gradient of the shortcut is wanted.
pub(super) fn backward<T: Lanes>(
    [x, dy]: [&[T]; 2],
    y: Option<&[T]>,
    shape: BatchShape,
    moments: &ChannelMoments<T>,
    gamma: &[T],
    eps: f64,
    shortcut: bool,
) -> NormGradients<Vec<T>> {
    assert!(x.len() == shape.len() && dy.len() == x.len());
    assert!(y.is_none_or(|y| y.len() == x.len()));
    let inverse = moments.inverse_deviation(eps);
    let before_relu = shortcut.then(|| ParallelOutput::uninitialised(x.len()));
    let sums: Vec<[Vec<T>; 2]> = (0..shape.positions)
        .into_par_iter()
        .map(|i| {
            let of = |all| part(all, i, shape);
            // SAFETY: each position has a part of its own.
            let before_relu = before_relu
                .as_ref()
                .map(|out| unsafe { out.part(i * shape.part(), shape.part()) });
            vectorised(
                #[inline(always)]
                || part_sums(of(x), of(dy), y.map(of), &moments.mean, before_relu),
            )
        })
        .collect();
    // SAFETY: every position has written its part.
    let shortcut = before_relu.map(|out| unsafe { out.into_written() });
    let total = |which: usize, c: usize| sums.iter().map(|s| s[which][c].to_f64()).sum::<f64>();
    let (n, channels) = ((shape.positions * shape.batch) as f64, 0..shape.channels);
    let dbeta: Vec<f64> = channels.clone().map(|c| total(0, c)).collect();
    let dgamma: Vec<f64> = channels
        .clone()
        .map(|c| total(1, c) * inverse[c].to_f64())
        .collect();
    // dx = gamma inverse (dz - mean(dz) - (x - mean) inverse mean(dz x^)). Not written as `a dz + b x +
    // c`: the rounding error of c would be the same everywhere, while the sum of all dx is almost 0.
    let share = |total: f64| T::from_f64(total / n);
    let factor: Vec<T> = gamma.iter().zip(&inverse).map(|(&g, &i)| g * i).collect();
    let of_dz: Vec<T> = dbeta.iter().map(|&total| share(total)).collect();
    let slopes = dgamma.iter().zip(&inverse);
    let of_x: Vec<T> = slopes
        .map(|(&total, i)| share(total * i.to_f64()))
        .collect();
    let dx = ParallelOutput::uninitialised(x.len());
    (0..shape.positions).into_par_iter().for_each(|i| {
        let of = |all| part(all, i, shape);
        // SAFETY: each position has a part of its own.
        let dx = unsafe { dx.part(i * shape.part(), shape.part()) };
        let channels = [&factor, &of_dz, &of_x, &moments.mean].map(Vec::as_slice);
        vectorised(
            #[inline(always)]
            || match (&shortcut, y) {
                (Some(dz), _) => combine(dx, of(x), of(dz), of(x), channels, |dz, _| dz),
                (None, None) => combine(dx, of(x), of(dy), of(x), channels, |dz, _| dz),
                (None, Some(y)) => {
                    let relu_gradient = |dy, y| relu_gradient(dy, y, T::zero());
                    combine(dx, of(x), of(dy), of(y), channels, relu_gradient);
                }
            },
        );
    });
    let numbers = |all: Vec<f64>| all.into_iter().map(T::from_f64).collect();
    NormGradients {
        // SAFETY: every position has written its part.
        x: unsafe { dx.into_written() },
        gamma: numbers(dgamma),
        beta: numbers(dbeta),
        shortcut,
    }
}

fn part<T>(all: &[T], i: usize, shape: BatchShape) -> &[T] {
    &all[i * shape.part()..(i + 1) * shape.part()]
}

/// The sums of `dz` and of `dz (x - mean)` over one part, where `dz` is the gradient before relu.
/// Writes `dz` to `before_relu` if given.
#[inline(always)]
fn part_sums<T: Lanes>(
    x: &[T],
    dy: &[T],
    y: Option<&[T]>,
    mean: &[T],
    before_relu: Option<&mut [MaybeUninit<T>]>,
) -> [Vec<T>; 2] {
    let channels = mean.len();
    let mut sums = [vec![T::zero(); channels], vec![T::zero(); channels]];
    match (y, before_relu) {
        (Some(y), Some(before_relu)) => {
            let rows = y.chunks_exact(channels).zip(dy.chunks_exact(channels));
            for ((y, dy), dz) in rows.zip(before_relu.chunks_exact_mut(channels)) {
                for ((&y, &dy), dz) in y.iter().zip(dy).zip(dz) {
                    dz.write(relu_gradient(dy, y, T::zero()));
                }
            }
        }
        (None, Some(before_relu)) => {
            for (&dy, dz) in dy.iter().zip(before_relu) {
                dz.write(dy);
            }
        }
        _ => {}
    }
    match y {
        Some(y) => add_up(&mut sums, x, dy, y, mean, |dy, y| {
            relu_gradient(dy, y, T::zero())
        }),
        None => add_up(&mut sums, x, dy, x, mean, |dy, _| dy),
    }
    sums
}

#[inline(always)]
fn add_up<T: Lanes>(
    [of_dz, of_product]: &mut [Vec<T>; 2],
    x: &[T],
    dy: &[T],
    y: &[T],
    mean: &[T],
    dz_of: impl Fn(T, T) -> T,
) {
    let channels = mean.len();
    let rows = x.chunks_exact(channels).zip(dy.chunks_exact(channels));
    for ((x, dy), y) in rows.zip(y.chunks_exact(channels)) {
        let each = x.iter().zip(dy).zip(y).zip(mean);
        let sums = of_dz.iter_mut().zip(of_product.iter_mut());
        for ((sum, product), (((&x, &dy), &y), &mean)) in sums.zip(each) {
            let dz = dz_of(dy, y);
            *sum += dz;
            *product += dz * (x - mean);
        }
    }
}

#[inline(always)]
fn combine<T: Lanes>(
    dx: &mut [MaybeUninit<T>],
    x: &[T],
    dy: &[T],
    y: &[T],
    [factor, of_dz, of_x, mean]: [&[T]; 4],
    dz_of: impl Fn(T, T) -> T,
) {
    let channels = mean.len();
    let rows = x.chunks_exact(channels).zip(dy.chunks_exact(channels));
    let rows = rows.zip(y.chunks_exact(channels));
    for (dx, ((x, dy), y)) in dx.chunks_exact_mut(channels).zip(rows) {
        let each = x.iter().zip(dy).zip(y);
        let lines = factor.iter().zip(of_dz).zip(of_x.iter().zip(mean));
        for (dx, (((&x, &dy), &y), ((&f, &b), (&k, &m)))) in dx.iter_mut().zip(each.zip(lines)) {
            dx.write(f * (dz_of(dy, y) - b - (x - m) * k));
        }
    }
}
