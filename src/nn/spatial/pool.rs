//! Max pooling.

#[cfg(any(feature = "cuda", test))]
use std::sync::OnceLock;

#[cfg(any(feature = "cuda", test))]
use candle_core::Tensor;
use candle_core::{Result, bail};
use optim::vectorised;
use rayon::prelude::*;

#[cfg(any(feature = "cuda", test))]
use super::tables::pair_lists;
use super::{
    connections::{Connection, grouped},
    lanes::Lanes,
    parallel_output::ParallelOutput,
};
use crate::nn::window::Window;

/// The largest number under each window, as in `torch.nn.MaxPool2d`: padding is never the largest, the
/// first of several equal numbers counts, and a NaN is larger than anything.
pub(super) struct MaxPool {
    by_input: Vec<Vec<Connection>>,
    by_output: Vec<Vec<Connection>>,
    #[cfg(any(feature = "cuda", test))]
    tables: OnceLock<[Tensor; 2]>,
}

impl MaxPool {
    /// The pooling of a kernel that slides as `window` says.
    pub fn new(window: &Window) -> Result<Self> {
        let by_output = grouped(window, window.positions(), |connection| connection.output);
        if window.kernel > 15 || by_output.iter().any(Vec::is_empty) {
            bail!(
                "max pooling: {window:?}; allowed: a kernel of at most 15 that never sees padding alone"
            );
        }
        Ok(Self {
            by_input: grouped(window, window.height * window.width, |connection| {
                connection.input
            }),
            by_output,
            #[cfg(any(feature = "cuda", test))]
            tables: OnceLock::new(),
        })
    }

    /// Tables on a GPU: the outputs and taps of each input, then the inputs and taps of each output.
    #[cfg(any(feature = "cuda", test))]
    pub fn tables(&self, device: &candle_core::Device) -> Result<&[Tensor; 2]> {
        if let Some(tables) = self.tables.get() {
            return Ok(tables);
        }
        let tables = [
            pair_lists(&self.by_input, |m| [m.output, m.tap], device)?,
            pair_lists(&self.by_output, |m| [m.input, m.tap], device)?,
        ];
        Ok(self.tables.get_or_init(|| tables))
    }

    /// Positions of the input and of the output.
    pub fn positions(&self) -> [usize; 2] {
        [self.by_input.len(), self.by_output.len()]
    }

    /// The largest numbers of `x` `[positions, batch, channels]`, as `[positions', batch, channels]`,
    /// and the tap at which each was found. `part` is batch x channels.
    pub fn forward<T: Lanes>(&self, x: &[T], part: usize) -> (Vec<T>, Vec<u8>) {
        assert_eq!(x.len(), self.by_input.len() * part);
        let len = self.by_output.len() * part;
        let (largest, found) = (
            ParallelOutput::uninitialised(len),
            ParallelOutput::uninitialised(len),
        );
        (0..self.by_output.len())
            .into_par_iter()
            .for_each(|output| {
                // SAFETY: each position has a part of its own in both.
                let (largest, found) = unsafe {
                    (
                        largest.part(output * part, part),
                        found.part(output * part, part),
                    )
                };
                let input_of = |connection: &Connection| {
                    &x[connection.input * part..(connection.input + 1) * part]
                };
                let (first, others) = self.by_output[output].split_at(1);
                for ((largest, found), &x) in
                    largest.iter_mut().zip(&mut *found).zip(input_of(&first[0]))
                {
                    largest.write(x);
                    found.write(first[0].tap as u8);
                }
                for connection in others {
                    vectorised(
                        #[inline(always)]
                        || {
                            let tap = connection.tap as u8;
                            for ((largest, found), &x) in largest
                                .iter_mut()
                                .zip(&mut *found)
                                .zip(input_of(connection))
                            {
                                // SAFETY: both were written for the first connection.
                                let (so_far, at) =
                                    unsafe { (largest.assume_init(), found.assume_init()) };
                                #[allow(clippy::eq_op, reason = "only a NaN differs from itself")]
                                let larger = x > so_far || x != x;
                                largest.write(if larger { x } else { so_far });
                                found.write(if larger { tap } else { at });
                            }
                        },
                    );
                }
            });
        // SAFETY: every position has written its part.
        unsafe { (largest.into_written(), found.into_written()) }
    }

    /// The gradient of the input from `dy`, the gradient of the output.
    pub fn backward<T: Lanes>(&self, dy: &[T], found: &[u8], part: usize) -> Vec<T> {
        assert!(dy.len() == self.by_output.len() * part && found.len() == dy.len());
        let dx = ParallelOutput::uninitialised(self.by_input.len() * part);
        self.by_input
            .par_iter()
            .enumerate()
            .for_each(|(input, connections)| {
                // SAFETY: each position has a part of its own.
                let dx = unsafe { dx.part(input * part, part) };
                for dx in dx.iter_mut() {
                    dx.write(T::zero());
                }
                for connection in connections {
                    let range = connection.output * part..(connection.output + 1) * part;
                    let (dy, found, tap) =
                        (&dy[range.clone()], &found[range], connection.tap as u8);
                    vectorised(
                        #[inline(always)]
                        || {
                            for (dx, (&dy, &found)) in dx.iter_mut().zip(dy.iter().zip(found)) {
                                // SAFETY: just written.
                                let sum = unsafe { dx.assume_init() };
                                dx.write(if found == tap { sum + dy } else { sum });
                            }
                        },
                    );
                }
            });
        // SAFETY: every position has written its part.
        unsafe { dx.into_written() }
    }
}
