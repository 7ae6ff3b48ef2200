use std::{borrow::Cow, cell::RefCell, ops::Range};

use candle_core::{CpuStorage, DType, InplaceOp2, Layout, Storage, backprop::GradStore, bail};

use super::{
    Agent, Optimiser, Parameter, Slot, States,
    agent_step::{AgentStep, Gradient},
    layout::{gathered, put_back},
    part,
};
use crate::{AnyRule, Clip, Clipping, Element, Error, Result, Shape};

impl Optimiser {
    /// Each agent's gradient norm: the root of the sum of squares over all its parameters.
    pub fn grad_norms(&self, grads: &GradStore) -> Result<Vec<f64>> {
        self.norms(&self.gradients(grads)?)
    }

    /// The gradient of each parameter, in order.
    fn gradients<'a>(&self, grads: &'a GradStore) -> Result<Vec<Gradient<'a>>> {
        let gradient = |slot: &Slot| {
            let Parameter { name, var, .. } = &slot.parameter;
            match grads.get(var) {
                _ if slot.is_empty() => Ok(None),
                // `contiguous` would clone the handle even of a tensor that is already contiguous,
                // which costs much compared with a small tensor's update.
                Some(grad) if grad.is_contiguous() => Ok(Some(Cow::Borrowed(grad))),
                Some(grad) => Ok(Some(Cow::Owned(grad.contiguous()?))),
                None if self.gradients_may_be_missing => Ok(None),
                None => Err(Error::usage(format!(
                    "parameter `{name}` has no gradient: the loss does not depend on it, or an operation in between has no \
                     backward pass; if it is frozen on purpose, use allow_missing_gradients"
                ))),
            }
        };
        self.slots.iter().map(gradient).collect()
    }

    fn norms(&self, grads: &[Gradient]) -> Result<Vec<f64>> {
        let mut squares = vec![0.0; self.agents.len()];
        for grad in grads.iter().flatten() {
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

    /// The L1 norm of each agent's clipped gradient; nothing if no step is bounded by it.
    fn sizes(&self, grads: &[Gradient], norms: &[f64]) -> Result<Vec<f64>> {
        if self.agents.iter().all(|agent| agent.bound.is_none()) {
            return Ok(Vec::new());
        }
        let mut sizes = vec![0.0; self.agents.len()];
        for grad in grads.iter().flatten() {
            let each = grad.reshape((sizes.len(), ()))?.to_dtype(DType::F64)?;
            for (agent, size) in sizes.iter_mut().enumerate() {
                let Clip { scale, bound } = self.clipping.of(norms[agent]);
                let own: Vec<f64> = each.get(agent)?.to_vec1()?;
                // Not `min`, which would take the bound for a NaN.
                let clipped = |g: f64| match (scale * g).abs() {
                    g if g > bound => bound,
                    g => g,
                };
                *size += own.into_iter().map(clipped).sum::<f64>();
            }
        }
        Ok(sizes)
    }

    /// One step.
    ///
    /// # Errors
    /// If a parameter has no gradient; the error names it, and nothing has changed.
    /// [`allow_missing_gradients`](Self::allow_missing_gradients) allows it.
    pub fn step(&mut self, grads: &GradStore) -> Result<()> {
        let grads = self.gradients(grads)?;
        let norms = match self.clipping {
            Clipping::Norm(_) => self.norms(&grads)?,
            _ => vec![0.0; self.agents.len()],
        };
        let sizes = self.sizes(&grads, &norms)?;
        self.check_whole(&grads)?;
        self.step += 1;
        let factor = self.schedule.factor(self.step, self.horizon);
        self.agents.iter_mut().for_each(|agent| agent.t += 1);
        for group in 0..=self.groups.len() {
            let steps = |(i, (agent, norm)): (usize, (&Agent, &f64))| {
                let of_group = &agent.rules[group];
                let mut lr = of_group.lr * factor;
                if let (Some(bound), Some(size)) = (agent.bound, sizes.get(i)) {
                    lr = bound.lr(lr, *size);
                }
                AgentStep {
                    scalars: of_group.rule.scalars(agent.t, lr),
                    clip: self.clipping.of(*norm),
                }
            };
            let agents = self.agents.iter().zip(&norms).enumerate();
            let steps: Vec<AgentStep> = agents.map(steps).collect();
            match self.agents[0].rule().states_of_agent() {
                0 => self.step_group(group, &steps, &grads)?,
                _ => self.step_whole(&steps, &grads)?,
            }
        }
        Ok(())
    }

    fn step_group(&mut self, group: usize, steps: &[AgentStep], grads: &[Gradient]) -> Result<()> {
        if matches!(self.slots.first(), Some(slot) if matches!(slot.states, States::Gpu(_))) {
            return self.step_group_on_gpu(group, steps, grads);
        }
        let rules = self.agents.iter().map(|agent| &*agent.rules[group].rule);
        let rules: Vec<&dyn AnyRule> = rules.collect();
        for (slot, grad) in self.slots.iter_mut().zip(grads) {
            let Some(grad) = grad.as_ref().filter(|_| slot.group == group) else {
                continue;
            };
            let op = Update {
                rules: &rules,
                steps,
                shape: slot.shape,
                places: slot.places.as_deref(),
                states: RefCell::new(&mut slot.states),
            };
            slot.parameter.var.inplace_op2(grad, &op)?;
        }
        Ok(())
    }

    #[cfg(feature = "cuda")]
    fn step_group_on_gpu(
        &mut self,
        group: usize,
        steps: &[AgentStep],
        grads: &[Gradient],
    ) -> Result<()> {
        let tensors = self.slots.iter().zip(grads).filter_map(|(slot, grad)| {
            let grad = grad.as_ref().filter(|_| slot.group == group)?;
            Some(super::gpu::Tensors {
                weights: slot.parameter.var.as_tensor(),
                grad,
                states: match &slot.states {
                    States::Gpu(states) => states,
                    _ => &[],
                },
            })
        });
        let tensors: Vec<_> = tensors.collect();
        super::gpu::step(&mut self.kernel, self.agents[0].rule(), steps, &tensors)
    }

    #[cfg(not(feature = "cuda"))]
    fn step_group_on_gpu(&mut self, _: usize, _: &[AgentStep], _: &[Gradient]) -> Result<()> {
        Err(Error::usage(
            "this build has no GPU optimisers; build with --features cuda",
        ))
    }
}

/// The range of a contiguous tensor in its storage.
pub(super) fn span(layout: &Layout) -> candle_core::Result<Range<usize>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(start..end),
        None => bail!("an optimiser needs contiguous tensors"),
    }
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

/// The step of one parameter, as candle runs it on a variable and its gradient.
struct Update<'a> {
    /// Each agent's.
    rules: &'a [&'a dyn AnyRule],
    steps: &'a [AgentStep],
    /// What rules that step whole tensors see of one agent's part, and in which order.
    shape: Shape,
    places: Option<&'a [usize]>,
    states: RefCell<&'a mut States>,
}

impl Update<'_> {
    fn run<R: Element>(&self, w: &mut [R], g: &[R], states: &mut [Vec<R>]) {
        for (agent, (step, rule)) in self.steps.iter().zip(self.rules).enumerate() {
            let range = part(w.len(), agent, self.steps.len());
            let (own, g) = (&mut w[range.clone()], &g[range.clone()]);
            let (k, clip) = (&step.scalars, step.clip);
            let part = (self.shape, agent);
            match self.places {
                _ if rule.elementwise() => R::update(*rule, k, clip, own, g, states, range),
                None => R::update_tensor(*rule, k, clip, part, own, g, states),
                Some(places) => {
                    let mut moved = gathered(own, places);
                    let g = gathered(g, places);
                    // States stay in the matrix's order from step to step.
                    R::update_tensor(*rule, k, clip, part, &mut moved, &g, states);
                    put_back(&moved, places, own);
                }
            }
        }
    }
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
        match (weights, grads, &mut **states) {
            (CpuStorage::F32(w), CpuStorage::F32(g), States::F32(s)) => {
                self.run(&mut w[to], &g[from], s);
            }
            (CpuStorage::F64(w), CpuStorage::F64(g), States::F64(s)) => {
                self.run(&mut w[to], &g[from], s);
            }
            _ => bail!("weights and gradients must have the same type"),
        }
        Ok(())
    }
}
