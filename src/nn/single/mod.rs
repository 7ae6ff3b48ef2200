//! The value network of one agent on slices, for one observation at a time.
//!
//! All weights lie in one list, so that a trace or a gradient is a list of the same length. The gradient of a value is
//! never written down: each row of it is added to its row of the trace as it is computed.

mod layer;

use candle_core::WithDType;
use optim::{Element, Shape, vectorised};
use rand::Rng;

use super::{
    Architecture, Rectifier, init,
    layer_norm::{normalise, normalise_backward},
};
use crate::{Error, Result};
use layer::{ConvShape, Kind, SingleLayer};

/// f32 or f64.
pub trait Number: WithDType + Element {}
impl<T: WithDType + Element> Number for T {}

/// PyTorch's eps of a layer normalisation.
const EPS: f64 = 1e-5;

/// The layers of a network, without its weights.
#[derive(Clone, Debug)]
pub struct Layers {
    layers: Vec<SingleLayer>,
    layer_norm: bool,
    /// What follows each layer but the last.
    rectifier: Rectifier,
    /// Numbers of all layers together.
    pub weights: usize,
}

/// What came of one observation on its way through a network.
#[derive(Clone, Debug)]
pub struct Pass<T> {
    /// The input of each layer, and last the values.
    inputs: Vec<Vec<T>>,
    /// What the weights of a convolution's filters meet; empty for a linear layer.
    columns: Vec<Vec<T>>,
    /// What each layer but the last computed, normalised if it is.
    normal: Vec<Vec<T>>,
    /// What the normalisation multiplied by.
    gains: Vec<T>,
}

impl<T> Pass<T> {
    /// The values of the actions.
    pub fn values(&self) -> &[T] {
        self.inputs.last().map_or(&[], Vec::as_slice)
    }
}

impl Layers {
    /// The layers of `architecture`, with `rectifier` in place of its activation.
    ///
    /// # Errors
    /// If the convolutions do not fit the observation, or if there is a dueling head, which is not supported.
    pub fn new(
        architecture: &Architecture,
        rectifier: Rectifier,
        layer_norm: bool,
    ) -> Result<Self> {
        if architecture.dueling {
            return Err(Error::usage(
                "dueling = true is not allowed for a network that sees one observation at a time; allowed: false",
            ));
        }
        let sizes = architecture.sizes()?;
        let (mut layers, mut weights) = (Vec::new(), 0);
        let mut push = |kind: Kind| {
            let (rows, each) = kind.rows();
            layers.push(SingleLayer {
                kind,
                start: weights,
            });
            weights += rows * (each + 1);
        };
        let mut inputs = architecture.observation.iter().product();
        if let &[mut channels, mut height, mut width] = architecture.observation.as_slice() {
            for filters in &architecture.conv {
                let conv = ConvShape {
                    channels,
                    height,
                    width,
                    count: filters.count,
                    size: filters.size,
                };
                (channels, height, width) = (conv.count, conv.out_height(), conv.out_width());
                inputs = channels * height * width;
                push(Kind::Conv(conv));
            }
        }
        for &outputs in &sizes[architecture.conv.len()..] {
            push(Kind::Linear { inputs, outputs });
            inputs = outputs;
        }
        Ok(Self {
            layers,
            layer_norm,
            rectifier,
            weights,
        })
    }

    /// What an optimiser sees of the weights: each layer's matrix, then its biases.
    pub fn tensors(&self) -> Vec<(Shape, optim::Layer)> {
        let each = self.layers.iter().enumerate().flat_map(|(i, layer)| {
            let (rows, columns) = layer.kind.rows();
            let place = optim::Layer::at(i, self.layers.len());
            [Shape::matrix(rows, columns), Shape::Vector(rows)].map(|shape| (shape, place))
        });
        each.collect()
    }

    /// Weights drawn from `rng`: uniform as PyTorch's are, but of each neuron's or filter's a share of `sparsity`,
    /// rounded up, is 0 at random places. Biases are 0 (the paper's sparse initialisation).
    pub fn draw<T: Number>(&self, sparsity: f64, rng: &mut impl Rng) -> Vec<T> {
        let mut all = Vec::with_capacity(self.weights);
        for layer in &self.layers {
            let (rows, each) = layer.kind.rows();
            let bound = 1.0 / (each as f64).sqrt();
            let zeros = (sparsity * each as f64).ceil() as usize;
            let mut places: Vec<u32> = (0..each as u32).collect();
            for _ in 0..rows {
                let first = all.len();
                all.extend((0..each).map(|_| T::from_f64(rng.random_range(-bound..bound))));
                // The first places of a random order.
                for i in 0..zeros {
                    let other = rng.random_range(i as u32..each as u32) as usize;
                    places.swap(i, other);
                    all[first + places[i] as usize] = T::from_f64(0.0);
                }
            }
            all.extend((0..rows).map(|_| T::from_f64(0.0)));
        }
        all
    }

    /// Weights and biases drawn from `rng` as PyTorch's default draws them, and as [`Network`](super::Network) does
    /// from the same stream.
    pub fn draw_uniform<T: Number>(&self, rng: &mut impl Rng) -> Vec<T> {
        let mut all = Vec::with_capacity(self.weights);
        for layer in &self.layers {
            let (rows, each) = layer.kind.rows();
            init::uniform_fan_in(rng, each, rows * each, &mut all);
            init::uniform_fan_in(rng, each, rows, &mut all);
        }
        all.into_iter().map(T::from_f64).collect()
    }

    /// Room for a [`Pass`].
    pub fn pass<T: Number>(&self) -> Pass<T> {
        let zeros = |n: usize| vec![T::from_f64(0.0); n];
        let first = self.layers.iter().map(|layer| zeros(layer.kind.inputs()));
        let last = self.layers.last().map(|layer| zeros(layer.kind.outputs()));
        let hidden = &self.layers[..self.layers.len() - 1];
        let columns = |layer: &SingleLayer| match layer.kind {
            Kind::Linear { .. } => Vec::new(),
            Kind::Conv(conv) => zeros(layer.kind.rows().1 * conv.positions()),
        };
        Pass {
            columns: self.layers.iter().map(columns).collect(),
            inputs: first.chain(last).collect(),
            normal: hidden.iter().map(|l| zeros(l.kind.outputs())).collect(),
            gains: zeros(hidden.len()),
        }
    }

    /// Computes the values of the observation `x`.
    pub fn forward<T: Number>(&self, weights: &[T], x: &[T], pass: &mut Pass<T>) {
        pass.inputs[0].copy_from_slice(x);
        let last = self.layers.len() - 1;
        vectorised(
            #[inline(always)]
            || {
                for (i, layer) in self.layers.iter().enumerate() {
                    let (before, after) = pass.inputs.split_at_mut(i + 1);
                    let (input, output) = (&before[i], &mut after[0]);
                    let columns = &mut pass.columns[i];
                    if i == last {
                        layer.compute(weights, input, columns, output);
                        continue;
                    }
                    let normal = &mut pass.normal[i];
                    layer.compute(weights, input, columns, normal);
                    if self.layer_norm {
                        pass.gains[i] = normalise(normal, EPS);
                    }
                    for (y, &x) in output.iter_mut().zip(normal.iter()) {
                        *y = self.rectifier.of(x);
                    }
                }
            },
        );
    }

    /// `trace <- decay trace + the gradient of the value of `action``, of which `pass` came; returns the L1 norm
    /// of the new trace. `scratch` holds the gradient of a layer's output.
    pub fn trace<T: Number>(
        &self,
        weights: &[T],
        pass: &Pass<T>,
        action: usize,
        decay: f64,
        trace: &mut [T],
        scratch: &mut [Vec<T>],
    ) -> f64 {
        let slope = (action, T::from_f64(1.0));
        self.backward::<T, true>(weights, pass, slope, decay, trace, scratch)
    }

    /// `sum <- keep sum + the gradient of a loss` whose derivative with respect to the value of action number `slope.0`
    /// is `slope.1`. `pass` is that of the observation, and `scratch` holds the gradient of a layer's output.
    pub fn gradient<T: Number>(
        &self,
        weights: &[T],
        pass: &Pass<T>,
        slope: (usize, T),
        keep: f64,
        sum: &mut [T],
        scratch: &mut [Vec<T>],
    ) {
        self.backward::<T, false>(weights, pass, slope, keep, sum, scratch);
    }

    /// `trace <- decay trace + the gradient` of what has the derivative `slope`. The L1 norm of the new trace takes as long
    /// as the rest; without `NORM` it is 0.
    fn backward<T: Number, const NORM: bool>(
        &self,
        weights: &[T],
        pass: &Pass<T>,
        slope: (usize, T),
        decay: f64,
        trace: &mut [T],
        scratch: &mut [Vec<T>],
    ) -> f64 {
        let decay = T::from_f64(decay);
        let last = self.layers.len() - 1;
        scratch[last].fill(T::from_f64(0.0));
        scratch[last][slope.0] = slope.1;
        let mut norm = 0.0;
        vectorised(
            #[inline(always)]
            || {
                for (i, layer) in self.layers.iter().enumerate().rev() {
                    let (before, after) = scratch.split_at_mut(i);
                    let d = &mut after[0];
                    if i < last {
                        for (d, &y) in d.iter_mut().zip(&pass.normal[i]) {
                            *d = self.rectifier.gradient(*d, y);
                        }
                        if self.layer_norm {
                            normalise_backward(d, &pass.normal[i], pass.gains[i]);
                        }
                    }
                    if let Some(input) = before.last_mut() {
                        layer.input_gradient(weights, d, input);
                    }
                    let (input, columns) = (&pass.inputs[i], &pass.columns[i]);
                    norm += layer.trace::<T, NORM>(input, columns, d, decay, trace);
                }
            },
        );
        norm
    }

    /// Room for [`trace`](Self::trace).
    pub fn scratch<T: Number>(&self) -> Vec<Vec<T>> {
        let zeros = |layer: &SingleLayer| vec![T::from_f64(0.0); layer.kind.outputs()];
        self.layers.iter().map(zeros).collect()
    }
}

impl Layers {
    /// The names of the layers' parameters (`0.weight`, `0.bias`, `1.weight`, ...) with their shapes, in the order in
    /// which they lie in the weights.
    pub fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        let of = |(i, layer): (usize, &SingleLayer)| {
            let (rows, each) = layer.kind.rows();
            let shape = match layer.kind {
                Kind::Linear { .. } => vec![rows, each],
                Kind::Conv(conv) => vec![rows, conv.channels, conv.size, conv.size],
            };
            [
                (format!("{i}.weight"), shape),
                (format!("{i}.bias"), vec![rows]),
            ]
        };
        self.layers.iter().enumerate().flat_map(of).collect()
    }
}
