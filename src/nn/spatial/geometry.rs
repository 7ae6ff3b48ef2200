//! A convolution's three passes on the CPU: forward, gradient of the input, gradient of the weight.

#[cfg(any(feature = "cuda", test))]
use std::sync::OnceLock;

use candle_core::{Result, bail};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

#[cfg(any(feature = "cuda", test))]
use super::tables::Tables;
use super::{
    connections::{Connection, grouped},
    lanes::Lanes,
    panels::{PANEL, WeightSizes},
    parallel_output::ParallelOutput,
    tile::{ProductTerm, RowStarts, sum_products},
};
use crate::nn::window::Window;

/// The number of rows that fill a tile: taps with few channels are grouped until they have this many.
const GROUPED_ROWS: usize = 48;
/// Images that the gradient of the weight processes at a time: few enough for the cache.
const IMAGES_AT_A_TIME: usize = 128;

/// The connections of one convolution, computed once.
pub(super) struct Geometry {
    sizes: WeightSizes,
    /// Positions of the input and of the output.
    positions: [usize; 2],
    by_input: Vec<Vec<Connection>>,
    by_output: Vec<Vec<Connection>>,
    /// Whether a tap has any connection.
    connected: Vec<bool>,
    #[cfg(any(feature = "cuda", test))]
    tables: OnceLock<Tables>,
}

impl Geometry {
    /// The geometry of `outputs` kernels that slide as `window` says.
    pub fn new(window: &Window, outputs: usize) -> Result<Self> {
        if !outputs.is_multiple_of(PANEL) {
            bail!("convolution: {outputs} output channels; allowed: a multiple of {PANEL}");
        }
        let inputs = window.height * window.width;
        let taps = window.kernel * window.kernel;
        Ok(Self {
            sizes: WeightSizes {
                outputs,
                inputs: window.channels,
                taps,
            },
            positions: [inputs, window.positions()],
            by_input: grouped(window, inputs, |connection| connection.input),
            by_output: grouped(window, window.positions(), |connection| connection.output),
            connected: grouped(window, taps, |connection| connection.tap)
                .iter()
                .map(|all| !all.is_empty())
                .collect(),
            #[cfg(any(feature = "cuda", test))]
            tables: OnceLock::new(),
        })
    }

    /// The connections as tables on `device`, the GPU that the weights are on.
    #[cfg(any(feature = "cuda", test))]
    pub fn tables(&self, device: &candle_core::Device) -> Result<&Tables> {
        if let Some(tables) = self.tables.get() {
            return Ok(tables);
        }
        let tables = Tables::new(&self.by_input, &self.by_output, device)?;
        Ok(self.tables.get_or_init(|| tables))
    }

    /// The sizes of the weight.
    pub fn sizes(&self) -> WeightSizes {
        self.sizes
    }

    /// Positions of the input and of the output.
    pub fn positions(&self) -> [usize; 2] {
        self.positions
    }

    /// Multiplications and additions of one pass over one image.
    pub fn operations(&self) -> usize {
        let connections: usize = self.by_output.iter().map(Vec::len).sum();
        2 * connections * self.sizes.inputs * self.sizes.outputs
    }

    /// The output `[positions', batch, out]` for `x` `[positions, batch, in]` and a weight in panels.
    pub fn forward<T: Lanes>(&self, x: &[T], weight: &[T]) -> Vec<T> {
        let WeightSizes {
            outputs, inputs, ..
        } = self.sizes;
        let input = PassInput {
            data: x,
            positions: self.positions[0],
            channels: inputs,
            position_of: |connection| connection.input,
        };
        input.through(weight, self.sizes.taps, &self.by_output, outputs, None)
    }

    /// The gradient of the input from `dy`, the gradient of the output; added to `onto` if there is
    /// one.
    pub fn input_grad<T: Lanes>(&self, dy: &[T], weight: &[T], onto: Option<Vec<T>>) -> Vec<T> {
        let WeightSizes {
            outputs, inputs, ..
        } = self.sizes;
        let input = PassInput {
            data: dy,
            positions: self.positions[1],
            channels: outputs,
            position_of: |connection| connection.output,
        };
        let transposed = self.transposed(weight);
        input.through(&transposed, self.sizes.taps, &self.by_input, inputs, onto)
    }

    /// The gradient of the weight, in panels.
    pub fn weight_grad<T: Lanes>(&self, x: &[T], dy: &[T]) -> Vec<T> {
        let WeightSizes {
            outputs,
            inputs,
            taps,
        } = self.sizes;
        let batch = x.len() / (self.positions[0] * inputs);
        assert_eq!(x.len(), self.positions[0] * batch * inputs);
        assert_eq!(dy.len(), self.positions[1] * batch * outputs);
        let out = ParallelOutput::uninitialised(self.sizes.len());
        // Taps with too few channels to fill a tile share one.
        let taps_each = (GROUPED_ROWS / inputs).clamp(1, taps);
        let groups = taps.div_ceil(taps_each);
        let padding = vec![T::zero(); batch * inputs];
        let tasks = (0..outputs / PANEL * groups).into_par_iter();
        tasks.for_each(|task| {
            let (panel, first) = (task / groups, task % groups * taps_each);
            let group = first..taps.min(first + taps_each);
            let rows = group.len() * inputs;
            let out: *mut T = out.place((panel * taps + first) * inputs * PANEL);
            // SAFETY: no other task has these taps' part of the panel. A number of all zero bytes is 0.
            unsafe { out.write_bytes(0, rows * PANEL) };
            let mut starts = Vec::new();
            for (position, connections) in self.by_output.iter().enumerate() {
                let mut connected = connections
                    .iter()
                    .filter(|m| group.contains(&m.tap))
                    .peekable();
                if connected.peek().is_none() {
                    continue;
                }
                starts.clear();
                for tap in group.clone() {
                    let image = match connected.next_if(|connection| connection.tap == tap) {
                        Some(connection) => {
                            &x[connection.input * batch * inputs..][..batch * inputs]
                        }
                        None => &padding,
                    };
                    starts.extend(image[..inputs].iter().map(std::ptr::from_ref::<T>));
                }
                // A few images at a time stay in the cache while all pairs of their channels are multiplied.
                for image in (0..batch).step_by(IMAGES_AT_A_TIME) {
                    if image > 0 {
                        for start in &mut starts {
                            *start = start.wrapping_add(IMAGES_AT_A_TIME * inputs);
                        }
                    }
                    let dy = &dy[(position * batch + image) * outputs + panel * PANEL..];
                    let term = ProductTerm {
                        a: RowStarts::Each(&starts),
                        a_column: inputs,
                        b: dy.as_ptr(),
                        b_row: outputs,
                        depth: IMAGES_AT_A_TIME.min(batch - image),
                    };
                    Arch::new().dispatch(PanelSum {
                        terms: &[term],
                        rows,
                        out,
                        out_row: PANEL,
                        add: true,
                    });
                }
            }
        });
        // SAFETY: the tasks have written every part.
        unsafe { out.into_written() }
    }

    /// The weight `[out / PANEL, taps, in, PANEL]` as `[in / PANEL, taps, out, PANEL]`. Taps without
    /// connections stay 0.
    fn transposed<T: Lanes>(&self, weight: &[T]) -> Vec<T> {
        let WeightSizes {
            outputs,
            inputs,
            taps,
        } = self.sizes;
        let out = ParallelOutput::uninitialised(self.sizes.len());
        let tasks = (0..inputs / PANEL * taps).into_par_iter();
        tasks.for_each(|task| {
            let (panel, tap) = (task / taps, task % taps);
            let out: *mut T = out.place((panel * taps + tap) * outputs * PANEL);
            if !self.connected[tap] {
                // SAFETY: no other task has this tap's part of the panel.
                unsafe { out.write_bytes(0, outputs * PANEL) };
                return;
            }
            for from in 0..outputs / PANEL {
                let start = ((from * taps + tap) * inputs + panel * PANEL) * PANEL;
                let block = &weight[start..start + PANEL * PANEL];
                for column in 0..PANEL {
                    for row in 0..PANEL {
                        // SAFETY: as above; `column` is an output channel, `row` an input channel.
                        unsafe {
                            out.add((from * PANEL + column) * PANEL + row)
                                .write(block[row * PANEL + column]);
                        }
                    }
                }
            }
        });
        // SAFETY: the tasks have written every part.
        unsafe { out.into_written() }
    }
}

/// Some rows of one panel of a result, and the products that are added up in them.
struct PanelSum<'a, T> {
    terms: &'a [ProductTerm<'a, T>],
    rows: usize,
    out: *mut T,
    out_row: usize,
    add: bool,
}

impl<T: Lanes> WithSimd for PanelSum<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // SAFETY: `Geometry` asserts the lengths, and no two tasks share an entry of the result.
        unsafe {
            sum_products(
                simd,
                self.terms,
                self.rows,
                self.out,
                self.out_row,
                self.add,
            )
        }
    }
}

/// The images that a pass reads.
struct PassInput<'a, T> {
    data: &'a [T],
    positions: usize,
    channels: usize,
    /// Selects which position of a connection is read.
    position_of: fn(&Connection) -> usize,
}

impl<T: Lanes> PassInput<'_, T> {
    /// For each position, the sum of what arrives through its connections in `to`, `[to.len(), batch,
    /// channels]`, for a weight `[channels / PANEL, taps, self.channels, PANEL]`; added to `onto` if
    /// there is one.
    fn through(
        &self,
        weight: &[T],
        taps: usize,
        to: &[Vec<Connection>],
        channels: usize,
        onto: Option<Vec<T>>,
    ) -> Vec<T> {
        let depth = self.channels;
        let batch = self.data.len() / (self.positions * depth);
        assert_eq!(self.data.len(), self.positions * batch * depth);
        assert_eq!(weight.len(), channels * taps * depth);
        assert!(channels.is_multiple_of(PANEL));
        let len = to.len() * batch * channels;
        let add = onto.is_some();
        let out = onto.map_or_else(
            || ParallelOutput::uninitialised(len),
            ParallelOutput::holding,
        );
        assert_eq!(out.len(), len);
        // Panel by panel, so that a panel's weights stay in the cache.
        let tasks = (0..to.len() * channels / PANEL).into_par_iter();
        tasks.for_each(|task| {
            let (position, panel) = (task % to.len(), task / to.len());
            let terms = to[position].iter().map(|connection| {
                let start = (self.position_of)(connection) * batch * depth;
                let strip = (panel * taps + connection.tap) * depth * PANEL;
                ProductTerm {
                    a: RowStarts::Even {
                        first: self.data[start..][..batch * depth].as_ptr(),
                        distance: depth,
                    },
                    a_column: 1,
                    b: weight[strip..][..depth * PANEL].as_ptr(),
                    b_row: PANEL,
                    depth,
                }
            });
            Arch::new().dispatch(PanelSum {
                terms: &terms.collect::<Vec<_>>(),
                rows: batch,
                out: out.place(position * batch * channels + panel * PANEL),
                out_row: channels,
                add,
            });
        });
        // SAFETY: the tasks have written every part.
        unsafe { out.into_written() }
    }
}
