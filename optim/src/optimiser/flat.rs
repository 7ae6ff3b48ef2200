//! One agent's gradient and states as flat lists of numbers.

use candle_core::{CpuStorage, DType, Storage, backprop::GradStore};

use super::{Optimiser, Parameter, layout::put_back, part};
use crate::{Error, Result};

/// The gradient of agent number `agent` of a cohort: one number per weight of `parameters`, in order.
/// The first axis of each parameter is the agents'.
///
/// # Errors
/// If a parameter has no gradient, or no axis for the agents.
pub fn flat_gradient<'a>(
    parameters: impl IntoIterator<Item = &'a Parameter, IntoIter: Clone>,
    grads: &GradStore,
    agent: usize,
) -> Result<Vec<f32>> {
    let parameters = parameters.into_iter();
    let weights = parameters
        .clone()
        .map(|p| p.var.elem_count() / p.var.dims().first().copied().unwrap_or(1).max(1));
    let mut flat = Vec::with_capacity(weights.sum());
    for Parameter { name, var, .. } in parameters {
        let grad = grads.get(var);
        let grad =
            grad.ok_or_else(|| Error::usage(format!("parameter `{name}` has no gradient")))?;
        let own = grad.narrow(0, agent, 1)?;
        let (storage, layout) = own.storage_and_layout();
        match (&*storage, layout.contiguous_offsets()) {
            (Storage::Cpu(CpuStorage::F32(all)), Some((start, end))) => {
                flat.extend_from_slice(&all[start..end]);
            }
            _ => flat.extend(own.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?),
        }
    }
    Ok(flat)
}

impl Optimiser {
    /// [`flat_gradient`] of this optimiser's parameters.
    pub fn flat_gradient(&self, grads: &GradStore, agent: usize) -> Result<Vec<f32>> {
        let parameters = self.slots.iter().map(|slot| &slot.parameter);
        flat_gradient(parameters, grads, agent)
    }

    /// The state `name` of agent number `agent`: one number per weight, in the order of the parameters. Some rules
    /// that step whole tensors keep fewer numbers, or one for all weights.
    ///
    /// # Errors
    /// If there is no such state or no such agent.
    pub fn flat_state(&self, name: &str, agent: usize) -> Result<Vec<f32>> {
        let names = self.state_names();
        let k = names.iter().position(|known| *known == name);
        let k = k.ok_or_else(|| {
            Error::usage(format!(
                "this optimiser has no state `{name}`; it has {names:?}"
            ))
        })?;
        self.check_agent(agent)?;
        let agents = self.agents.len();
        if let Some(k) = self.number_of_agent(k) {
            return self
                .of_agents
                .to_f32(k, part(self.of_agents.len(k), agent, agents));
        }
        let mut flat = Vec::new();
        for slot in &self.slots {
            let own = part(slot.states.len(k), agent, agents);
            let state = slot.states.to_f32(k, own)?;
            match &slot.places {
                Some(places) if places.len() == state.len() => {
                    let start = flat.len();
                    flat.resize(start + state.len(), 0.0);
                    put_back(&state, places, &mut flat[start..]);
                }
                _ => flat.extend(state),
            }
        }
        Ok(flat)
    }
}
