//! An optimiser watched at work: one agent's gradient and states, as plain numbers.

use candle_core::{CpuStorage, DType, Storage, Tensor, backprop::GradStore};

use super::{
    Optimiser, Parameter,
    candle::{States, part},
};
use crate::{Error, Result};

/// The gradient of agent number `agent` of a cohort: that of each number of `parameters`, in order.
pub(crate) fn flat_gradient<'a>(
    parameters: impl IntoIterator<Item = &'a Parameter, IntoIter: Clone>,
    grads: &GradStore,
    agent: usize,
) -> Result<Vec<f32>> {
    let parameters = parameters.into_iter();
    let weights = parameters
        .clone()
        .map(|p| p.var.elem_count() / p.var.dims()[0]);
    let mut flat = Vec::with_capacity(weights.sum());
    for Parameter { name, var } in parameters {
        let grad = grads.get(var);
        let grad =
            grad.ok_or_else(|| Error::usage(format!("parameter `{name}` has no gradient")))?;
        let own = grad.narrow(0, agent, 1)?;
        let (storage, layout) = own.storage_and_layout();
        match (&*storage, layout.contiguous_offsets()) {
            (Storage::Cpu(CpuStorage::F32(all)), Some((start, end))) => {
                flat.extend_from_slice(&all[start..end]);
            }
            _ => flat.extend(numbers(&own)?),
        }
    }
    Ok(flat)
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}

impl Optimiser {
    /// The gradient of agent number `agent` of a cohort, whose first axis each parameter has.
    pub(crate) fn agent_gradient(&self, grads: &GradStore, agent: usize) -> Result<Vec<f32>> {
        let parameters = self.slots.iter().map(|slot| &slot.parameter);
        flat_gradient(parameters, grads, agent)
    }

    /// The state called `name` of agent number `agent`, parameter after parameter.
    pub fn agent_state(&self, name: &str, agent: usize) -> Result<Vec<f32>> {
        let names = self.state_names();
        let k = names.iter().position(|known| *known == name);
        let k = k.ok_or_else(|| {
            Error::usage(format!(
                "this optimiser has no state `{name}`; it has {names:?}"
            ))
        })?;
        let mut flat = Vec::new();
        for slot in &self.slots {
            let own = part(slot.parameter.var.elem_count(), agent, self.agents.len());
            match &slot.states {
                States::F32(states) => flat.extend_from_slice(&states[k][own]),
                States::F64(states) => flat.extend(states[k][own].iter().map(|x| *x as f32)),
                States::Gpu(states) => flat.extend_from_slice(&numbers(&states[k])?[own]),
            }
        }
        Ok(flat)
    }
}
