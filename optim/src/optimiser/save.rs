//! An optimiser's state in safetensors, exact to the bit.
//!
//! `{parameter}.{state}` has the parameter's shape, or that of the fewer numbers that a rule keeps of it; a state of
//! which it keeps none is left out. A state of the agents as a whole is `agent.{state}`. `agent.t` and `agent.lr` have a number for each
//! agent, and so has `group.{group}.lr`; `step` is the schedule's. The metadata's `optimiser` describes
//! the optimiser: its settings, schedule, clipping and groups.

use std::{collections::BTreeSet, fs, ops::Range, path::Path};

use candle_core::DType;
use safetensors::Dtype;

use super::{Layout, Optimiser, Slot, check_lr};
use crate::{
    Clipping, Error, Result,
    state_file::{self, Array, StateFile, bytes, numbers, write_whole},
};

/// What a file holds; also the metadata's key.
const WHAT: &str = "optimiser";

impl Optimiser {
    /// A description of what the state of `agents` belongs to.
    fn description(&self, agents: &Range<usize>) -> String {
        let agents = self.agents[agents.clone()].iter();
        let specs: Vec<String> = agents.map(|agent| agent.spec.to_string()).collect();
        let mut parts = vec![specs.join("; ")];
        if self.schedule != Default::default() {
            let mut part = format!("schedule {}", self.schedule);
            if self.schedule.depends_on_length() {
                part += &format!(" over {} steps", self.horizon);
            }
            parts.push(part);
        }
        if self.clipping != Clipping::Off {
            parts.push(format!("clipping {}", self.clipping));
        }
        parts.extend(self.groups.iter().map(|group| group.to_string()));
        let laid_out = self
            .slots
            .iter()
            .filter(|slot| slot.layout != Layout::default());
        parts.extend(laid_out.map(|slot| {
            let (name, layout) = (&slot.parameter.name, &slot.layout);
            format!("layout {layout:?} of {name}")
        }));
        parts.join(", ")
    }

    /// The whole state. A new optimiser with the same settings and parameters that
    /// [`restore`](Self::restore)s it continues as if nothing had happened.
    ///
    /// # Errors
    /// If the parameters have no names, because the optimiser was made by `candle_nn::Optimizer::new`.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        self.save_agents(0..self.agents.len())
    }

    /// The state of one agent of a cohort, as it would be if the agent had trained alone.
    ///
    /// # Errors
    /// As [`to_safetensors`](Self::to_safetensors), or if there is no such agent.
    pub fn agent_to_safetensors(&self, agent: usize) -> Result<Vec<u8>> {
        self.check_agent(agent)?;
        self.save_agents(agent..agent + 1)
    }

    fn save_agents(&self, agents: Range<usize>) -> Result<Vec<u8>> {
        self.check_named()?;
        let all = self.agents.len();
        let mut arrays: Vec<Array> = Vec::new();
        for slot in &self.slots {
            for (k, state) in self.state_names().iter().enumerate() {
                let Some(shape) = self.shape(slot, k, &agents) else {
                    continue;
                };
                let (dtype, bytes) = slot.states.to_bytes(k)?;
                let each = bytes.len() / all;
                let own = bytes[agents.start * each..agents.end * each].to_vec();
                arrays.push((array_name(slot, state), dtype, shape, own));
            }
        }
        for (k, state) in self.states_of_agents().iter().enumerate() {
            let (dtype, bytes) = self.of_agents.to_bytes(k)?;
            let each = bytes.len() / all;
            let own = bytes[agents.start * each..agents.end * each].to_vec();
            arrays.push((agent_array(state), dtype, vec![agents.len()], own));
        }
        let saved = &self.agents[agents.clone()];
        let lrs = |group: usize| bytes(saved, |agent| agent.rules[group].lr.to_le_bytes());
        let t = bytes(saved, |agent| agent.t.to_le_bytes());
        let step = self.step.to_le_bytes().to_vec();
        let n = vec![saved.len()];
        arrays.push(("agent.t".into(), Dtype::U64, n.clone(), t));
        arrays.push(("agent.lr".into(), Dtype::F64, n.clone(), lrs(0)));
        arrays.push(("step".into(), Dtype::U64, vec![1], step));
        for (i, name) in self.group_arrays().into_iter().enumerate() {
            arrays.push((name, Dtype::F64, n.clone(), lrs(i + 1)));
        }
        state_file::write(WHAT, self.description(&agents), &arrays)
    }

    /// The shape of state number `k` of a parameter of `agents` alone; `None` if the state has no numbers there. With
    /// one agent there may be no axis for agents.
    fn shape(&self, slot: &Slot, k: usize, agents: &Range<usize>) -> Option<Vec<usize>> {
        let (kept, all) = (slot.states.len(k), slot.parameter.var.elem_count());
        if kept != all {
            let each = kept / self.agents.len();
            return (each > 0).then(|| vec![agents.len(), each]);
        }
        let mut shape = slot.parameter.var.dims().to_vec();
        if self.agents.len() > 1 {
            shape[0] = agents.len();
        }
        Some(shape)
    }

    /// The name of each group's array.
    fn group_arrays(&self) -> Vec<String> {
        let groups = self.groups.iter();
        groups
            .map(|group| format!("group.{}.lr", group.name))
            .collect()
    }

    /// An error if two arrays would be saved under the same name.
    pub(super) fn check_saved_names(&self) -> Result<()> {
        let mut names: BTreeSet<String> = ["agent.t", "agent.lr", "step"].map(String::from).into();
        names.extend(self.group_arrays());
        names.extend(
            self.states_of_agents()
                .iter()
                .map(|state| agent_array(state)),
        );
        for slot in &self.slots {
            for state in self.state_names() {
                if !names.insert(array_name(slot, state)) {
                    return Err(Error::usage(format!(
                        "parameter `{}` needs another name: its state `{state}` would be saved under a name that is taken",
                        slot.parameter.name
                    )));
                }
            }
        }
        Ok(())
    }

    fn check_named(&self) -> Result<()> {
        match self.named {
            true => Ok(()),
            false => Err(Error::usage(
                "this optimiser was made by candle_nn::Optimizer::new, which gives its variables no names, and a VarMap lists them in another order in every process; to save or load its state, make it with Optimiser::for_varmap, or with Optimiser::new and named parameters",
            )),
        }
    }

    /// Restores a state that [`to_safetensors`](Self::to_safetensors) returned.
    ///
    /// # Errors
    /// If the state belongs to an optimiser with other settings, schedule, clipping or groups, or to
    /// other parameters. The error says what differs, and nothing has changed.
    pub fn restore(&mut self, data: &[u8]) -> Result<()> {
        self.restore_agents(0..self.agents.len(), data)
    }

    /// [`restore`](Self::restore) for one agent, from what
    /// [`agent_to_safetensors`](Self::agent_to_safetensors) returned. The agents of a cohort take the
    /// same steps, so the schedule continues from the step of the agent restored last.
    ///
    /// # Errors
    /// As [`restore`](Self::restore), or if there is no such agent.
    pub fn restore_agent(&mut self, agent: usize, data: &[u8]) -> Result<()> {
        self.check_agent(agent)?;
        self.restore_agents(agent..agent + 1, data)
    }

    fn restore_agents(&mut self, agents: Range<usize>, data: &[u8]) -> Result<()> {
        self.check_named()?;
        let file = StateFile::read(WHAT, &self.description(&agents), data)?;
        self.check_arrays(&file, &agents)?;
        let (all, n) = (self.agents.len(), agents.len());
        let mut states = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let mut found = Vec::new();
            for (k, state) in self.state_names().iter().enumerate() {
                let Some(shape) = self.shape(slot, k, &agents) else {
                    found.push(Vec::new());
                    continue;
                };
                let part = file.find(&array_name(slot, state), dtype(slot), &shape)?;
                let mut whole = slot.states.to_bytes(k)?.1;
                let each = whole.len() / all;
                whole[agents.start * each..agents.end * each].copy_from_slice(part);
                found.push(whole);
            }
            states.push(slot.states.with_bytes(&slot.parameter.var, &found)?);
        }
        let mut of_agents = Vec::new();
        for (k, state) in self.states_of_agents().iter().enumerate() {
            let (dtype, mut whole) = self.of_agents.to_bytes(k)?;
            let each = whole.len() / all;
            let part = file.find(&agent_array(state), dtype, &[n])?;
            whole[agents.start * each..agents.end * each].copy_from_slice(part);
            of_agents.push(whole);
        }
        let t = numbers(file.find("agent.t", Dtype::U64, &[n])?, u64::from_le_bytes);
        let lr_arrays = [vec!["agent.lr".into()], self.group_arrays()].concat();
        let mut lrs = Vec::with_capacity(lr_arrays.len());
        for name in &lr_arrays {
            let of_group = numbers(file.find(name, Dtype::F64, &[n])?, f64::from_le_bytes);
            let checked = of_group.iter().try_for_each(|lr| check_lr(*lr));
            checked.map_err(|error| Error::usage(format!("the optimiser state: {error}")))?;
            lrs.push(of_group);
        }
        let step = file.count("step")?;
        for (slot, states) in self.slots.iter_mut().zip(states) {
            slot.states = states;
        }
        if let Some(slot) = self.slots.first() {
            self.of_agents = self.of_agents.with_bytes(&slot.parameter.var, &of_agents)?;
        }
        for (i, agent) in self.agents[agents].iter_mut().enumerate() {
            agent.t = t[i];
            for (rule, of_group) in agent.rules.iter_mut().zip(&lrs) {
                rule.lr = of_group[i];
            }
        }
        self.step = step;
        Ok(())
    }

    /// An error that lists both sides unless `file` has exactly the arrays of these parameters.
    fn check_arrays(&self, file: &StateFile, agents: &Range<usize>) -> Result<()> {
        let mut unknown: BTreeSet<&str> = file.names().into_iter().collect();
        let own = ["agent.t", "agent.lr", "step"].map(String::from);
        for name in own.into_iter().chain(self.group_arrays()) {
            unknown.remove(name.as_str());
        }
        for state in self.states_of_agents() {
            unknown.remove(agent_array(state).as_str());
        }
        let (mut missing, mut other) = (Vec::new(), Vec::new());
        for slot in &self.slots {
            for (k, state) in self.state_names().iter().enumerate() {
                let Some(shape) = self.shape(slot, k, agents) else {
                    continue;
                };
                let needed = (dtype(slot), shape);
                let name = array_name(slot, state);
                unknown.remove(name.as_str());
                match file.shape(&name) {
                    None => missing.push(name),
                    Some(found) if found != needed => other.push(format!(
                        "{name} is {:?} {:?} (needed: {:?} {:?})",
                        found.0, found.1, needed.0, needed.1
                    )),
                    Some(_) => {}
                }
            }
        }
        let unknown = unknown.into_iter().map(String::from).collect();
        let sides = [
            ("missing in the file", missing),
            ("only in the file", unknown),
            ("of another shape or type", other),
        ];
        let differ: Vec<String> = sides
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(side, names)| format!("{side}: {}", names.join(", ")))
            .collect();
        match differ.is_empty() {
            true => Ok(()),
            false => Err(Error::usage(format!(
                "the optimiser state belongs to other parameters; {}",
                differ.join("; ")
            ))),
        }
    }

    /// Writes the state to `path`, whole or not at all.
    ///
    /// # Errors
    /// As [`to_safetensors`](Self::to_safetensors), or if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_whole(path.as_ref(), self.to_safetensors()?)
    }

    /// Reads the state from `path`.
    ///
    /// # Errors
    /// As [`restore`](Self::restore), or if the file cannot be read. The error names the file.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let data = fs::read(path).map_err(|error| Error::io("cannot read", path, error))?;
        self.restore(&data)
            .map_err(|error| Error::usage(format!("{}: {error}", path.display())))
    }
}

/// The name under which a state of a parameter is saved.
fn array_name(slot: &Slot, state: &str) -> String {
    format!("{}.{state}", slot.parameter.name)
}

/// The name under which a state of the agents as a whole is saved.
fn agent_array(state: &str) -> String {
    format!("agent.{state}")
}

/// The type in which a parameter's states are saved.
fn dtype(slot: &Slot) -> Dtype {
    match slot.parameter.var.dtype() {
        DType::F64 => Dtype::F64,
        _ => Dtype::F32,
    }
}
