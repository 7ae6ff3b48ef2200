//! A convolution's three passes.

#[cfg(any(feature = "cuda", test))]
use std::sync::OnceLock;

use candle_core::{Result, bail};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

#[cfg(any(feature = "cuda", test))]
use super::gpu::Tables;
use super::{
    lanes::Lanes,
    meeting::{Meeting, grouped},
    out::Out,
    panels::{PANEL, Sizes},
    tile::{Rows, Term, sum},
};
use crate::nn::columns::Window;

/// Rows that places with few channels make up together.
const TOGETHER: usize = 48;
/// Images that meet at a time for the gradient of the weights.
const IMAGES: usize = 128;

/// Which positions meet in one convolution, found once.
pub(super) struct Geometry {
    sizes: Sizes,
    /// Positions of an image, and of its convolution.
    positions: [usize; 2],
    by_input: Vec<Vec<Meeting>>,
    by_output: Vec<Vec<Meeting>>,
    /// Whether anything meets at a place.
    meets: Vec<bool>,
    #[cfg(any(feature = "cuda", test))]
    tables: OnceLock<Tables>,
}

impl Geometry {
    /// Of `outputs` kernels that slide as `window` says.
    pub fn new(window: &Window, outputs: usize) -> Result<Self> {
        if !outputs.is_multiple_of(PANEL) {
            bail!("convolution: {outputs} output channels; allowed: a multiple of {PANEL}");
        }
        let inputs = window.height * window.width;
        let places = window.kernel * window.kernel;
        Ok(Self {
            sizes: Sizes {
                outputs,
                inputs: window.channels,
                places,
            },
            positions: [inputs, window.positions()],
            by_input: grouped(window, inputs, |meeting| meeting.input),
            by_output: grouped(window, window.positions(), |meeting| meeting.output),
            meets: grouped(window, places, |meeting| meeting.place)
                .iter()
                .map(|all| !all.is_empty())
                .collect(),
            #[cfg(any(feature = "cuda", test))]
            tables: OnceLock::new(),
        })
    }

    /// The same as tables on the GPU that its weights are on.
    #[cfg(any(feature = "cuda", test))]
    pub fn tables(&self, device: &candle_core::Device) -> Result<&Tables> {
        if let Some(tables) = self.tables.get() {
            return Ok(tables);
        }
        let tables = Tables::new(&self.by_input, &self.by_output, device)?;
        Ok(self.tables.get_or_init(|| tables))
    }

    /// The sizes of its weight.
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// Positions of an image, and of its convolution.
    pub fn positions(&self) -> [usize; 2] {
        self.positions
    }

    /// Multiplications and additions of one pass over one image.
    pub fn operations(&self) -> usize {
        let meetings: usize = self.by_output.iter().map(Vec::len).sum();
        2 * meetings * self.sizes.inputs * self.sizes.outputs
    }

    /// `x` `[positions, batch, in]` and weights in panels to `[positions', batch, out]`.
    pub fn forward<T: Lanes>(&self, x: &[T], weight: &[T]) -> Vec<T> {
        let Sizes {
            outputs, inputs, ..
        } = self.sizes;
        let source = Source {
            data: x,
            positions: self.positions[0],
            channels: inputs,
            of: |meeting| meeting.input,
        };
        source.through(weight, self.sizes.places, &self.by_output, outputs, None)
    }

    /// The gradient of the input, of one like [`forward`](Self::forward)'s result; added to `onto` if
    /// there is one.
    pub fn input_grad<T: Lanes>(&self, dy: &[T], weight: &[T], onto: Option<Vec<T>>) -> Vec<T> {
        let Sizes {
            outputs, inputs, ..
        } = self.sizes;
        let source = Source {
            data: dy,
            positions: self.positions[1],
            channels: outputs,
            of: |meeting| meeting.output,
        };
        let turned = self.turned(weight);
        source.through(&turned, self.sizes.places, &self.by_input, inputs, onto)
    }

    /// The gradient of the weight, in panels.
    pub fn weight_grad<T: Lanes>(&self, x: &[T], dy: &[T]) -> Vec<T> {
        let Sizes {
            outputs,
            inputs,
            places,
        } = self.sizes;
        let batch = x.len() / (self.positions[0] * inputs);
        assert_eq!(x.len(), self.positions[0] * batch * inputs);
        assert_eq!(dy.len(), self.positions[1] * batch * outputs);
        let out = Out::new(self.sizes.len());
        // Places with too few channels to fill tiles share them.
        let together = (TOGETHER / inputs).clamp(1, places);
        let groups = places.div_ceil(together);
        let padding = vec![T::zero(); batch * inputs];
        let tasks = (0..outputs / PANEL * groups).into_par_iter();
        tasks.for_each(|task| {
            let (panel, first) = (task / groups, task % groups * together);
            let group = first..places.min(first + together);
            let rows = group.len() * inputs;
            let out: *mut T = out.at((panel * places + first) * inputs * PANEL);
            // SAFETY: these places' part of the panel is this task's alone; all bytes 0 is 0.
            unsafe { out.write_bytes(0, rows * PANEL) };
            let mut starts = Vec::new();
            for (position, meetings) in self.by_output.iter().enumerate() {
                let mut met = meetings
                    .iter()
                    .filter(|m| group.contains(&m.place))
                    .peekable();
                if met.peek().is_none() {
                    continue;
                }
                starts.clear();
                for place in group.clone() {
                    let image = match met.next_if(|meeting| meeting.place == place) {
                        Some(meeting) => &x[meeting.input * batch * inputs..][..batch * inputs],
                        None => &padding,
                    };
                    starts.extend(image[..inputs].iter().map(std::ptr::from_ref::<T>));
                }
                // A few images at a time stay in the cache while all of their channels meet.
                for image in (0..batch).step_by(IMAGES) {
                    if image > 0 {
                        for start in &mut starts {
                            *start = start.wrapping_add(IMAGES * inputs);
                        }
                    }
                    let dy = &dy[(position * batch + image) * outputs + panel * PANEL..];
                    let term = Term {
                        a: Rows::Each(&starts),
                        a_column: inputs,
                        b: dy.as_ptr(),
                        b_row: outputs,
                        depth: IMAGES.min(batch - image),
                    };
                    Arch::new().dispatch(Tile {
                        terms: &[term],
                        rows,
                        out,
                        out_row: PANEL,
                        add: true,
                    });
                }
            }
        });
        // SAFETY: the tasks wrote every part.
        unsafe { out.filled() }
    }

    /// Weights `[in / PANEL, places, out, PANEL]` of those `[out / PANEL, places, in, PANEL]`, where
    /// anything meets.
    fn turned<T: Lanes>(&self, weight: &[T]) -> Vec<T> {
        let Sizes {
            outputs,
            inputs,
            places,
        } = self.sizes;
        let out = Out::new(self.sizes.len());
        let tasks = (0..inputs / PANEL * places).into_par_iter();
        tasks.for_each(|task| {
            let (panel, place) = (task / places, task % places);
            let out: *mut T = out.at((panel * places + place) * outputs * PANEL);
            if !self.meets[place] {
                // SAFETY: this place's part of the panel is this task's alone.
                unsafe { out.write_bytes(0, outputs * PANEL) };
                return;
            }
            for from in 0..outputs / PANEL {
                let start = ((from * places + place) * inputs + panel * PANEL) * PANEL;
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
        // SAFETY: the tasks wrote every part.
        unsafe { out.filled() }
    }
}

/// A part of the output and what is summed up in it.
struct Tile<'a, T> {
    terms: &'a [Term<'a, T>],
    rows: usize,
    out: *mut T,
    out_row: usize,
    add: bool,
}

impl<T: Lanes> WithSimd for Tile<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // SAFETY: made by `Geometry`, whose lengths have been asserted; no two tiles share an entry.
        unsafe {
            sum(
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

/// What a pass reads at its positions.
struct Source<'a, T> {
    data: &'a [T],
    positions: usize,
    channels: usize,
    /// Which position of a meeting it is read at.
    of: fn(&Meeting) -> usize,
}

impl<T: Lanes> Source<'_, T> {
    /// What arrives at each position, `[to.len(), batch, channels]`, through weights
    /// `[channels / PANEL, places, self.channels, PANEL]`; added to `onto` if there is one.
    fn through(
        &self,
        weight: &[T],
        places: usize,
        to: &[Vec<Meeting>],
        channels: usize,
        onto: Option<Vec<T>>,
    ) -> Vec<T> {
        let depth = self.channels;
        let batch = self.data.len() / (self.positions * depth);
        assert_eq!(self.data.len(), self.positions * batch * depth);
        assert_eq!(weight.len(), channels * places * depth);
        assert!(channels.is_multiple_of(PANEL));
        let len = to.len() * batch * channels;
        let add = onto.is_some();
        let out = onto.map_or_else(|| Out::new(len), Out::onto);
        assert_eq!(out.len(), len);
        // Panel by panel, so that a panel's weights stay in the cache.
        let tasks = (0..to.len() * channels / PANEL).into_par_iter();
        tasks.for_each(|task| {
            let (position, panel) = (task % to.len(), task / to.len());
            let terms = to[position].iter().map(|meeting| {
                let here = (self.of)(meeting) * batch * depth;
                let strip = (panel * places + meeting.place) * depth * PANEL;
                Term {
                    a: Rows::Even {
                        first: self.data[here..][..batch * depth].as_ptr(),
                        distance: depth,
                    },
                    a_column: 1,
                    b: weight[strip..][..depth * PANEL].as_ptr(),
                    b_row: PANEL,
                    depth,
                }
            });
            Arch::new().dispatch(Tile {
                terms: &terms.collect::<Vec<_>>(),
                rows: batch,
                out: out.at(position * batch * channels + panel * PANEL),
                out_row: channels,
                add,
            });
        });
        // SAFETY: the tasks wrote every part.
        unsafe { out.filled() }
    }
}
