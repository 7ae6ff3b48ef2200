//! Convolution and its gradients on slices, tile by tile.

use std::ops::Range;

use candle_core::{Result, Shape, Tensor, WithDType, bail};

use super::{
    activation::{clip_at_zero, relu_gradient},
    conv_composed,
    fused::{LayerGradients, LayerKernel},
    matmul::{Mat, add_matmul, matmul},
    slices::part,
    window::Window,
};
use optim::vectorised;

/// What a convolution does besides multiplying.
#[derive(Clone, Copy)]
pub(super) struct ConvKernel {
    pub stride: usize,
    pub padding: usize,
    /// Whether the output is clipped at 0.
    pub relu: bool,
    /// Whether the input needs a gradient.
    pub input_grad: bool,
}

/// The sizes of one application.
#[derive(Clone, Copy)]
pub(super) struct ConvSizes {
    agents: usize,
    batch: usize,
    outputs: usize,
    window: Window,
}

impl ConvSizes {
    /// Calls `visit` with each output channel and, for its neighbours in a tile of rows of outputs,
    /// their positions in the tile and in all outputs of an agent.
    #[inline(always)]
    fn each_run(
        &self,
        tile: Range<usize>,
        mut visit: impl FnMut(usize, Range<usize>, Range<usize>),
    ) {
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
            for channel in 0..self.outputs {
                let in_tile = channel * tile.len() * out_width + at;
                let in_all = (image * self.outputs + channel) * positions + first * out_width;
                visit(channel, in_tile..in_tile + len, in_all..in_all + len);
            }
            row += rows;
        }
    }
}

impl LayerKernel for ConvKernel {
    type Sizes = ConvSizes;

    const NAME: &'static str = "convolution";

    fn input_grad(&self) -> bool {
        self.input_grad
    }

    fn sizes(&self, x: &Shape, weight: &Shape, bias: Option<&Shape>) -> Result<ConvSizes> {
        let (agents, batch, channels, height, width) = x.dims5()?;
        let (_, outputs, _, kernel, _) = weight.dims5()?;
        let fits = weight.dims() == [agents, outputs, channels, kernel, kernel]
            && bias.is_none_or(|bias| bias.dims() == [agents, outputs]);
        if !fits {
            bail!("convolution: input {x:?}, weight {weight:?} and bias {bias:?} do not fit");
        }
        let image = [channels, height, width];
        Ok(ConvSizes {
            agents,
            batch,
            outputs,
            window: Window::new(image, kernel, self.stride, self.padding)?,
        })
    }

    fn output(sizes: ConvSizes) -> Shape {
        let Window {
            out_height,
            out_width,
            ..
        } = sizes.window;
        let ConvSizes {
            agents,
            batch,
            outputs,
            ..
        } = sizes;
        Shape::from((agents, batch, outputs, out_height, out_width))
    }

    fn forward<T: WithDType>(self, s: ConvSizes, x: &[T], weight: &[T], bias: &[T]) -> Vec<T> {
        let zero = T::from_f64(0.0);
        let (window, len) = (s.window, s.batch * s.outputs * s.window.positions());
        let mut y = vec![zero; s.agents * len];
        let (mut columns, mut product) = (Vec::new(), Vec::new());
        for agent in 0..s.agents {
            let x = part(x, agent, s.agents);
            let weight = Mat::new(
                part(weight, agent, s.agents),
                s.outputs,
                window.receptive_field(),
            );
            let bias = part(bias, agent, s.agents);
            let y = &mut y[agent * len..(agent + 1) * len];
            for tile in window.tiles(s.batch) {
                let positions = tile.len() * window.out_width;
                columns.resize(window.receptive_field() * positions, zero);
                vectorised(
                    #[inline(always)]
                    || window.gather(x, tile.clone(), &mut columns),
                );
                product.clear();
                let seen = Mat::new(&columns, window.receptive_field(), positions);
                matmul(&mut product, weight, seen);
                vectorised(
                    #[inline(always)]
                    || {
                        s.each_run(
                            tile,
                            #[inline(always)]
                            |channel, in_tile, in_all| {
                                let bias = bias.get(channel).copied().unwrap_or(zero);
                                for (y, &z) in y[in_all].iter_mut().zip(&product[in_tile]) {
                                    let z = z + bias;
                                    *y = if self.relu { clip_at_zero(z, zero) } else { z };
                                }
                            },
                        );
                    },
                );
            }
        }
        y
    }

    fn backward<T: WithDType>(
        self,
        s: ConvSizes,
        x: &[T],
        weight: &[T],
        has_bias: bool,
        y: &[T],
        dy: &[T],
    ) -> LayerGradients<T> {
        let (zero, one) = (T::from_f64(0.0), T::from_f64(1.0));
        let (window, field) = (s.window, s.window.receptive_field());
        // A row of ones below the columns makes the bias gradient a row of the product.
        let rows = field + usize::from(has_bias);
        let mut grads = LayerGradients {
            x: Vec::new(),
            weight: Vec::with_capacity(weight.len()),
            bias: Vec::new(),
        };
        if self.input_grad {
            grads.x.resize(x.len(), zero);
        }
        let (mut columns, mut dz, mut dcolumns) = (Vec::new(), Vec::new(), Vec::new());
        let mut transposed = vec![zero; rows * s.outputs];
        for agent in 0..s.agents {
            let len = x.len() / s.agents;
            let images = part(x, agent, s.agents);
            let weight = Mat::new(part(weight, agent, s.agents), s.outputs, field);
            let (y, dy) = (part(y, agent, s.agents), part(dy, agent, s.agents));
            transposed.fill(zero);
            for tile in window.tiles(s.batch) {
                let positions = tile.len() * window.out_width;
                columns.resize(rows * positions, zero);
                dz.resize(s.outputs * positions, zero);
                vectorised(
                    #[inline(always)]
                    || {
                        let (columns, ones) = columns.split_at_mut(field * positions);
                        window.gather(images, tile.clone(), columns);
                        ones.fill(one);
                        s.each_run(
                            tile.clone(),
                            #[inline(always)]
                            |_, in_tile, in_all| {
                                let pairs = y[in_all.clone()].iter().zip(&dy[in_all]);
                                for (dz, (&y, &dy)) in dz[in_tile].iter_mut().zip(pairs) {
                                    *dz = if self.relu {
                                        relu_gradient(dy, y, zero)
                                    } else {
                                        dy
                                    };
                                }
                            },
                        );
                    },
                );
                let dz = Mat::new(&dz, s.outputs, positions);
                add_matmul(&mut transposed, Mat::new(&columns, rows, positions), dz.t());
                if self.input_grad {
                    dcolumns.clear();
                    matmul(&mut dcolumns, weight.t(), dz);
                    let dx = &mut grads.x[agent * len..(agent + 1) * len];
                    vectorised(
                        #[inline(always)]
                        || window.scatter(&dcolumns, tile.clone(), dx),
                    );
                }
            }
            let (dw, db) = transposed.split_at(field * s.outputs);
            for o in 0..s.outputs {
                grads.weight.extend(dw[o..].iter().step_by(s.outputs));
            }
            grads.bias.extend(db);
        }
        grads
    }

    fn composed(
        self,
        sizes: ConvSizes,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
    ) -> Result<Tensor> {
        conv_composed::conv(x, weight, bias, &sizes.window, self.relu)
    }
}
