//! Steps candle variables with a rule.

use std::cell::RefCell;

use candle_core::{CpuStorage, DType, InplaceOp2, Layout, Tensor, Var, backprop::GradStore, bail};

use super::{AnyRule, Spec};
use crate::{Error, Result};

/// A trainable tensor with a leading axis `[agents, ...]`, and the name it is reported and saved under.
#[derive(Clone)]
pub struct Parameter {
    /// The name, unique within a model.
    pub name: String,
    /// The weights, contiguous.
    pub var: Var,
}

/// An optimiser at work on the parameters of a cohort of agents.
pub struct Optimiser {
    rule: Box<dyn AnyRule>,
    agents: usize,
    slots: Vec<Slot>,
    /// Steps done.
    t: u64,
}

struct Slot {
    parameter: Parameter,
    states: States,
}

enum States {
    F32(Vec<Vec<f32>>),
    F64(Vec<Vec<f64>>),
}

impl Optimiser {
    /// An optimiser for `parameters`, f32 or f64, each with `agents` as its first axis.
    pub fn new(spec: &Spec, parameters: Vec<Parameter>, agents: usize) -> Result<Self> {
        let rule = spec.rule()?;
        let initial = rule.initial();
        let slot = |parameter: Parameter| {
            let tensor = parameter.var.as_tensor();
            let n = tensor.elem_count();
            if tensor.dims().first() != Some(&agents) || !tensor.is_contiguous() {
                return Err(Error::usage(format!(
                    "parameter `{}` has shape {:?}; needed: contiguous, with first axis {agents}",
                    parameter.name,
                    tensor.dims()
                )));
            }
            let states = match tensor.dtype() {
                DType::F32 => States::F32(initial.iter().map(|&x| vec![x as f32; n]).collect()),
                DType::F64 => States::F64(initial.iter().map(|&x| vec![x; n]).collect()),
                other => {
                    let name = &parameter.name;
                    return Err(Error::usage(format!(
                        "parameter `{name}` is {other:?}; allowed: F32, F64"
                    )));
                }
            };
            Ok(Slot { parameter, states })
        };
        let slots = parameters.into_iter().map(slot).collect::<Result<_>>()?;
        Ok(Self {
            rule,
            agents,
            slots,
            t: 0,
        })
    }

    /// Bytes of state that are really allocated, for each trained number.
    pub fn bytes_per_parameter(&self) -> f64 {
        let bytes: usize = self.slots.iter().map(|slot| slot.states.bytes()).sum();
        let count: usize = self
            .slots
            .iter()
            .map(|slot| slot.parameter.var.elem_count())
            .sum();
        bytes as f64 / count as f64
    }

    /// Each agent's gradient norm: the root of the sum of squares over all its parameters.
    pub fn grad_norms(&self, grads: &GradStore) -> Result<Vec<f64>> {
        let mut squares = vec![0.0; self.agents];
        for slot in &self.slots {
            let grad = slot.grad(grads)?;
            let (storage, layout) = grad.storage_and_layout();
            let candle_core::Storage::Cpu(storage) = &*storage else {
                return Err(not_on_cpu(&slot.parameter));
            };
            let span = span(layout)?;
            match storage {
                CpuStorage::F32(g) => add_squares(&mut squares, &g[span]),
                CpuStorage::F64(g) => add_squares(&mut squares, &g[span]),
                _ => return Err(Error::usage("gradients must be F32 or F64")),
            }
        }
        squares.iter_mut().for_each(|s| *s = s.sqrt());
        Ok(squares)
    }

    /// One step. With `max_norm`, each agent's gradient is first scaled down to that norm
    /// where it is longer (PyTorch's `clip_grad_norm_`).
    ///
    /// A parameter without a gradient is an error that names it, and nothing has moved.
    pub fn step(&mut self, grads: &GradStore, max_norm: Option<f64>) -> Result<()> {
        let scales = match max_norm {
            Some(max) => {
                let norms = self.grad_norms(grads)?;
                norms.iter().map(|n| (max / (n + 1e-6)).min(1.0)).collect()
            }
            None => vec![1.0; self.agents],
        };
        for slot in &self.slots {
            slot.grad(grads)?;
        }
        self.t += 1;
        let scalars = self.rule.scalars(self.t);
        for slot in &mut self.slots {
            let grad = slot.grad(grads)?;
            let op = Update {
                rule: self.rule.as_ref(),
                scalars: &scalars,
                scales: &scales,
                states: RefCell::new(&mut slot.states),
            };
            slot.parameter.var.inplace_op2(&grad, &op)?;
        }
        Ok(())
    }
}

impl Slot {
    fn grad(&self, grads: &GradStore) -> Result<Tensor> {
        let Parameter { name, var } = &self.parameter;
        let grad = grads.get(var).ok_or_else(|| {
            Error::usage(format!(
                "parameter `{name}` has no gradient: the loss does not depend on it, or an operation on the way has no backward"
            ))
        })?;
        Ok(grad.contiguous()?)
    }
}

impl States {
    fn bytes(&self) -> usize {
        match self {
            States::F32(states) => states.iter().map(|s| size_of_val(s.as_slice())).sum(),
            States::F64(states) => states.iter().map(|s| size_of_val(s.as_slice())).sum(),
        }
    }
}

fn not_on_cpu(parameter: &Parameter) -> Error {
    Error::usage(format!("parameter `{}` is not on the CPU", parameter.name))
}

/// Where a contiguous tensor lies in its storage.
fn span(layout: &Layout) -> candle_core::Result<std::ops::Range<usize>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(start..end),
        None => bail!("an optimiser needs contiguous tensors"),
    }
}

/// Adds each agent's sum of squares, in f64 and in a fixed order.
fn add_squares<T: Copy + Into<f64>>(squares: &mut [f64], grads: &[T]) {
    const LANES: usize = 8;
    let each = grads.len() / squares.len();
    for (square, grads) in squares.iter_mut().zip(grads.chunks_exact(each)) {
        let mut lanes = [0.0; LANES];
        for chunk in grads.chunks(LANES) {
            for (lane, &g) in lanes.iter_mut().zip(chunk) {
                let g: f64 = g.into();
                *lane += g * g;
            }
        }
        *square += lanes.iter().sum::<f64>();
    }
}

struct Update<'a> {
    rule: &'a dyn AnyRule,
    scalars: &'a [f64],
    scales: &'a [f64],
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
        let each = to.len() / self.scales.len();
        let mut states = self.states.borrow_mut();
        for (agent, &scale) in self.scales.iter().enumerate() {
            let range = agent * each..(agent + 1) * each;
            let at =
                |span: &std::ops::Range<usize>| span.start + range.start..span.start + range.end;
            match (&mut *weights, grads, &mut **states) {
                (CpuStorage::F32(w), CpuStorage::F32(g), States::F32(s)) => {
                    let (w, g) = (&mut w[at(&to)], &g[at(&from)]);
                    self.rule.update_f32(self.scalars, scale, w, g, s, range);
                }
                (CpuStorage::F64(w), CpuStorage::F64(g), States::F64(s)) => {
                    let (w, g) = (&mut w[at(&to)], &g[at(&from)]);
                    self.rule.update_f64(self.scalars, scale, w, g, s, range);
                }
                _ => bail!("weights and gradients must have the same type"),
            }
        }
        Ok(())
    }
}
