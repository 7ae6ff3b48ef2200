//! Steps of rules that see all parameters of an agent as one vector.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, Layout, Storage, bail};

use super::{
    Optimiser, Slot, States,
    agent_step::{AgentStep, Gradient},
    part,
    step::span,
};
use crate::{AnyRule, Element, Error, Result, Shape};

/// The states of each agent as a whole, all 0.
pub(super) fn states(rule: &dyn AnyRule, slots: &[Slot], agents: usize) -> Result<States> {
    let count = rule.states_of_agent();
    let types = slots.iter().map(|slot| slot.parameter.var.dtype());
    let dtype = types.clone().next().unwrap_or(candle_core::DType::F32);
    if let Some(other) = types.into_iter().find(|other| *other != dtype && count > 0) {
        return Err(Error::usage(format!(
            "this optimiser sees all parameters at once, and some are {dtype:?}, others {other:?}; allowed: one type"
        )));
    }
    Ok(States::on_cpu(dtype, agents, &vec![1; count]))
}

/// Numbers of one type in candle's storage and in ours.
trait Stored: Element + Default {
    fn all(storage: &CpuStorage) -> Option<&[Self]>;
    fn all_mut(storage: &mut CpuStorage) -> Option<&mut [Self]>;
    fn states(states: &mut States) -> Option<&mut Vec<Vec<Self>>>;
    fn gathered(gathered: &mut AnyGathered) -> &mut Gathered<Self>;
}

/// [`Gathered`] numbers of either type; one of the two stays empty.
#[derive(Default)]
pub(super) struct AnyGathered {
    f32: Gathered<f32>,
    f64: Gathered<f64>,
}

macro_rules! stored {
    ($float:ident, $kind:ident) => {
        impl Stored for $float {
            fn all(storage: &CpuStorage) -> Option<&[Self]> {
                match storage {
                    CpuStorage::$kind(all) => Some(all),
                    _ => None,
                }
            }
            fn all_mut(storage: &mut CpuStorage) -> Option<&mut [Self]> {
                match storage {
                    CpuStorage::$kind(all) => Some(all),
                    _ => None,
                }
            }
            fn states(states: &mut States) -> Option<&mut Vec<Vec<Self>>> {
                match states {
                    States::$kind(all) => Some(all),
                    _ => None,
                }
            }
            fn gathered(gathered: &mut AnyGathered) -> &mut Gathered<Self> {
                &mut gathered.$float
            }
        }
    };
}
stored!(f32, F32);
stored!(f64, F64);

/// An agent's weights, gradient and states, those of one parameter after those of another. The lists are kept from
/// step to step, because fresh memory costs more than the step itself.
#[derive(Default)]
pub(super) struct Gathered<R> {
    w: Vec<R>,
    g: Vec<R>,
    states: Vec<Vec<R>>,
}

impl Optimiser {
    /// The names of the states of the agents as a whole.
    pub(super) fn states_of_agents(&self) -> &'static [&'static str] {
        let names = self.state_names();
        &names[names.len() - self.agents[0].rule().states_of_agent()..]
    }

    /// The number among them of state number `k`, if it is one.
    pub(super) fn number_of_agent(&self, k: usize) -> Option<usize> {
        let kept = self.state_names().len() - self.states_of_agents().len();
        k.checked_sub(kept)
    }

    /// An error if a rule that has to see all parameters cannot.
    pub(super) fn check_whole(&self, grads: &[Gradient]) -> Result<()> {
        if self.states_of_agents().is_empty() {
            return Ok(());
        }
        let missing = self.slots.iter().zip(grads);
        let missing = missing.filter(|(slot, grad)| grad.is_none() && !slot.is_empty());
        match missing.map(|(slot, _)| &slot.parameter.name).next() {
            None => Ok(()),
            Some(name) => Err(Error::usage(format!(
                "parameter `{name}` has no gradient, and `{}` sees all parameters at once; leave out of the optimiser what is frozen",
                self.agents[0].spec
            ))),
        }
    }

    /// One step of all parameters at once.
    pub(super) fn step_whole(&mut self, steps: &[AgentStep], grads: &[Gradient]) -> Result<()> {
        match self.of_agents {
            States::F64(_) => self.step_in::<f64>(steps, grads),
            _ => self.step_in::<f32>(steps, grads),
        }
    }

    fn step_in<R: Stored>(&mut self, steps: &[AgentStep], grads: &[Gradient]) -> Result<()> {
        let mut all = std::mem::take(R::gathered(&mut self.gathered));
        for (agent, step) in steps.iter().enumerate() {
            self.gather(agent, grads, &mut all)?;
            let rule = self.agents[agent].rule();
            let part = (Shape::Vector(all.w.len()), 0);
            let Gathered { w, g, states } = &mut all;
            R::update_tensor(rule, &step.scalars, step.clip, part, w, g, states);
            self.scatter(agent, &all)?;
        }
        *R::gathered(&mut self.gathered) = all;
        Ok(())
    }

    fn gather<R: Stored>(
        &mut self,
        agent: usize,
        grads: &[Gradient],
        all: &mut Gathered<R>,
    ) -> Result<()> {
        let (agents, names) = (self.agents.len(), self.state_names().len());
        let Gathered { w, g, states } = all;
        states.resize_with(names, Vec::new);
        for list in [&mut *w, &mut *g].into_iter().chain(&mut *states) {
            list.clear();
        }
        for (slot, grad) in self.slots.iter_mut().zip(grads) {
            let Some(grad) = grad else {
                continue;
            };
            for (tensor, to) in [
                (slot.parameter.var.as_tensor(), &mut *w),
                (&**grad, &mut *g),
            ] {
                let (storage, layout) = tensor.storage_and_layout();
                let Storage::Cpu(storage) = &*storage else {
                    return Err(other_type());
                };
                let all = R::all(storage).ok_or_else(other_type)?;
                let all = &all[span(layout)?];
                to.extend_from_slice(&all[part(all.len(), agent, agents)]);
            }
            let kept = R::states(&mut slot.states).ok_or_else(other_type)?;
            for (state, all) in kept.iter().zip(&mut *states) {
                all.extend_from_slice(&state[part(state.len(), agent, agents)]);
            }
        }
        let of_agents = R::states(&mut self.of_agents).ok_or_else(other_type)?;
        let first = names - of_agents.len();
        for (state, own) in of_agents.iter().zip(&mut states[first..]) {
            own.push(state[agent]);
        }
        Ok(())
    }

    fn scatter<R: Stored>(&mut self, agent: usize, all: &Gathered<R>) -> Result<()> {
        let agents = self.agents.len();
        let mut start = 0;
        for slot in self.slots.iter_mut().filter(|slot| !slot.is_empty()) {
            let each = slot.parameter.var.elem_count() / agents;
            let own = start..start + each;
            start = own.end;
            let write = Write {
                agent: (agent, agents),
                numbers: RefCell::new(&all.w[own.clone()]),
            };
            slot.parameter.var.inplace_op1(&write)?;
            let kept = R::states(&mut slot.states).ok_or_else(other_type)?;
            for (state, all) in kept.iter_mut().zip(&all.states) {
                let to = part(state.len(), agent, agents);
                if !to.is_empty() {
                    state[to].copy_from_slice(&all[own.clone()]);
                }
            }
        }
        let of_agents = R::states(&mut self.of_agents).ok_or_else(other_type)?;
        let first = all.states.len() - of_agents.len();
        for (state, own) in of_agents.iter_mut().zip(&all.states[first..]) {
            state[agent] = own[0];
        }
        Ok(())
    }
}

fn other_type() -> Error {
    Error::usage("weights, gradients and states must have the same type and be on the CPU")
}

/// Writes one agent's numbers into a variable.
struct Write<'a, R> {
    /// Its number, and how many there are.
    agent: (usize, usize),
    numbers: RefCell<&'a [R]>,
}

impl<R: Stored> InplaceOp1 for Write<'_, R> {
    fn name(&self) -> &'static str {
        "optimiser-write"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let span = span(layout)?;
        let Some(all) = R::all_mut(storage) else {
            bail!("weights must have the type of their states");
        };
        let all = &mut all[span];
        let own = part(all.len(), self.agent.0, self.agent.1);
        all[own].copy_from_slice(&self.numbers.borrow());
        Ok(())
    }
}
