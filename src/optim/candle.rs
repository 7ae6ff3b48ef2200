//! Steps candle variables with a rule.

use std::{borrow::Cow, cell::RefCell, ops::Range};

use candle_core::{
    CpuStorage, DType, InplaceOp2, Layout, Storage, Tensor, Var, backprop::GradStore, bail,
};

use super::{AnyRule, Clip, Clipping, Schedule, Spec};
use crate::{Error, Result};

/// A trainable tensor, and the name it is reported and saved under. In a cohort its first axis is the agents'.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The name, unique within a model.
    pub name: String,
    /// The weights, contiguous.
    pub var: Var,
}

/// What an update of the target network starts afresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Nothing.
    Nothing,
    /// The step count that corrections and the like depend on.
    Time,
    /// That and every state.
    State,
}

/// An optimiser at work on the parameters of a cohort of agents.
///
/// The agents share a rule and its branches; everything else (lr, betas, eps, ...) is each one's own.
pub struct Optimiser {
    pub(super) agents: Vec<Agent>,
    pub(super) slots: Vec<Slot>,
    clipping: Clipping,
    schedule: Schedule,
    /// How many steps the schedule spans.
    horizon: u64,
    /// Steps done.
    pub(super) step: u64,
    #[cfg(feature = "cuda")]
    pub(super) kernel: Option<super::cuda::Kernel>,
}

/// One agent's rule, and where it is.
pub(super) struct Agent {
    pub(super) rule: Box<dyn AnyRule>,
    /// The spec it was made from, as text.
    pub(super) spec: String,
    pub(super) lr: f64,
    restart: Restart,
    /// Steps since the last restart.
    pub(super) t: u64,
}

/// One parameter and its states.
pub(super) struct Slot {
    pub(super) parameter: Parameter,
    pub(super) states: States,
}

/// A vector for each state, as long as the parameter; on a GPU, a tensor of the parameter's shape.
pub(super) enum States {
    F32(Vec<Vec<f32>>),
    F64(Vec<Vec<f64>>),
    Gpu(Vec<Tensor>),
}

impl Optimiser {
    /// An optimiser for `parameters`, f32 or f64, of a cohort with an agent for each of `specs`.
    ///
    /// With more than one agent, each parameter has the agents as its first axis.
    pub fn new(specs: &[Spec], parameters: Vec<Parameter>) -> Result<Self> {
        let agents = specs.iter().map(Agent::new).collect::<Result<Vec<_>>>()?;
        let first = agents
            .first()
            .ok_or_else(|| Error::usage("an optimiser needs at least one agent"))?;
        if let Some(i) = agents
            .iter()
            .position(|a| a.rule.kind() != first.rule.kind())
        {
            return Err(Error::usage(format!(
                "agents of a cohort share one rule and its terms; `{}` and `{}` do not (momentum 0 has no momentum term)",
                specs[0], specs[i]
            )));
        }
        for (i, parameter) in parameters.iter().enumerate() {
            let before = &parameters[..i];
            let name = &parameter.name;
            if before.iter().any(|p| p.name == *name) {
                return Err(Error::usage(format!("two parameters are called `{name}`")));
            }
            if before.iter().any(|p| p.var.id() == parameter.var.id()) {
                return Err(Error::usage(format!("parameter `{name}` is there twice")));
            }
            if !parameter
                .var
                .device()
                .same_device(parameters[0].var.device())
            {
                return Err(Error::usage(format!(
                    "parameter `{name}` is on another device than `{}`",
                    parameters[0].name
                )));
            }
        }
        // Starting values may differ from agent to agent, so a cohort's states are filled in below.
        let slots = parameters
            .into_iter()
            .map(|p| Slot::new(p, agents.len(), first));
        let mut optimiser = Self {
            slots: slots.collect::<Result<_>>()?,
            agents,
            clipping: Clipping::Off,
            schedule: Schedule::default(),
            horizon: u64::MAX,
            step: 0,
            #[cfg(feature = "cuda")]
            kernel: None,
        };
        for agent in 0..optimiser.agents.len() {
            optimiser.reset_state(agent)?;
        }
        Ok(optimiser)
    }

    /// With gradients clipped.
    pub fn clip(mut self, clipping: Clipping) -> Self {
        self.clipping = clipping;
        self
    }

    /// With lr following `schedule` over `steps` steps.
    pub fn schedule(mut self, schedule: Schedule, steps: u64) -> Self {
        (self.schedule, self.horizon) = (schedule, steps);
        self
    }

    /// Bytes of state that are really allocated, for each trained number.
    pub fn bytes_per_parameter(&self) -> f64 {
        let bytes: usize = self.slots.iter().map(|slot| slot.states.bytes()).sum();
        let counts = self
            .slots
            .iter()
            .map(|slot| slot.parameter.var.elem_count());
        bytes as f64 / counts.sum::<usize>() as f64
    }

    /// The first agent's learning rate, before the schedule.
    pub fn lr(&self) -> f64 {
        self.agents[0].lr
    }

    /// Sets every agent's learning rate.
    pub fn set_lr(&mut self, lr: f64) {
        self.agents.iter_mut().for_each(|agent| agent.lr = lr);
    }

    /// Each agent's gradient norm: the root of the sum of squares over all its parameters.
    pub fn grad_norms(&self, grads: &GradStore) -> Result<Vec<f64>> {
        self.norms(&self.grads(grads)?)
    }

    /// The gradient of each parameter, in order.
    fn grads<'a>(&self, grads: &'a GradStore) -> Result<Vec<Cow<'a, Tensor>>> {
        self.slots.iter().map(|slot| slot.grad(grads)).collect()
    }

    fn norms(&self, grads: &[Cow<Tensor>]) -> Result<Vec<f64>> {
        let mut squares = vec![0.0; self.agents.len()];
        for grad in grads {
            let (storage, layout) = grad.storage_and_layout();
            let span = span(layout)?;
            match &*storage {
                Storage::Cpu(CpuStorage::F32(g)) => add_squares(&mut squares, &g[span]),
                Storage::Cpu(CpuStorage::F64(g)) => add_squares(&mut squares, &g[span]),
                _ => {
                    let each = grad.reshape((squares.len(), ()))?.to_dtype(DType::F64)?;
                    let sums: Vec<f64> = each.sqr()?.sum(1)?.to_vec1()?;
                    squares.iter_mut().zip(sums).for_each(|(s, x)| *s += x);
                }
            }
        }
        squares.iter_mut().for_each(|s| *s = s.sqrt());
        Ok(squares)
    }

    /// One step.
    ///
    /// A parameter without a gradient is an error that names it, and nothing has moved.
    pub fn step(&mut self, grads: &GradStore) -> Result<()> {
        let grads = self.grads(grads)?;
        let norms = match self.clipping {
            Clipping::Norm(_) => self.norms(&grads)?,
            _ => vec![0.0; self.agents.len()],
        };
        self.step += 1;
        let factor = self.schedule.factor(self.step, self.horizon);
        let turn = |(agent, norm): (&mut Agent, f64)| {
            agent.t += 1;
            Turn {
                scalars: agent.rule.scalars(agent.t, agent.lr * factor),
                clip: self.clipping.of(norm),
            }
        };
        let turns: Vec<Turn> = self.agents.iter_mut().zip(norms).map(turn).collect();
        if matches!(self.slots.first(), Some(slot) if slot.on_gpu()) {
            return self.step_on_gpu(&turns, &grads);
        }
        let rule = self.agents[0].rule.as_ref();
        for (slot, grad) in self.slots.iter_mut().zip(&grads) {
            let op = Update {
                rule,
                turns: &turns,
                states: RefCell::new(&mut slot.states),
            };
            slot.parameter.var.inplace_op2(grad, &op)?;
        }
        Ok(())
    }

    #[cfg(not(feature = "cuda"))]
    fn step_on_gpu(&mut self, _turns: &[Turn], _grads: &[Cow<Tensor>]) -> Result<()> {
        Err(Error::usage(
            "this build has no GPU optimisers; build with --features cuda",
        ))
    }

    /// To be called when the target network has been updated: what `restart_t` and `reset_moments` wait for.
    pub fn target_updated(&mut self) -> Result<()> {
        for agent in 0..self.agents.len() {
            match self.agents[agent].restart {
                Restart::Nothing => {}
                Restart::Time => self.agents[agent].t = 0,
                Restart::State => {
                    self.agents[agent].t = 0;
                    self.reset_state(agent)?;
                }
            }
        }
        Ok(())
    }

    fn reset_state(&mut self, agent: usize) -> Result<()> {
        let initial = self.agents[agent].rule.initial();
        for slot in &mut self.slots {
            let range = part(slot.parameter.var.elem_count(), agent, self.agents.len());
            match &mut slot.states {
                States::F32(states) => {
                    for (state, &x) in states.iter_mut().zip(&initial) {
                        state[range.clone()].fill(x as f32);
                    }
                }
                States::F64(states) => {
                    for (state, &x) in states.iter_mut().zip(&initial) {
                        state[range.clone()].fill(x);
                    }
                }
                States::Gpu(states) => {
                    for (state, &x) in states.iter_mut().zip(&initial) {
                        let flat = state.flatten_all()?;
                        let fresh = (flat.narrow(0, range.start, range.len())?.zeros_like()? + x)?;
                        let mut parts = vec![fresh];
                        if range.start > 0 {
                            parts.insert(0, flat.narrow(0, 0, range.start)?);
                        }
                        if range.end < flat.elem_count() {
                            let left = flat.elem_count() - range.end;
                            parts.push(flat.narrow(0, range.end, left)?);
                        }
                        *state = Tensor::cat(&parts, 0)?.reshape(state.shape())?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The states' names.
    pub fn state_names(&self) -> &'static [&'static str] {
        self.agents[0].rule.state_names()
    }
}

impl Agent {
    fn new(spec: &Spec) -> Result<Self> {
        Ok(Self {
            rule: spec.rule()?,
            spec: spec.to_string(),
            lr: spec.number("lr"),
            restart: spec.restart(),
            t: 0,
        })
    }
}

impl Slot {
    fn new(parameter: Parameter, agents: usize, agent: &Agent) -> Result<Self> {
        let tensor = parameter.var.as_tensor();
        let (n, states) = (tensor.elem_count(), agent.rule.state_names().len());
        let cohort = agents == 1 || tensor.dims().first() == Some(&agents);
        if !cohort || !tensor.is_contiguous() {
            return Err(Error::usage(format!(
                "parameter `{}` has shape {:?}; needed: contiguous, with first axis {agents}",
                parameter.name,
                tensor.dims()
            )));
        }
        let states = match tensor.dtype() {
            DType::F32 | DType::F64 if !tensor.device().is_cpu() => {
                // One by one: clones of a tensor would share its memory.
                let states = (0..states).map(|_| tensor.zeros_like());
                States::Gpu(states.collect::<candle_core::Result<_>>()?)
            }
            DType::F32 => States::F32(vec![vec![0.0; n]; states]),
            DType::F64 => States::F64(vec![vec![0.0; n]; states]),
            other => {
                let name = &parameter.name;
                return Err(Error::usage(format!(
                    "parameter `{name}` is {other:?}; allowed: F32, F64"
                )));
            }
        };
        Ok(Self { parameter, states })
    }

    fn on_gpu(&self) -> bool {
        matches!(self.states, States::Gpu(_))
    }

    fn grad<'a>(&self, grads: &'a GradStore) -> Result<Cow<'a, Tensor>> {
        let Parameter { name, var } = &self.parameter;
        let grad = grads.get(var).ok_or_else(|| {
            Error::usage(format!(
                "parameter `{name}` has no gradient: the loss does not depend on it, or an operation on the way has no backward"
            ))
        })?;
        // `contiguous` on its own would clone a handle to what is so already: dear beside a small tensor's update.
        Ok(if grad.is_contiguous() {
            Cow::Borrowed(grad)
        } else {
            Cow::Owned(grad.contiguous()?)
        })
    }
}

impl States {
    fn bytes(&self) -> usize {
        match self {
            States::F32(states) => states.iter().map(|s| size_of_val(s.as_slice())).sum(),
            States::F64(states) => states.iter().map(|s| size_of_val(s.as_slice())).sum(),
            States::Gpu(states) => {
                let bytes = |s: &Tensor| s.elem_count() * s.dtype().size_in_bytes();
                states.iter().map(bytes).sum()
            }
        }
    }
}

/// Where a contiguous tensor lies in its storage.
fn span(layout: &Layout) -> candle_core::Result<Range<usize>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(start..end),
        None => bail!("an optimiser needs contiguous tensors"),
    }
}

/// The `i`-th of `n` equal parts of `0..len`.
pub(super) fn part(len: usize, i: usize, n: usize) -> Range<usize> {
    let each = len / n;
    i * each..(i + 1) * each
}

/// Adds each agent's sum of squares, in f64 and in a fixed order.
fn add_squares<T: Copy + Into<f64>>(squares: &mut [f64], grads: &[T]) {
    const LANES: usize = 8;
    let n = squares.len();
    for (agent, square) in squares.iter_mut().enumerate() {
        let mut lanes = [0.0; LANES];
        for chunk in grads[part(grads.len(), agent, n)].chunks(LANES) {
            for (lane, &g) in lanes.iter_mut().zip(chunk) {
                let g: f64 = g.into();
                *lane += g * g;
            }
        }
        *square += lanes.iter().sum::<f64>();
    }
}

/// One agent's part in a step.
pub(super) struct Turn {
    pub(super) scalars: Vec<f64>,
    pub(super) clip: Clip,
}

struct Update<'a> {
    rule: &'a dyn AnyRule,
    turns: &'a [Turn],
    states: RefCell<&'a mut States>,
}

impl InplaceOp2 for Update<'_> {
    fn name(&self) -> &'static str {
        "optimiser-step"
    }

    fn cpu_fwd(
        &self,
        weights: &mut CpuStorage,
        weights_layout: &Layout,
        grads: &CpuStorage,
        grads_layout: &Layout,
    ) -> candle_core::Result<()> {
        let (to, from) = (span(weights_layout)?, span(grads_layout)?);
        let mut states = self.states.borrow_mut();
        for (agent, turn) in self.turns.iter().enumerate() {
            let range = part(to.len(), agent, self.turns.len());
            let at = |span: &Range<usize>| span.start + range.start..span.start + range.end;
            match (&mut *weights, grads, &mut **states) {
                (CpuStorage::F32(w), CpuStorage::F32(g), States::F32(s)) => {
                    let (w, g) = (&mut w[at(&to)], &g[at(&from)]);
                    self.rule
                        .update_f32(&turn.scalars, turn.clip, w, g, s, range);
                }
                (CpuStorage::F64(w), CpuStorage::F64(g), States::F64(s)) => {
                    let (w, g) = (&mut w[at(&to)], &g[at(&from)]);
                    self.rule
                        .update_f64(&turn.scalars, turn.clip, w, g, s, range);
                }
                _ => bail!("weights and gradients must have the same type"),
            }
        }
        Ok(())
    }
}
