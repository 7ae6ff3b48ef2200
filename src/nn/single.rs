//! The value network of one agent on slices, for one observation at a time.
//!
//! All weights lie in one list, so that a trace or a gradient is a list of the same length. The gradient of a value is
//! never written down: each row of it is added to its row of the trace as it is computed.

use candle_core::WithDType;
use optim::{Element, Shape};
use rand::Rng;

use super::{
    Architecture, Rectifier, init,
    layer_norm::{normalise, normalise_backward, sum_of},
};
use crate::{Error, Result, simd::vectorised};

/// f32 or f64.
pub trait Number: WithDType + Element {}
impl<T: WithDType + Element> Number for T {}

/// PyTorch's eps of a layer normalisation.
const EPS: f64 = 1e-5;

/// One layer: what it computes, and where its weights begin; its biases follow them.
#[derive(Clone, Debug)]
struct Layer {
    kind: Kind,
    start: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Linear { inputs: usize, outputs: usize },
    Conv(Conv),
}

/// A convolution of stride 1 without padding.
#[derive(Clone, Copy, Debug)]
struct Conv {
    channels: usize,
    height: usize,
    width: usize,
    count: usize,
    size: usize,
}

impl Conv {
    fn out_height(self) -> usize {
        self.height + 1 - self.size
    }

    fn out_width(self) -> usize {
        self.width + 1 - self.size
    }

    /// Calls `visit` for each weight of one filter, by its number in it, and row of the output: with the place of
    /// the output's row and of the input's that the weight meets.
    #[inline(always)]
    fn each_run(self, mut visit: impl FnMut(usize, usize, usize)) {
        let (out_height, out_width) = (self.out_height(), self.out_width());
        for channel in 0..self.channels {
            for y in 0..self.size {
                for x in 0..self.size {
                    let weight = (channel * self.size + y) * self.size + x;
                    for row in 0..out_height {
                        let from = (channel * self.height + row + y) * self.width + x;
                        visit(weight, row * out_width, from);
                    }
                }
            }
        }
    }
}

impl Kind {
    fn inputs(self) -> usize {
        match self {
            Kind::Linear { inputs, .. } => inputs,
            Kind::Conv(conv) => conv.channels * conv.height * conv.width,
        }
    }

    fn outputs(self) -> usize {
        match self {
            Kind::Linear { outputs, .. } => outputs,
            Kind::Conv(conv) => conv.count * conv.out_height() * conv.out_width(),
        }
    }

    /// Rows of the weights, and how many are in each: those of one neuron or filter.
    fn rows(self) -> (usize, usize) {
        match self {
            Kind::Linear { inputs, outputs } => (outputs, inputs),
            Kind::Conv(conv) => (conv.count, conv.channels * conv.size * conv.size),
        }
    }
}

impl Conv {
    fn positions(self) -> usize {
        self.out_height() * self.out_width()
    }

    /// Writes what each weight of a filter meets at each position of the output, `[weights, positions]`.
    #[inline(always)]
    fn columns<T: Number>(self, x: &[T], columns: &mut [T]) {
        let (positions, width) = (self.positions(), self.out_width());
        self.each_run(
            #[inline(always)]
            |weight, to, from| {
                let to = weight * positions + to;
                columns[to..to + width].copy_from_slice(&x[from..from + width]);
            },
        );
    }
}

/// The layers of a network, without its weights.
#[derive(Clone, Debug)]
pub struct Layers {
    layers: Vec<Layer>,
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
            layers.push(Layer {
                kind,
                start: weights,
            });
            weights += rows * (each + 1);
        };
        let mut inputs = architecture.observation.iter().product();
        if let &[mut channels, mut height, mut width] = architecture.observation.as_slice() {
            for filters in &architecture.conv {
                let conv = Conv {
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
        let columns = |layer: &Layer| match layer.kind {
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
        let zeros = |layer: &Layer| vec![T::from_f64(0.0); layer.kind.outputs()];
        self.layers.iter().map(zeros).collect()
    }
}

impl Layers {
    /// The names of the layers' parameters (`0.weight`, `0.bias`, `1.weight`, ...) with their shapes, in the order in
    /// which they lie in the weights.
    pub fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        let of = |(i, layer): (usize, &Layer)| {
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

impl Layer {
    /// The weights and the biases of this layer.
    #[inline(always)]
    fn own<'a, T>(&self, weights: &'a [T]) -> (&'a [T], &'a [T]) {
        let (rows, each) = self.kind.rows();
        weights[self.start..][..rows * (each + 1)].split_at(rows * each)
    }

    #[inline(always)]
    fn compute<T: Number>(&self, weights: &[T], x: &[T], columns: &mut [T], y: &mut [T]) {
        let (weights, biases) = self.own(weights);
        match self.kind {
            Kind::Linear { inputs, .. } => products(weights, x, inputs, biases, y),
            Kind::Conv(conv) => {
                conv.columns(x, columns);
                let (_, each) = self.kind.rows();
                let filters = weights.chunks_exact(each).zip(biases);
                for (y, (filter, &bias)) in y.chunks_exact_mut(conv.positions()).zip(filters) {
                    y.fill(bias);
                    for (&w, column) in filter.iter().zip(columns.chunks_exact(conv.positions())) {
                        for (y, &x) in y.iter_mut().zip(column) {
                            *y += w * x;
                        }
                    }
                }
            }
        }
    }

    /// `dx`, the gradient of the input, from `dy`, that of the output.
    #[inline(always)]
    fn input_gradient<T: Number>(&self, weights: &[T], dy: &[T], dx: &mut [T]) {
        let (weights, _) = self.own(weights);
        let zero = T::from_f64(0.0);
        dx.fill(zero);
        match self.kind {
            Kind::Linear { inputs, .. } => {
                for (row, &d) in weights.chunks_exact(inputs).zip(dy) {
                    // Of the last layer, all but one.
                    if d == zero {
                        continue;
                    }
                    for (dx, &w) in dx.iter_mut().zip(row) {
                        *dx += w * d;
                    }
                }
            }
            Kind::Conv(conv) => {
                let (_, each) = self.kind.rows();
                let width = conv.out_width();
                let filters = weights.chunks_exact(each);
                for (d, filter) in dy.chunks_exact(conv.positions()).zip(filters) {
                    conv.each_run(
                        #[inline(always)]
                        |weight, to, from| {
                            let w = filter[weight];
                            let runs = dx[from..from + width].iter_mut().zip(&d[to..to + width]);
                            for (dx, &d) in runs {
                                *dx += w * d;
                            }
                        },
                    );
                }
            }
        }
    }

    /// `trace <- decay trace + gradient` for this layer's weights and biases; returns the L1 norm, or 0 without `NORM`.
    #[inline(always)]
    fn trace<T: Number, const NORM: bool>(
        &self,
        x: &[T],
        columns: &[T],
        dy: &[T],
        decay: T,
        trace: &mut [T],
    ) -> f64 {
        let (rows, each) = self.kind.rows();
        let own = &mut trace[self.start..][..rows * (each + 1)];
        let (weights, biases) = own.split_at_mut(rows * each);
        let mut norm = 0.0;
        match self.kind {
            Kind::Linear { inputs, .. } => {
                for ((row, bias), &d) in weights.chunks_exact_mut(inputs).zip(biases).zip(dy) {
                    *bias = decay * *bias + d;
                    norm += Element::absolute(*bias).to_f64();
                    let mut lanes = [T::from_f64(0.0); 16];
                    let (row, row_rest) = row.as_chunks_mut::<16>();
                    let (x, x_rest) = x.as_chunks::<16>();
                    for (e, x) in row.iter_mut().zip(x) {
                        // Local copies tell the compiler that nothing aliases.
                        let (mut new, x) = (*e, *x);
                        for i in 0..16 {
                            new[i] = decay * new[i] + d * x[i];
                        }
                        *e = new;
                        if NORM {
                            for i in 0..16 {
                                lanes[i] += Element::absolute(new[i]);
                            }
                        }
                    }
                    for (i, (e, &x)) in row_rest.iter_mut().zip(x_rest).enumerate() {
                        *e = decay * *e + d * x;
                        lanes[i] += Element::absolute(*e);
                    }
                    if NORM {
                        norm += lanes.into_iter().fold(0.0, |sum, x| sum + x.to_f64());
                    }
                }
            }
            Kind::Conv(conv) => {
                let positions = conv.positions();
                let filters = weights.chunks_exact_mut(each).zip(biases);
                for ((filter, bias), d) in filters.zip(dy.chunks_exact(positions)) {
                    *bias = decay * *bias + sum_of(d, d, |d, _| d);
                    norm += Element::absolute(*bias).to_f64();
                    for (e, column) in filter.iter_mut().zip(columns.chunks_exact(positions)) {
                        *e = decay * *e + sum_of(d, column, |d, x| d * x);
                    }
                    if NORM {
                        norm += sum_of(filter, filter, |e, _| Element::absolute(e)).to_f64();
                    }
                }
            }
        }
        if NORM { norm } else { 0.0 }
    }
}

/// The product of each row of `weights` with `x`, plus its bias.
///
/// Four rows at a time, since one row's sums would wait for each other.
#[inline(always)]
fn products<T: Number>(weights: &[T], x: &[T], inputs: usize, biases: &[T], y: &mut [T]) {
    const ROWS: usize = 4;
    const LANES: usize = 16;
    let zero = T::from_f64(0.0);
    let (x_chunks, x_rest) = x.as_chunks::<LANES>();
    let blocks = weights.chunks_exact(ROWS * inputs);
    let rest = blocks.remainder();
    let (y_blocks, y_rest) = y.as_chunks_mut::<ROWS>();
    let (bias_blocks, bias_rest) = biases.as_chunks::<ROWS>();
    for ((block, y), biases) in blocks.zip(y_blocks).zip(bias_blocks) {
        let row = |i: usize| block[i * inputs..(i + 1) * inputs].as_chunks::<LANES>();
        let rows: [_; ROWS] = std::array::from_fn(row);
        let [mut l0, mut l1, mut l2, mut l3] = [[zero; LANES]; ROWS];
        let chunks = rows.map(|(chunks, _)| chunks.iter());
        let [r0, r1, r2, r3] = chunks;
        for ((((x, r0), r1), r2), r3) in x_chunks.iter().zip(r0).zip(r1).zip(r2).zip(r3) {
            add_products(&mut l0, r0, x);
            add_products(&mut l1, r1, x);
            add_products(&mut l2, r2, x);
            add_products(&mut l3, r3, x);
        }
        let sums = [l0, l1, l2, l3].into_iter().zip(rows);
        for ((mut lanes, (_, row)), (y, &bias)) in sums.zip(y.iter_mut().zip(biases)) {
            for (i, (&w, &x)) in row.iter().zip(x_rest).enumerate() {
                lanes[i] += w * x;
            }
            *y = lanes.iter().fold(zero, |sum, &x| sum + x) + bias;
        }
    }
    let rows = rest.chunks_exact(inputs).zip(bias_rest);
    for (y, (row, &bias)) in y_rest.iter_mut().zip(rows) {
        *y = sum_of(row, x, |w, x| w * x) + bias;
    }
}

/// `lanes += a b`, number by number.
#[inline(always)]
fn add_products<T: Number, const N: usize>(lanes: &mut [T; N], a: &[T; N], b: &[T; N]) {
    // Local copies tell the compiler that nothing aliases.
    let (mut sums, a, b) = (*lanes, *a, *b);
    for i in 0..N {
        sums[i] += a[i] * b[i];
    }
    *lanes = sums;
}
