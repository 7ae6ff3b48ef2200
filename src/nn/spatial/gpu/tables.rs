//! Which positions meet, as tables on the device.

use std::ops::Range;

use candle_core::{Device, Result, Tensor};

use super::super::meeting::Meeting;

/// A convolution's.
pub(in crate::nn::spatial) struct Tables {
    /// The places of the kernel from the first to the last that meets anything.
    pub places: Range<usize>,
    /// What each output sees is an input as it is, one after the other: nothing to be gathered.
    pub direct: bool,
    /// `[outputs, places]`: the input that a place of an output meets, or -1.
    pub inputs: Tensor,
    /// What each input meets: output and place, counted from the first of `places`.
    pub by_input: Tensor,
}

impl Tables {
    /// From the meetings of each input and of each output.
    pub fn new(
        by_input: &[Vec<Meeting>],
        by_output: &[Vec<Meeting>],
        device: &Device,
    ) -> Result<Self> {
        let places = || by_output.iter().flatten().map(|meeting| meeting.place);
        let first = places().min().unwrap_or(0);
        let places = first..places().max().map_or(first, |last| last + 1);
        let mut inputs = vec![-1; by_output.len() * places.len()];
        for meeting in by_output.iter().flatten() {
            inputs[meeting.output * places.len() + meeting.place - first] = meeting.input as i32;
        }
        let direct = by_input.len() == by_output.len()
            && inputs.iter().copied().eq(0..by_input.len() as i32);
        Ok(Self {
            direct,
            inputs: Tensor::new(inputs, device)?,
            by_input: listed(by_input, |m| [m.output, m.place - first], device)?,
            places,
        })
    }
}

/// Where the pairs of each group start, counted in pairs, and behind the last of these numbers the pairs.
pub(in crate::nn::spatial) fn listed(
    groups: &[Vec<Meeting>],
    pair: impl Fn(&Meeting) -> [usize; 2],
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
