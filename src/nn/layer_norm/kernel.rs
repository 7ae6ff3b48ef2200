//! The arithmetic of a layer normalisation.

use candle_core::{D, Result, Shape, Tensor, WithDType, bail};
use optim::vectorised;

use super::Rectifier;
use crate::nn::{
    fused::{LayerGradients, LayerKernel},
    slices::part,
};

/// The arithmetic.
#[derive(Clone, Copy)]
pub(super) struct NormKernel {
    pub eps: f64,
    pub rectifier: Rectifier,
}

/// The sizes of one application.
#[derive(Clone, Copy)]
pub(super) struct NormSizes {
    agents: usize,
    batch: usize,
    features: usize,
    /// Pixels of an image; 1 without images.
    positions: usize,
    /// Height and width of an image.
    image: Option<(usize, usize)>,
}

impl NormSizes {
    pub fn of(x: &Shape) -> Result<Self> {
        let (&[agents, batch, features, ..], image) = (x.dims(), x.dims().get(3..)) else {
            bail!("layer norm: an input of shape {x:?} has no features");
        };
        let image = match image {
            Some(&[height, width]) => Some((height, width)),
            Some([]) | None => None,
            _ => bail!(
                "layer norm: the input {x:?} is neither [agents, batch, features] nor [agents, batch, channels, height, width]"
            ),
        };
        Ok(Self {
            agents,
            batch,
            features,
            positions: image.map_or(1, |(height, width)| height * width),
            image,
        })
    }

    fn each(&self) -> usize {
        self.features * self.positions
    }
}

/// Numbers added up side by side: as many as the widest vectors have, on every machine.
const LANES: usize = 16;

/// The sum of `f` over pairs of two lists of one length, in one order on every machine.
#[inline(always)]
pub(crate) fn sum_of<T: WithDType>(a: &[T], b: &[T], f: impl Fn(T, T) -> T) -> T {
    let zero = T::from_f64(0.0);
    let mut lanes = [zero; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            lanes[i] += f(a[i], b[i]);
        }
    }
    for (i, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[i] += f(a, b);
    }
    lanes.into_iter().fold(zero, |sum, x| sum + x)
}

/// Makes `x` have mean 0 and variance 1, but for `eps`; returns what its distances from the mean were
/// multiplied by.
#[inline(always)]
pub(crate) fn normalise<T: WithDType>(x: &mut [T], eps: f64) -> T {
    let per = T::from_f64(1.0 / x.len() as f64);
    let mean = sum_of(x, x, |x, _| x) * per;
    for x in x.iter_mut() {
        *x -= mean;
    }
    let variance = sum_of(x, x, |x, y| x * y) * per;
    let gain = T::from_f64(1.0 / (variance.to_f64() + eps).sqrt());
    for x in x.iter_mut() {
        *x *= gain;
    }
    gain
}

/// Turns `d`, the gradient of what [`normalise`] made, into that of what it was given; `normal` is what
/// it made, and `gain` what it returned.
#[inline(always)]
pub(crate) fn normalise_backward<T: WithDType>(d: &mut [T], normal: &[T], gain: T) {
    let per = T::from_f64(1.0 / d.len() as f64);
    let mean = sum_of(d, normal, |d, _| d) * per;
    let along = sum_of(d, normal, |d, x| d * x) * per;
    for (d, &x) in d.iter_mut().zip(normal) {
        *d = gain * (*d - mean - x * along);
    }
}

/// Room for the pixels' means and gains.
struct PixelMoments<T> {
    mean: Vec<T>,
    gain: Vec<T>,
}

impl<T: WithDType> PixelMoments<T> {
    fn new(positions: usize) -> Self {
        let zeros = vec![T::from_f64(0.0); positions];
        Self {
            mean: zeros.clone(),
            gain: zeros,
        }
    }

    /// [`normalise`] of each column of `x`, `[features, positions]`.
    #[inline(always)]
    fn normalise(&mut self, x: &mut [T], eps: f64) {
        let positions = self.mean.len();
        let per = T::from_f64(positions as f64 / x.len() as f64);
        let zero = T::from_f64(0.0);
        self.mean.fill(zero);
        for row in x.chunks_exact(positions) {
            add(&mut self.mean, row, |x| x);
        }
        scale(&mut self.mean, per);
        self.gain.fill(zero);
        for row in x.chunks_exact_mut(positions) {
            for (x, &mean) in row.iter_mut().zip(&self.mean) {
                *x -= mean;
            }
            add(&mut self.gain, row, |x| x * x);
        }
        for gain in &mut self.gain {
            let variance = (*gain * per).to_f64();
            *gain = T::from_f64(1.0 / (variance + eps).sqrt());
        }
        for row in x.chunks_exact_mut(positions) {
            for (x, &gain) in row.iter_mut().zip(&self.gain) {
                *x *= gain;
            }
        }
    }

    /// [`normalise_backward`] of each column of `d`.
    #[inline(always)]
    fn backward(&mut self, d: &mut [T], normal: &[T], along: &mut [T]) {
        let positions = self.mean.len();
        let per = T::from_f64(positions as f64 / d.len() as f64);
        let zero = T::from_f64(0.0);
        self.mean.fill(zero);
        along.fill(zero);
        for (d, x) in d
            .chunks_exact(positions)
            .zip(normal.chunks_exact(positions))
        {
            add(&mut self.mean, d, |d| d);
            for ((along, &d), &x) in along.iter_mut().zip(d).zip(x) {
                *along += d * x;
            }
        }
        scale(&mut self.mean, per);
        scale(along, per);
        let rows = d
            .chunks_exact_mut(positions)
            .zip(normal.chunks_exact(positions));
        for (d, x) in rows {
            let pixels = self.gain.iter().zip(&self.mean).zip(along.iter());
            for ((d, &x), ((&gain, &mean), &along)) in d.iter_mut().zip(x).zip(pixels) {
                *d = gain * (*d - mean - x * along);
            }
        }
    }
}

#[inline(always)]
fn add<T: WithDType>(sums: &mut [T], row: &[T], f: impl Fn(T) -> T) {
    for (sum, &x) in sums.iter_mut().zip(row) {
        *sum += f(x);
    }
}

#[inline(always)]
fn scale<T: WithDType>(row: &mut [T], by: T) {
    for x in row {
        *x *= by;
    }
}

impl NormKernel {
    #[inline(always)]
    fn normal<T: WithDType>(
        self,
        s: NormSizes,
        sample: &mut [T],
        columns: &mut PixelMoments<T>,
    ) -> T {
        match s.positions {
            1 => normalise(sample, self.eps),
            _ => {
                columns.normalise(sample, self.eps);
                T::from_f64(1.0)
            }
        }
    }

    /// The output; without a scale and a shift if they are empty.
    pub fn output_of<T: WithDType>(
        self,
        s: NormSizes,
        x: &[T],
        weight: &[T],
        bias: &[T],
    ) -> Vec<T> {
        let mut y = x.to_vec();
        let mut columns = PixelMoments::new(s.positions);
        vectorised(
            #[inline(always)]
            || {
                for (i, sample) in y.chunks_exact_mut(s.each()).enumerate() {
                    self.normal(s, sample, &mut columns);
                    if weight.is_empty() {
                        sample.iter_mut().for_each(|y| *y = self.rectifier.of(*y));
                        continue;
                    }
                    let agent = i / s.batch;
                    let (scale, shift) =
                        (part(weight, agent, s.agents), part(bias, agent, s.agents));
                    if s.positions == 1 {
                        for ((y, &scale), &shift) in sample.iter_mut().zip(scale).zip(shift) {
                            *y = self.rectifier.of(*y * scale + shift);
                        }
                        continue;
                    }
                    let rows = sample.chunks_exact_mut(s.positions);
                    for ((row, &scale), &shift) in rows.zip(scale).zip(shift) {
                        for y in row {
                            *y = self.rectifier.of(*y * scale + shift);
                        }
                    }
                }
            },
        );
        y
    }

    /// The gradients that follow from `dy`.
    pub fn gradients<T: WithDType>(
        self,
        s: NormSizes,
        [x, weight, y, dy]: [&[T]; 4],
    ) -> LayerGradients<T> {
        let zero = T::from_f64(0.0);
        let mut grads = LayerGradients {
            x: dy.to_vec(),
            weight: vec![zero; weight.len()],
            bias: vec![zero; weight.len()],
        };
        let mut columns = PixelMoments::new(s.positions);
        let mut along = vec![zero; s.positions];
        let mut normal = vec![zero; s.each()];
        vectorised(
            #[inline(always)]
            || {
                let samples = grads.x.chunks_exact_mut(s.each());
                let samples = samples.zip(x.chunks_exact(s.each()).zip(y.chunks_exact(s.each())));
                for (i, (d, (x, y))) in samples.enumerate() {
                    normal.copy_from_slice(x);
                    let gain = self.normal(s, &mut normal, &mut columns);
                    for (d, &y) in d.iter_mut().zip(y) {
                        *d = self.rectifier.gradient(*d, y);
                    }
                    if !weight.is_empty() {
                        let own = i / s.batch * s.features..(i / s.batch + 1) * s.features;
                        let scale = &weight[own.clone()];
                        let (dw, db) = (&mut grads.weight[own.clone()], &mut grads.bias[own]);
                        if s.positions == 1 {
                            let sums = dw.iter_mut().zip(db);
                            let features = d.iter_mut().zip(normal.iter().zip(scale)).zip(sums);
                            for ((d, (&x, &scale)), (dw, db)) in features {
                                *dw += *d * x;
                                *db += *d;
                                *d *= scale;
                            }
                        } else {
                            let rows = d.chunks_exact_mut(s.positions);
                            let rows = rows.zip(normal.chunks_exact(s.positions)).enumerate();
                            for (i, (d, normal)) in rows {
                                dw[i] += sum_of(d, normal, |d, x| d * x);
                                db[i] += sum_of(d, normal, |d, _| d);
                                d.iter_mut().for_each(|d| *d *= scale[i]);
                            }
                        }
                    }
                    match s.positions {
                        1 => normalise_backward(d, &normal, gain),
                        _ => columns.backward(d, &normal, &mut along),
                    }
                }
            },
        );
        grads
    }

    pub fn by_candle(self, x: &Tensor, learned: Option<(&Tensor, &Tensor)>) -> Result<Tensor> {
        let s = NormSizes::of(x.shape())?;
        let flat = x.reshape((s.agents, s.batch, s.features, s.positions))?;
        let flat = flat.transpose(2, 3)?.contiguous()?;
        let centred = flat.broadcast_sub(&flat.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let mut y = centred.broadcast_div(&(variance + self.eps)?.sqrt()?)?;
        if let Some((scale, shift)) = learned {
            let place = |tensor: &Tensor| tensor.reshape((s.agents, 1, 1, s.features));
            y = y
                .broadcast_mul(&place(scale)?)?
                .broadcast_add(&place(shift)?)?;
        }
        y = match self.rectifier {
            Rectifier::Off => y,
            Rectifier::Relu(slope) => (y.relu()? - (y.neg()?.relu()? * slope)?)?,
        };
        y.transpose(2, 3)?.contiguous()?.reshape(x.shape())
    }
}

impl LayerKernel for NormKernel {
    type Sizes = NormSizes;

    const NAME: &'static str = "layer norm";

    fn input_grad(&self) -> bool {
        true
    }

    fn sizes(&self, x: &Shape, weight: &Shape, bias: Option<&Shape>) -> Result<NormSizes> {
        let s = NormSizes::of(x)?;
        let learned = [s.agents, s.features];
        if weight.dims() != learned || bias.is_none_or(|bias| bias.dims() != learned) {
            bail!("layer norm: input {x:?}, scale {weight:?} and shift {bias:?} do not fit");
        }
        Ok(s)
    }

    fn output(s: NormSizes) -> Shape {
        match s.image {
            Some((height, width)) => Shape::from((s.agents, s.batch, s.features, height, width)),
            None => Shape::from((s.agents, s.batch, s.features)),
        }
    }

    fn forward<T: WithDType>(self, s: NormSizes, x: &[T], weight: &[T], bias: &[T]) -> Vec<T> {
        self.output_of(s, x, weight, bias)
    }

    fn backward<T: WithDType>(
        self,
        s: NormSizes,
        x: &[T],
        weight: &[T],
        _has_bias: bool,
        y: &[T],
        dy: &[T],
    ) -> LayerGradients<T> {
        self.gradients(s, [x, weight, y, dy])
    }

    fn composed(
        self,
        _sizes: NormSizes,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
    ) -> Result<Tensor> {
        self.by_candle(x, bias.map(|bias| (weight, bias)))
    }
}
