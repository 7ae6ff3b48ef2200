//! Weights as named arrays, for an agent alone and for one agent of a cohort.

use candle_core::{Tensor, Var};
use optim::state_file::{Array, StateFile, StatePart, bytes, numbers};
use safetensors::Dtype;

use crate::Result;

/// What a saved policy belongs to: the shapes that a file must match.
pub(super) fn shapes(obs_len: usize, actions: usize) -> String {
    format!("{obs_len} observations, {actions} actions")
}

/// The numbers of `tensor` as the array called `name`.
pub(super) fn array(name: &str, tensor: &Tensor) -> Result<Array> {
    let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
    let data = bytes(&values, |x| x.to_le_bytes());
    Ok((name.into(), Dtype::F32, tensor.dims().to_vec(), data))
}

/// Sets `var` to the numbers in `data`.
pub(super) fn set(var: &Var, data: &[u8]) -> Result<()> {
    let values = numbers(data, f32::from_le_bytes);
    Ok(var.set(&Tensor::from_vec(values, var.shape(), var.device())?)?)
}

/// Sets the part of `var` that is agent number `agent`'s to the array called `name`.
pub(super) fn load_agent(var: &Var, agent: usize, name: &str, saved: &StatePart) -> Result<()> {
    set_agent(var, agent, |shape| saved.find(name, Dtype::F32, shape))
}

/// Sets the part of `var` that is agent number `agent`'s to the array called `name` of another agent's networks.
pub(super) fn start_agent(var: &Var, agent: usize, name: &str, saved: &StateFile) -> Result<()> {
    set_agent(var, agent, |shape| saved.find(name, Dtype::F32, shape))
}

/// Sets the part of `var` that is agent number `agent`'s to what `find` returns for its shape.
fn set_agent<'a>(
    var: &Var,
    agent: usize,
    find: impl FnOnce(&[usize]) -> optim::Result<&'a [u8]>,
) -> Result<()> {
    let one = Var::from_tensor(&var.as_tensor().narrow(0, agent, 1)?.copy()?)?;
    set(&one, find(one.dims())?)?;
    let before = var.as_tensor().narrow(0, 0, agent)?;
    let after = var
        .as_tensor()
        .narrow(0, agent + 1, var.dims()[0] - agent - 1)?;
    Ok(var.set(&Tensor::cat(&[&before, one.as_tensor(), &after], 0)?)?)
}
