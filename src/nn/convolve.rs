//! Convolution and its gradients on slices, tile by tile.

use std::ops::Range;

use candle_core::{Result, Shape, WithDType, bail};

use super::{
    columns::Window,
    matmul::{Mat, add_matmul, matmul},
    relu::{clipped, passed},
    slices::part,
};
use crate::wide::wide;

/// What a convolution does besides multiplying.
#[derive(Clone, Copy)]
pub(super) struct Convolution {
    pub stride: usize,
    pub padding: usize,
    /// Whether the output is clipped at 0.
    pub relu: bool,
    /// Whether the input needs a gradient.
    pub input_grad: bool,
}

/// The sizes of one application.
#[derive(Clone, Copy)]
pub(super) struct Dims {
    agents: usize,
    batch: usize,
    outputs: usize,
    pub window: Window,
}

impl Dims {
    pub fn new(op: Convolution, x: &Shape, weight: &Shape, bias: Option<&Shape>) -> Result<Self> {
        let (agents, batch, channels, height, width) = x.dims5()?;
        let (_, outputs, _, kernel, _) = weight.dims5()?;
        let fits = weight.dims() == [agents, outputs, channels, kernel, kernel]
            && bias.is_none_or(|bias| bias.dims() == [agents, outputs]);
        if !fits {
            bail!("convolution: input {x:?}, weight {weight:?} and bias {bias:?} do not fit");
        }
        Ok(Self {
            agents,
            batch,
            outputs,
            window: Window::new([channels, height, width], kernel, op.stride, op.padding)?,
        })
    }

    /// The output's shape.
    pub fn output(&self) -> Shape {
        let Window {
            out_height,
            out_width,
            ..
        } = self.window;
        let dims = [self.agents, self.batch, self.outputs, out_height, out_width];
        Shape::from(dims.as_slice())
    }

    /// Calls `run` with where each run of neighbours of output `o` lies, in a tile of rows of
    /// outputs and in all outputs of an agent.
    #[inline(always)]
    fn each_run(&self, tile: Range<usize>, mut run: impl FnMut(usize, Range<usize>, Range<usize>)) {
        let Window {
            out_height,
            out_width,
            ..
        } = self.window;
        let positions = self.window.positions();
        let mut row = tile.start;
        while row < tile.end {
            let (image, first) = (row / out_height, row % out_height);
            let rows = (out_height - first).min(tile.end - row);
            let (at, len) = ((row - tile.start) * out_width, rows * out_width);
            for o in 0..self.outputs {
                let in_tile = o * tile.len() * out_width + at;
                let in_all = (image * self.outputs + o) * positions + first * out_width;
                run(o, in_tile..in_tile + len, in_all..in_all + len);
            }
            row += rows;
        }
    }
}

impl Convolution {
    /// `x` `[agents, batch, in, height, width]` to the output, with `weight` and `bias`.
    pub fn forward<T: WithDType>(
        self,
        d: Dims,
        x: &[T],
        weight: &[T],
        bias: Option<&[T]>,
    ) -> Vec<T> {
        let zero = T::from_f64(0.0);
        let (window, each) = (d.window, d.batch * d.outputs * d.window.positions());
        let mut y = vec![zero; d.agents * each];
        let (mut columns, mut product) = (Vec::new(), Vec::new());
        for agent in 0..d.agents {
            let x = part(x, agent, d.agents);
            let weight = Mat::new(part(weight, agent, d.agents), d.outputs, window.seen());
            let bias = bias.map(|bias| part(bias, agent, d.agents));
            let y = &mut y[agent * each..(agent + 1) * each];
            for tile in window.tiles(d.batch) {
                let positions = tile.len() * window.out_width;
                columns.resize(window.seen() * positions, zero);
                wide(
                    #[inline(always)]
                    || window.gather(x, tile.clone(), &mut columns),
                );
                product.clear();
                let seen = Mat::new(&columns, window.seen(), positions);
                matmul(&mut product, weight, seen);
                wide(
                    #[inline(always)]
                    || {
                        d.each_run(
                            tile,
                            #[inline(always)]
                            |o, in_tile, in_all| {
                                let bias = bias.map_or(zero, |bias| bias[o]);
                                for (y, &z) in y[in_all].iter_mut().zip(&product[in_tile]) {
                                    let z = z + bias;
                                    *y = if self.relu { clipped(z, zero) } else { z };
                                }
                            },
                        );
                    },
                );
            }
        }
        y
    }

    /// The gradients for what [`forward`](Self::forward) made `y` of, from `dy`, that of `y`.
    pub fn backward<T: WithDType>(
        self,
        d: Dims,
        x: &[T],
        weight: &[T],
        biased: bool,
        y: &[T],
        dy: &[T],
    ) -> Grads<T> {
        let (zero, one) = (T::from_f64(0.0), T::from_f64(1.0));
        let (window, seen) = (d.window, d.window.seen());
        // One more row of ones under the columns makes the bias gradient a row of the product.
        let rows = seen + usize::from(biased);
        let mut grads = Grads {
            x: Vec::new(),
            weight: Vec::with_capacity(weight.len()),
            bias: Vec::new(),
        };
        if self.input_grad {
            grads.x.resize(x.len(), zero);
        }
        let (mut columns, mut dz, mut dcolumns) = (Vec::new(), Vec::new(), Vec::new());
        let mut transposed = vec![zero; rows * d.outputs];
        for agent in 0..d.agents {
            let each = x.len() / d.agents;
            let images = part(x, agent, d.agents);
            let weight = Mat::new(part(weight, agent, d.agents), d.outputs, seen);
            let (y, dy) = (part(y, agent, d.agents), part(dy, agent, d.agents));
            transposed.fill(zero);
            for tile in window.tiles(d.batch) {
                let positions = tile.len() * window.out_width;
                columns.resize(rows * positions, zero);
                dz.resize(d.outputs * positions, zero);
                wide(
                    #[inline(always)]
                    || {
                        let (columns, ones) = columns.split_at_mut(seen * positions);
                        window.gather(images, tile.clone(), columns);
                        ones.fill(one);
                        d.each_run(
                            tile.clone(),
                            #[inline(always)]
                            |_, in_tile, in_all| {
                                let behind = y[in_all.clone()].iter().zip(&dy[in_all]);
                                for (dz, (&y, &dy)) in dz[in_tile].iter_mut().zip(behind) {
                                    *dz = if self.relu { passed(dy, y, zero) } else { dy };
                                }
                            },
                        );
                    },
                );
                let dz = Mat::new(&dz, d.outputs, positions);
                add_matmul(&mut transposed, Mat::new(&columns, rows, positions), dz.t());
                if self.input_grad {
                    dcolumns.clear();
                    matmul(&mut dcolumns, weight.t(), dz);
                    let dx = &mut grads.x[agent * each..(agent + 1) * each];
                    wide(
                        #[inline(always)]
                        || window.scatter(&dcolumns, tile.clone(), dx),
                    );
                }
            }
            let (dw, db) = transposed.split_at(seen * d.outputs);
            for o in 0..d.outputs {
                grads.weight.extend(dw[o..].iter().step_by(d.outputs));
            }
            grads.bias.extend(db);
        }
        grads
    }
}

/// Gradients; that of the input is empty where none is needed, that of the bias where there is none.
pub(super) struct Grads<T> {
    pub x: Vec<T>,
    pub weight: Vec<T>,
    pub bias: Vec<T>,
}
