//! The connections of a convolution or a pooling as tables on a GPU.

use std::ops::Range;

use candle_core::{Device, Result, Tensor};

use super::connections::Connection;

/// The tables of a convolution.
pub(super) struct Tables {
    /// The taps from the first to the last that has a connection.
    pub taps: Range<usize>,
    /// Whether each output sees one input, in order, so that nothing has to be gathered.
    pub direct: bool,
    /// `[outputs, taps]`: the input under a tap at an output, or -1.
    pub inputs: Tensor,
    /// For each input its outputs and their taps, counted from the first of `taps`; see [`pair_lists`].
    pub by_input: Tensor,
}

impl Tables {
    /// The tables of the connections of each input and of each output.
    pub fn new(
        by_input: &[Vec<Connection>],
        by_output: &[Vec<Connection>],
        device: &Device,
    ) -> Result<Self> {
        let taps = || by_output.iter().flatten().map(|connection| connection.tap);
        let first = taps().min().unwrap_or(0);
        let taps = first..taps().max().map_or(first, |last| last + 1);
        let mut inputs = vec![-1; by_output.len() * taps.len()];
        for connection in by_output.iter().flatten() {
            inputs[connection.output * taps.len() + connection.tap - first] =
                connection.input as i32;
        }
        let direct = by_input.len() == by_output.len()
            && inputs.iter().copied().eq(0..by_input.len() as i32);
        Ok(Self {
            direct,
            inputs: Tensor::new(inputs, device)?,
            by_input: pair_lists(by_input, |m| [m.output, m.tap - first], device)?,
            taps,
        })
    }
}

/// A list of pairs for each group, in one table: first the start of each list and the end of the last,
/// counted in pairs, then all pairs.
pub(super) fn pair_lists(
    groups: &[Vec<Connection>],
    pair: impl Fn(&Connection) -> [usize; 2],
    device: &Device,
) -> Result<Tensor> {
    let mut numbers = vec![0];
    let mut end = 0;
    for group in groups {
        end += group.len() as i32;
        numbers.push(end);
    }
    let pairs = groups.iter().flatten().flat_map(pair);
    numbers.extend(pairs.map(|number| number as i32));
    Tensor::new(numbers, device)
}
