//! An optimiser's state in safetensors, exact to the bit.
//!
//! `{parameter}.{state}` has the parameter's shape; `agent.t` and `agent.lr` have a number for each
//! agent, `step` is the schedule's. The metadata's `optimiser` says whose state it is.

use std::{fs, ops::Range, path::Path};

use candle_core::{DType, Tensor, Var};
use safetensors::Dtype;

use super::{
    Optimiser,
    candle::{Slot, States},
};
use crate::{
    Error, Result,
    saved::{self, Array, Saved, bytes, numbers},
};

/// What is saved here, and the metadata's key.
const WHAT: &str = "optimiser";

impl Optimiser {
    /// The optimiser of each of `agents`.
    fn whose(&self, agents: &Range<usize>) -> String {
        let specs: Vec<&str> = self.agents[agents.clone()]
            .iter()
            .map(|agent| agent.spec.as_str())
            .collect();
        specs.join("; ")
    }

    /// The whole state: a new optimiser of the same specs and parameters that
    /// [`restore`](Self::restore)s it goes on as if nothing had happened.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        self.save_agents(0..self.agents.len())
    }

    /// The state of one agent of a cohort, as it would be had it trained alone.
    pub fn agent_to_safetensors(&self, agent: usize) -> Result<Vec<u8>> {
        self.save_agents(agent..agent + 1)
    }

    fn save_agents(&self, agents: Range<usize>) -> Result<Vec<u8>> {
        let all = self.agents.len();
        let mut tensors: Vec<Array> = Vec::new();
        for slot in &self.slots {
            let shape = self.shape(slot, &agents);
            for (k, name) in self.state_names().iter().enumerate() {
                let (dtype, bytes) = slot.states.to_bytes(k)?;
                let name = format!("{}.{name}", slot.parameter.name);
                let each = bytes.len() / all;
                let part = bytes[agents.start * each..agents.end * each].to_vec();
                tensors.push((name, dtype, shape.clone(), part));
            }
        }
        let saved = &self.agents[agents.clone()];
        let t = bytes(saved, |agent| agent.t.to_le_bytes());
        let lr = bytes(saved, |agent| agent.lr.to_le_bytes());
        let step = self.step.to_le_bytes().to_vec();
        tensors.push(("agent.t".into(), Dtype::U64, vec![saved.len()], t));
        tensors.push(("agent.lr".into(), Dtype::F64, vec![saved.len()], lr));
        tensors.push(("step".into(), Dtype::U64, vec![1], step));
        saved::write(WHAT, self.whose(&agents), &tensors)
    }

    /// The shape of a parameter of `agents` alone. With one agent there may be no axis for it.
    fn shape(&self, slot: &Slot, agents: &Range<usize>) -> Vec<usize> {
        let mut shape = slot.parameter.var.dims().to_vec();
        if self.agents.len() > 1 {
            shape[0] = agents.len();
        }
        shape
    }

    /// Takes over a state that [`to_safetensors`](Self::to_safetensors) gave; if it does not fit, the
    /// error says where and nothing has changed.
    pub fn restore(&mut self, data: &[u8]) -> Result<()> {
        self.restore_agents(0..self.agents.len(), data)
    }

    /// [`restore`](Self::restore) for one agent, from what
    /// [`agent_to_safetensors`](Self::agent_to_safetensors) gave. Agents of a cohort are in
    /// lock-step: the schedule's step is that of the last one restored.
    pub fn restore_agent(&mut self, agent: usize, data: &[u8]) -> Result<()> {
        self.restore_agents(agent..agent + 1, data)
    }

    fn restore_agents(&mut self, agents: Range<usize>, data: &[u8]) -> Result<()> {
        let file = Saved::read(WHAT, &self.whose(&agents), data)?;
        let names = self.state_names();
        let n = agents.len();
        let expected = self.slots.len() * names.len() + 3;
        if file.len() != expected {
            return Err(Error::usage(format!(
                "the optimiser state has {} tensors; needed: {expected}, for {} parameters with the states {names:?}",
                file.len(),
                self.slots.len()
            )));
        }
        let all = self.agents.len();
        let states = |slot: &Slot| -> Result<States> {
            let var = &slot.parameter.var;
            let dtype = match var.dtype() {
                DType::F64 => Dtype::F64,
                _ => Dtype::F32,
            };
            let shape = self.shape(slot, &agents);
            let mut found = Vec::with_capacity(names.len());
            for (k, name) in names.iter().enumerate() {
                let name = format!("{}.{name}", slot.parameter.name);
                let part = file.find(&name, dtype, &shape)?;
                let mut whole = slot.states.to_bytes(k)?.1;
                let each = whole.len() / all;
                whole[agents.start * each..agents.end * each].copy_from_slice(part);
                found.push(whole);
            }
            slot.states.like(var, &found)
        };
        let states = self.slots.iter().map(states).collect::<Result<Vec<_>>>()?;
        let t = numbers(file.find("agent.t", Dtype::U64, &[n])?, u64::from_le_bytes);
        let lr = numbers(file.find("agent.lr", Dtype::F64, &[n])?, f64::from_le_bytes);
        let step = file.count("step")?;
        if let Some(lr) = lr.iter().find(|lr| !(lr.is_finite() && **lr >= 0.0)) {
            return Err(Error::usage(format!("the optimiser state has lr {lr}")));
        }
        for (slot, states) in self.slots.iter_mut().zip(states) {
            slot.states = states;
        }
        for (agent, (t, lr)) in self.agents[agents].iter_mut().zip(t.into_iter().zip(lr)) {
            (agent.t, agent.lr) = (t, lr);
        }
        self.step = step;
        Ok(())
    }

    /// Writes the state to `path`, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        crate::files::write_whole(path, &self.to_safetensors()?)
    }

    /// Reads the state from `path`.
    pub fn load(&mut self, path: &Path) -> Result<()> {
        let data = fs::read(path)
            .map_err(|error| Error::usage(format!("cannot read {}: {error}", path.display())))?;
        self.restore(&data)
            .map_err(|error| Error::usage(format!("{}: {error}", path.display())))
    }
}

impl States {
    /// The state `k` as it is saved.
    fn to_bytes(&self, k: usize) -> Result<(Dtype, Vec<u8>)> {
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

    /// States of this kind for `var`, with the numbers that [`to_bytes`](Self::to_bytes) gave.
    fn like(&self, var: &Var, saved: &[Vec<u8>]) -> Result<States> {
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
