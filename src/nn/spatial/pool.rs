//! Max pooling.

#[cfg(any(feature = "cuda", test))]
use std::sync::OnceLock;

#[cfg(any(feature = "cuda", test))]
use candle_core::Tensor;
use candle_core::{Result, bail};
use rayon::prelude::*;

#[cfg(any(feature = "cuda", test))]
use super::gpu::listed;
use super::{
    lanes::Lanes,
    meeting::{Meeting, grouped},
    out::Out,
};
use crate::{nn::columns::Window, wide::wide};

/// The largest of each window, as `torch.nn.MaxPool2d`: padding is never the largest, the first of
/// equals counts, and a NaN is larger than anything.
pub(super) struct MaxPool {
    by_input: Vec<Vec<Meeting>>,
    by_output: Vec<Vec<Meeting>>,
    #[cfg(any(feature = "cuda", test))]
    tables: OnceLock<[Tensor; 2]>,
}

impl MaxPool {
    /// That slides as `window` says.
    pub fn new(window: &Window) -> Result<Self> {
        let by_output = grouped(window, window.positions(), |meeting| meeting.output);
        if window.kernel > 15 || by_output.iter().any(Vec::is_empty) {
            bail!(
                "max pooling: {window:?}; allowed: kernels of at most 15, none of which sees padding alone"
            );
        }
        Ok(Self {
            by_input: grouped(window, window.height * window.width, |meeting| {
                meeting.input
            }),
            by_output,
            #[cfg(any(feature = "cuda", test))]
            tables: OnceLock::new(),
        })
    }

    /// What each input meets, output and place, and what each output meets, input and place, as tables on
    /// a GPU.
    #[cfg(any(feature = "cuda", test))]
    pub fn tables(&self, device: &candle_core::Device) -> Result<&[Tensor; 2]> {
        if let Some(tables) = self.tables.get() {
            return Ok(tables);
        }
        let tables = [
            listed(&self.by_input, |m| [m.output, m.place], device)?,
            listed(&self.by_output, |m| [m.input, m.place], device)?,
        ];
        Ok(self.tables.get_or_init(|| tables))
    }

    /// Positions of an image before and behind it.
    pub fn positions(&self) -> [usize; 2] {
        [self.by_input.len(), self.by_output.len()]
    }

    /// `x` `[positions, batch, channels]` to the largest, `[positions', batch, channels]`, and the
    /// place of the kernel each was found at.
    pub fn forward<T: Lanes>(&self, x: &[T], part: usize) -> (Vec<T>, Vec<u8>) {
        assert_eq!(x.len(), self.by_input.len() * part);
        let len = self.by_output.len() * part;
        let (largest, found) = (Out::new(len), Out::new(len));
        (0..self.by_output.len())
            .into_par_iter()
            .for_each(|output| {
                // SAFETY: a part of each for each position.
                let (largest, found) = unsafe {
                    (
                        largest.part(output * part, part),
                        found.part(output * part, part),
                    )
                };
                let of = |meeting: &Meeting| &x[meeting.input * part..(meeting.input + 1) * part];
                let (first, others) = self.by_output[output].split_at(1);
                for ((largest, found), &x) in largest.iter_mut().zip(&mut *found).zip(of(&first[0]))
                {
                    largest.write(x);
                    found.write(first[0].place as u8);
                }
                for meeting in others {
                    wide(
                        #[inline(always)]
                        || {
                            let place = meeting.place as u8;
                            for ((largest, found), &x) in
                                largest.iter_mut().zip(&mut *found).zip(of(meeting))
                            {
                                // SAFETY: both have been written for the first meeting.
                                let (so_far, at) =
                                    unsafe { (largest.assume_init(), found.assume_init()) };
                                #[allow(clippy::eq_op, reason = "only a NaN differs from itself")]
                                let larger = x > so_far || x != x;
                                largest.write(if larger { x } else { so_far });
                                found.write(if larger { place } else { at });
                            }
                        },
                    );
                }
            });
        // SAFETY: every position wrote its part.
        unsafe { (largest.filled(), found.filled()) }
    }

    /// The gradient of the input, of one like the output.
    pub fn backward<T: Lanes>(&self, dy: &[T], found: &[u8], part: usize) -> Vec<T> {
        assert!(dy.len() == self.by_output.len() * part && found.len() == dy.len());
        let dx = Out::new(self.by_input.len() * part);
        self.by_input
            .par_iter()
            .enumerate()
            .for_each(|(input, meetings)| {
                // SAFETY: a part for each position.
                let dx = unsafe { dx.part(input * part, part) };
                for dx in dx.iter_mut() {
                    dx.write(T::zero());
                }
                for meeting in meetings {
                    let of = meeting.output * part..(meeting.output + 1) * part;
                    let (dy, found, place) = (&dy[of.clone()], &found[of], meeting.place as u8);
                    wide(
                        #[inline(always)]
                        || {
                            for (dx, (&dy, &found)) in dx.iter_mut().zip(dy.iter().zip(found)) {
                                // SAFETY: just written.
                                let sum = unsafe { dx.assume_init() };
                                dx.write(if found == place { sum + dy } else { sum });
                            }
                        },
                    );
                }
            });
        // SAFETY: every position wrote its part.
        unsafe { dx.filled() }
    }
}
