//! The numbers that an optimiser keeps for each weight.

use std::ops::Range;

use candle_core::{DType, Tensor, Var};
use safetensors::Dtype;

use crate::{
    Result,
    state_file::{bytes, numbers},
};

/// A vector for each state, with the numbers of one agent after those of another. With most rules it is as long as the
/// parameter. On a GPU, a tensor of the parameter's shape.
pub(super) enum States {
    F32(Vec<Vec<f32>>),
    F64(Vec<Vec<f64>>),
    Gpu(Vec<Tensor>),
}

impl States {
    /// States for `var` that have so many numbers for each of `agents`, all 0.
    pub fn new(var: &Var, agents: usize, lengths: &[usize]) -> Result<Self> {
        if !var.device().is_cpu() {
            // One by one, because clones of a tensor would share its memory.
            let states = lengths.iter().map(|_| var.as_tensor().zeros_like());
            return Ok(States::Gpu(states.collect::<candle_core::Result<_>>()?));
        }
        Ok(Self::on_cpu(var.dtype(), agents, lengths))
    }

    /// [`new`](Self::new) for numbers of type `dtype`, f32 or f64.
    pub fn on_cpu(dtype: DType, agents: usize, lengths: &[usize]) -> Self {
        let all = lengths.iter().map(|length| length * agents);
        match dtype {
            DType::F64 => States::F64(all.map(|n| vec![0.0; n]).collect()),
            _ => States::F32(all.map(|n| vec![0.0; n]).collect()),
        }
    }

    /// How many numbers state number `k` has.
    pub fn len(&self, k: usize) -> usize {
        match self {
            States::F32(states) => states[k].len(),
            States::F64(states) => states[k].len(),
            States::Gpu(states) => states[k].elem_count(),
        }
    }

    /// The bytes that are allocated.
    pub fn byte_count(&self) -> usize {
        match self {
            States::F32(states) => states.iter().map(|s| size_of_val(s.as_slice())).sum(),
            States::F64(states) => states.iter().map(|s| size_of_val(s.as_slice())).sum(),
            States::Gpu(states) => {
                let bytes = |s: &Tensor| s.elem_count() * s.dtype().size_in_bytes();
                states.iter().map(bytes).sum()
            }
        }
    }

    /// Sets the states of each agent that has `values`: state number `k` to the agent's entry `k`.
    pub fn fill(&mut self, values: &[Option<&[f64]>]) -> Result<()> {
        match self {
            States::F32(states) => fill(states, values, |x| x as f32),
            States::F64(states) => fill(states, values, |x| x),
            States::Gpu(states) => {
                for (k, state) in states.iter_mut().enumerate() {
                    *state = filled(state, k, values)?;
                }
            }
        }
        Ok(())
    }

    /// State number `k` within `range`, as f32.
    pub fn to_f32(&self, k: usize, range: Range<usize>) -> Result<Vec<f32>> {
        Ok(match self {
            States::F32(states) => states[k][range].to_vec(),
            States::F64(states) => states[k][range].iter().map(|x| *x as f32).collect(),
            States::Gpu(states) => {
                let all = states[k].to_dtype(DType::F32)?.flatten_all()?;
                all.to_vec1()?[range].to_vec()
            }
        })
    }

    /// State number `k` in the shape of `var`, whose number of weights it has.
    pub fn tensor(&self, k: usize, var: &Var) -> Result<Tensor> {
        Ok(match self {
            States::F32(states) => Tensor::from_slice(&states[k], var.shape(), var.device())?,
            States::F64(states) => Tensor::from_slice(&states[k], var.shape(), var.device())?,
            States::Gpu(states) => states[k].reshape(var.shape())?,
        })
    }

    /// State number `k` as it is saved.
    pub fn to_bytes(&self, k: usize) -> Result<(Dtype, Vec<u8>)> {
        Ok(match self {
            States::F32(s) => (Dtype::F32, bytes(&s[k], |x| x.to_le_bytes())),
            States::F64(s) => (Dtype::F64, bytes(&s[k], |x| x.to_le_bytes())),
            States::Gpu(s) if s[k].dtype() == DType::F64 => {
                let s: Vec<f64> = s[k].flatten_all()?.to_vec1()?;
                (Dtype::F64, bytes(&s, |x| x.to_le_bytes()))
            }
            States::Gpu(s) => {
                let s: Vec<f32> = s[k].flatten_all()?.to_vec1()?;
                (Dtype::F32, bytes(&s, |x| x.to_le_bytes()))
            }
        })
    }

    /// States of the same kind for `var`, with the numbers that [`to_bytes`](Self::to_bytes) returned.
    pub fn with_bytes(&self, var: &Var, saved: &[Vec<u8>]) -> Result<States> {
        let f32s = |bytes: &Vec<u8>| numbers(bytes, f32::from_le_bytes);
        let f64s = |bytes: &Vec<u8>| numbers(bytes, f64::from_le_bytes);
        let tensor = |bytes: &Vec<u8>| match var.dtype() {
            DType::F64 => Tensor::from_vec(f64s(bytes), var.shape(), var.device()),
            _ => Tensor::from_vec(f32s(bytes), var.shape(), var.device()),
        };
        Ok(match self {
            States::F32(_) => States::F32(saved.iter().map(f32s).collect()),
            States::F64(_) => States::F64(saved.iter().map(f64s).collect()),
            States::Gpu(_) => {
                let tensors = saved.iter().map(tensor);
                States::Gpu(tensors.collect::<candle_core::Result<_>>()?)
            }
        })
    }
}

fn fill<T: Copy>(states: &mut [Vec<T>], values: &[Option<&[f64]>], number: impl Fn(f64) -> T) {
    for (agent, own) in values.iter().enumerate() {
        for (state, x) in states.iter_mut().zip(own.unwrap_or_default()) {
            let place = part(state.len(), agent, values.len());
            state[place].fill(number(*x));
        }
    }
}

/// `state`, the `k`-th, with the agents' `values`, in a few operations for all agents.
fn filled(state: &Tensor, k: usize, values: &[Option<&[f64]>]) -> candle_core::Result<Tensor> {
    let (agents, device) = (values.len(), state.device());
    if state.elem_count() == 0 || values.iter().all(Option::is_none) {
        return Ok(state.clone());
    }
    let rows = state.reshape((agents, ()))?;
    let fresh = values.iter().map(|values| values.map_or(0.0, |of| of[k]));
    let fresh = Tensor::from_iter(fresh, device)?.to_dtype(state.dtype())?;
    let changed = values.iter().map(|values| u8::from(values.is_some()));
    let changed = Tensor::from_iter(changed, device)?;
    let column = |x: Tensor| x.unsqueeze(1)?.broadcast_as(rows.shape());
    let rows = column(changed)?.where_cond(&column(fresh)?, &rows)?;
    rows.reshape(state.shape())
}

/// The `i`-th of `n` equal parts of `0..len`.
pub(super) fn part(len: usize, i: usize, n: usize) -> Range<usize> {
    let each = len / n;
    i * each..(i + 1) * each
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// The tensors of a GPU are filled as the vectors are; here they are tensors of the CPU.
    #[test]
    fn tensors_are_filled_as_vectors_are() {
        let numbers: Vec<f64> = (0..12).map(f64::from).collect();
        let tensor = Tensor::from_slice(&numbers, (3, 2, 2), &Device::Cpu).unwrap();
        let mut vectors = States::F64(vec![numbers.clone(), numbers]);
        let mut tensors = States::Gpu(vec![tensor.clone(), tensor]);
        for values in [
            [None, Some(&[0.5, -1.0][..]), None],
            [Some(&[7.0, 8.0][..]), None, Some(&[9.0, 10.0])],
            [None; 3],
            [Some(&[0.0, 0.25][..]); 3],
        ] {
            vectors.fill(&values).unwrap();
            tensors.fill(&values).unwrap();
            for k in 0..2 {
                assert_eq!(vectors.to_bytes(k).unwrap(), tensors.to_bytes(k).unwrap());
            }
        }
    }
}
