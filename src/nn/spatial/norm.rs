//! Batch normalisation (Ioffe & Szegedy 2015, algorithm 1), with what follows it in a residual network:
//! the sum with a shortcut, and relu.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::{lanes::Lanes, out::Out};
use crate::{
    nn::relu::{clipped, passed},
    wide::wide,
};

/// Mean and variance of each channel.
pub(super) struct Moments<T> {
    pub mean: Vec<T>,
    /// The biased one: the mean squared distance from the mean.
    pub variance: Vec<T>,
}

/// Images `[positions, batch, channels]`, taken apart for the cores.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub positions: usize,
    pub batch: usize,
    pub channels: usize,
}

impl Shape {
    /// Numbers at one position.
    fn part(self) -> usize {
        self.batch * self.channels
    }

    /// All numbers.
    fn len(self) -> usize {
        self.positions * self.part()
    }
}

/// The moments of `x`.
pub(super) fn moments<T: Lanes>(x: &[T], shape: Shape) -> Moments<T> {
    assert_eq!(x.len(), shape.len());
    let parts: Vec<[Vec<T>; 2]> = x
        .par_chunks(shape.part())
        .map(|part| {
            wide(
                #[inline(always)]
                || part_moments(part, shape.channels),
            )
        })
        .collect();
    // Chan et al. 1983, eq. 2.1, for parts of the same size.
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
    Moments { mean, variance }
}

/// Mean and sum of squared distances from it, of each channel of one part.
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

/// What a channel's numbers are multiplied by, and what is added.
pub(super) struct Line<T> {
    pub factor: Vec<T>,
    pub offset: Vec<T>,
}

impl<T: Lanes> Line<T> {
    /// That of normalising by `moments` and then scaling by `gamma` and shifting by `beta`.
    pub fn new(moments: &Moments<T>, gamma: &[T], beta: &[T], eps: f64) -> Self {
        let inverse = moments.inverse_deviation(eps);
        let factor: Vec<T> = inverse.iter().zip(gamma).map(|(&i, &g)| i * g).collect();
        let offset = factor.iter().zip(beta).zip(&moments.mean);
        let offset = offset.map(|((&f, &b), &mean)| b - mean * f).collect();
        Self { factor, offset }
    }
}

impl<T: Lanes> Moments<T> {
    fn inverse_deviation(&self, eps: f64) -> Vec<T> {
        let inverse = |v: &T| T::from_f64(1.0 / (v.to_f64() + eps).sqrt());
        self.variance.iter().map(inverse).collect()
    }
}

/// `factor x + offset`, plus `shortcut` if there is one, clipped at 0 if `relu`.
pub(super) fn apply<T: Lanes>(
    x: &[T],
    shape: Shape,
    line: &Line<T>,
    shortcut: Option<&[T]>,
    relu: bool,
) -> Vec<T> {
    assert_eq!(x.len(), shape.len());
    assert!(shortcut.is_none_or(|shortcut| shortcut.len() == x.len()));
    let out = Out::new(x.len());
    x.par_chunks(shape.part()).enumerate().for_each(|(i, x)| {
        let start = i * shape.part();
        // SAFETY: a part for each chunk.
        let y = unsafe { out.part(start, x.len()) };
        let shortcut = shortcut.map(|all| &all[start..start + x.len()]);
        wide(
            #[inline(always)]
            || match (shortcut, relu) {
                (None, false) => lines(y, x, x, line, |z, _| z),
                (None, true) => lines(y, x, x, line, |z, _| clipped(z, T::zero())),
                (Some(s), false) => lines(y, x, s, line, |z, s| z + s),
                (Some(s), true) => lines(y, x, s, line, |z, s| clipped(z + s, T::zero())),
            },
        );
    });
    // SAFETY: every chunk wrote its part.
    unsafe { out.filled() }
}

#[inline(always)]
fn lines<T: Lanes>(
    y: &mut [MaybeUninit<T>],
    x: &[T],
    other: &[T],
    line: &Line<T>,
    then: impl Fn(T, T) -> T,
) {
    let channels = line.factor.len();
    let rows = x.chunks_exact(channels).zip(other.chunks_exact(channels));
    for (y, (x, other)) in y.chunks_exact_mut(channels).zip(rows) {
        let each = x
            .iter()
            .zip(other)
            .zip(line.factor.iter().zip(&line.offset));
        for (y, ((&x, &other), (&factor, &offset))) in y.iter_mut().zip(each) {
            y.write(then(factor * x + offset, other));
        }
    }
}

/// What [`backward`] gives.
pub(super) struct Gradients<T> {
    pub x: Vec<T>,
    pub gamma: Vec<T>,
    pub beta: Vec<T>,
    /// If there is one.
    pub shortcut: Option<Vec<T>>,
}

/// The gradients behind [`apply`] on the moments of `x` itself.
///
/// `y` is what came out if it was clipped. With `shortcut`, its gradient is among them.
pub(super) fn backward<T: Lanes>(
    [x, dy]: [&[T]; 2],
    y: Option<&[T]>,
    shape: Shape,
    moments: &Moments<T>,
    gamma: &[T],
    eps: f64,
    shortcut: bool,
) -> Gradients<T> {
    assert!(x.len() == shape.len() && dy.len() == x.len());
    assert!(y.is_none_or(|y| y.len() == x.len()));
    let inverse = moments.inverse_deviation(eps);
    let behind = shortcut.then(|| Out::new(x.len()));
    let sums: Vec<[Vec<T>; 2]> = (0..shape.positions)
        .into_par_iter()
        .map(|i| {
            let of = |all| part(all, i, shape);
            // SAFETY: a part for each position.
            let behind = behind
                .as_ref()
                .map(|out| unsafe { out.part(i * shape.part(), shape.part()) });
            wide(
                #[inline(always)]
                || part_sums(of(x), of(dy), y.map(of), &moments.mean, behind),
            )
        })
        .collect();
    // SAFETY: every position wrote its part.
    let shortcut = behind.map(|out| unsafe { out.filled() });
    let total = |which: usize, c: usize| sums.iter().map(|s| s[which][c].to_f64()).sum::<f64>();
    let (n, channels) = ((shape.positions * shape.batch) as f64, 0..shape.channels);
    let dbeta: Vec<f64> = channels.clone().map(|c| total(0, c)).collect();
    let dgamma: Vec<f64> = channels
        .clone()
        .map(|c| total(1, c) * inverse[c].to_f64())
        .collect();
    // dx = gamma inverse (dz - mean(dz) - (x - mean) inverse mean(dz x^)). Not as a line in x: the
    // rounding of its offset would be the same for all, and the sum of many dx next to nothing.
    let share = |total: f64| T::from_f64(total / n);
    let factor: Vec<T> = gamma.iter().zip(&inverse).map(|(&g, &i)| g * i).collect();
    let of_dz: Vec<T> = dbeta.iter().map(|&total| share(total)).collect();
    let slopes = dgamma.iter().zip(&inverse);
    let of_x: Vec<T> = slopes
        .map(|(&total, i)| share(total * i.to_f64()))
        .collect();
    let dx = Out::new(x.len());
    (0..shape.positions).into_par_iter().for_each(|i| {
        let of = |all| part(all, i, shape);
        // SAFETY: a part for each position.
        let dx = unsafe { dx.part(i * shape.part(), shape.part()) };
        let lines = [&factor, &of_dz, &of_x, &moments.mean].map(Vec::as_slice);
        wide(
            #[inline(always)]
            || match (&shortcut, y) {
                (Some(dz), _) => combine(dx, of(x), of(dz), of(x), lines, |dz, _| dz),
                (None, None) => combine(dx, of(x), of(dy), of(x), lines, |dz, _| dz),
                (None, Some(y)) => {
                    let relu = |dy, y| passed(dy, y, T::zero());
                    combine(dx, of(x), of(dy), of(y), lines, relu);
                }
            },
        );
    });
    let numbers = |all: Vec<f64>| all.into_iter().map(T::from_f64).collect();
    Gradients {
        // SAFETY: every position wrote its part.
        x: unsafe { dx.filled() },
        gamma: numbers(dgamma),
        beta: numbers(dbeta),
        shortcut,
    }
}

fn part<T>(all: &[T], i: usize, shape: Shape) -> &[T] {
    &all[i * shape.part()..(i + 1) * shape.part()]
}

/// The sums of `dz` and of `dz (x - mean)` over one part, with `dz` the gradient behind relu, which
/// `behind` takes down.
#[inline(always)]
fn part_sums<T: Lanes>(
    x: &[T],
    dy: &[T],
    y: Option<&[T]>,
    mean: &[T],
    behind: Option<&mut [MaybeUninit<T>]>,
) -> [Vec<T>; 2] {
    let channels = mean.len();
    let mut sums = [vec![T::zero(); channels], vec![T::zero(); channels]];
    match (y, behind) {
        (Some(y), Some(behind)) => {
            let rows = y.chunks_exact(channels).zip(dy.chunks_exact(channels));
            for ((y, dy), behind) in rows.zip(behind.chunks_exact_mut(channels)) {
                for ((&y, &dy), behind) in y.iter().zip(dy).zip(behind) {
                    behind.write(passed(dy, y, T::zero()));
                }
            }
        }
        (None, Some(behind)) => {
            for (&dy, behind) in dy.iter().zip(behind) {
                behind.write(dy);
            }
        }
        _ => {}
    }
    match y {
        Some(y) => add_up(&mut sums, x, dy, y, mean, |dy, y| passed(dy, y, T::zero())),
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
    behind: impl Fn(T, T) -> T,
) {
    let channels = mean.len();
    let rows = x.chunks_exact(channels).zip(dy.chunks_exact(channels));
    for ((x, dy), y) in rows.zip(y.chunks_exact(channels)) {
        let each = x.iter().zip(dy).zip(y).zip(mean);
        let sums = of_dz.iter_mut().zip(of_product.iter_mut());
        for ((sum, product), (((&x, &dy), &y), &mean)) in sums.zip(each) {
            let dz = behind(dy, y);
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
    behind: impl Fn(T, T) -> T,
) {
    let channels = mean.len();
    let rows = x.chunks_exact(channels).zip(dy.chunks_exact(channels));
    let rows = rows.zip(y.chunks_exact(channels));
    for (dx, ((x, dy), y)) in dx.chunks_exact_mut(channels).zip(rows) {
        let each = x.iter().zip(dy).zip(y);
        let lines = factor.iter().zip(of_dz).zip(of_x.iter().zip(mean));
        for (dx, (((&x, &dy), &y), ((&f, &b), (&k, &m)))) in dx.iter_mut().zip(each.zip(lines)) {
            dx.write(f * (behind(dy, y) - b - (x - m) * k));
        }
    }
}
