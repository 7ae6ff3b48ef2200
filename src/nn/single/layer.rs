//! One layer on slices: its values, and the gradients of them.

use optim::Element;

use super::Number;
use crate::nn::layer_norm::sum_of;

/// One layer: what it computes, and where its weights begin; its biases follow them.
#[derive(Clone, Debug)]
pub(super) struct SingleLayer {
    pub kind: Kind,
    pub start: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Linear { inputs: usize, outputs: usize },
    Conv(ConvShape),
}

/// A convolution of stride 1 without padding.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConvShape {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub count: usize,
    pub size: usize,
}

impl ConvShape {
    pub fn out_height(self) -> usize {
        self.height + 1 - self.size
    }

    pub fn out_width(self) -> usize {
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
    pub fn inputs(self) -> usize {
        match self {
            Kind::Linear { inputs, .. } => inputs,
            Kind::Conv(conv) => conv.channels * conv.height * conv.width,
        }
    }

    pub fn outputs(self) -> usize {
        match self {
            Kind::Linear { outputs, .. } => outputs,
            Kind::Conv(conv) => conv.count * conv.out_height() * conv.out_width(),
        }
    }

    /// Rows of the weights, and how many are in each: those of one neuron or filter.
    pub fn rows(self) -> (usize, usize) {
        match self {
            Kind::Linear { inputs, outputs } => (outputs, inputs),
            Kind::Conv(conv) => (conv.count, conv.channels * conv.size * conv.size),
        }
    }
}

impl ConvShape {
    pub fn positions(self) -> usize {
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

impl SingleLayer {
    /// The weights and the biases of this layer.
    #[inline(always)]
    fn own<'a, T>(&self, weights: &'a [T]) -> (&'a [T], &'a [T]) {
        let (rows, each) = self.kind.rows();
        weights[self.start..][..rows * (each + 1)].split_at(rows * each)
    }

    #[inline(always)]
    pub fn compute<T: Number>(&self, weights: &[T], x: &[T], columns: &mut [T], y: &mut [T]) {
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
    pub fn input_gradient<T: Number>(&self, weights: &[T], dy: &[T], dx: &mut [T]) {
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
    pub fn trace<T: Number, const NORM: bool>(
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
