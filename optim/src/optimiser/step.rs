use std::{borrow::Cow, cell::RefCell, ops::Range};

use candle_core::{
    CpuStorage, DType, InplaceOp2, Layout, Storage, Tensor, backprop::GradStore, bail,
};

use super::{
    AgentRules, Optimiser, Parameter, Slot, States,
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
        let mut elsewhere = Vec::new();
        for grad in grads.iter().flatten() {
            let (storage, layout) = grad.storage_and_layout();
            let span = span(layout)?;
            match &*storage {
                Storage::Cpu(CpuStorage::F32(g)) => add_squares(&mut squares, &g[span]),
                Storage::Cpu(CpuStorage::F64(g)) => add_squares(&mut squares, &g[span]),
                _ => elsewhere.push(row_sums(&self.by_agent(grad)?.sqr()?)?),
            }
        }
        for (square, more) in squares.iter_mut().zip(total(&elsewhere)?) {
            *square += more;
        }
        squares.iter_mut().for_each(|s| *s = s.sqrt());
        Ok(squares)
    }

    /// A gradient in f64, with a row for each agent.
    fn by_agent(&self, grad: &Tensor) -> candle_core::Result<Tensor> {
        grad.reshape((self.agents.len(), ()))?.to_dtype(DType::F64)
    }

    /// The L1 norm of each agent's clipped gradient; nothing if no step is bounded by it.
    fn sizes(&self, grads: &[Gradient], norms: &[f64]) -> Result<Vec<f64>> {
        if self.agents.iter().all(|agent| agent.bound.is_none()) {
            return Ok(Vec::new());
        }
        let mut sizes = vec![0.0; self.agents.len()];
        let mut elsewhere = Vec::new();
        for grad in grads.iter().flatten() {
            let each = self.by_agent(grad)?;
            if !each.device().is_cpu() {
                elsewhere.push(self.sizes_elsewhere(&each, norms)?);
                continue;
            }
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
        for (size, more) in sizes.iter_mut().zip(total(&elsewhere)?) {
            *size += more;
        }
        Ok(sizes)
    }

    /// What a gradient `[agents, n]` adds to [`sizes`](Self::sizes), computed where it is.
    fn sizes_elsewhere(&self, each: &Tensor, norms: &[f64]) -> candle_core::Result<Tensor> {
        let clips: Vec<Clip> = norms.iter().map(|norm| self.clipping.of(*norm)).collect();
        let scales = clips.iter().map(|clip| clip.scale);
        let scales = Tensor::from_iter(scales, each.device())?.unsqueeze(1)?;
        let sizes = each.broadcast_mul(&scales)?.abs()?;
        // The bound is the same for all agents. Not `minimum`, which may take the bound for a NaN.
        let sizes = match clips.first() {
            Some(Clip { bound, .. }) if bound.is_finite() => {
                let bounds = sizes.ones_like()?.affine(*bound, 0.0)?;
                sizes.gt(&bounds)?.where_cond(&bounds, &sizes)?
            }
            _ => sizes,
        };
        row_sums(&sizes)
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
            let steps = |(i, (agent, norm)): (usize, (&AgentRules, &f64))| {
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
            let op = ParameterUpdate {
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

/// The sums of the rows of a matrix, the long ones in parts: candle gives each sum to one block of a GPU.
fn row_sums(x: &Tensor) -> candle_core::Result<Tensor> {
    const PART: usize = 4096;
    let (rows, columns) = x.dims2()?;
    let parts = columns / PART;
    if parts < 2 {
        return x.sum(1);
    }
    let whole = x.narrow(1, 0, parts * PART)?;
    let sums = whole.reshape((rows, parts, PART))?.sum(2)?.sum(1)?;
    match columns - parts * PART {
        0 => Ok(sums),
        rest => sums + x.narrow(1, parts * PART, rest)?.sum(1)?,
    }
}

/// The sum of `parts`, each with a number for each agent, in one read from the device; nothing if there are none.
fn total(parts: &[Tensor]) -> candle_core::Result<Vec<f64>> {
    match parts {
        [] => Ok(Vec::new()),
        parts => Tensor::stack(parts, 0)?.sum(0)?.to_vec1(),
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
struct ParameterUpdate<'a> {
    /// Each agent's.
    rules: &'a [&'a dyn AnyRule],
    steps: &'a [AgentStep],
    /// What rules that step whole tensors see of one agent's part, and in which order.
    shape: Shape,
    places: Option<&'a [usize]>,
    states: RefCell<&'a mut States>,
}

impl ParameterUpdate<'_> {
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

impl InplaceOp2 for ParameterUpdate<'_> {
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

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn long_rows_are_summed_in_parts() {
        for columns in [1, 4095, 8192, 20_000] {
            let numbers: Vec<f64> = (0..2 * columns).map(|i| (i % 97) as f64).collect();
            let expected: Vec<f64> = numbers
                .chunks(columns)
                .map(|row| row.iter().sum())
                .collect();
            let x = Tensor::from_vec(numbers, (2, columns), &Device::Cpu).unwrap();
            assert_eq!(row_sums(&x).unwrap().to_vec1::<f64>().unwrap(), expected);
        }
    }

    /// As on a GPU, but with tensors of the CPU.
    #[test]
    fn a_gradient_has_the_same_size_summed_as_tensors() {
        let value = |i: usize| match i {
            17 => f32::NAN,
            i => (i as f32 * 0.7).sin(),
        };
        for clipping in [Clipping::Off, Clipping::Norm(0.5), Clipping::Value(0.2)] {
            let var = Var::zeros((3, 2, 4), DType::F32, &Device::Cpu).unwrap();
            let specs = vec!["obgd".parse().unwrap(); 3];
            let parameters = vec![Parameter::new("w", var)];
            let optimiser = Optimiser::new(&specs, parameters).unwrap();
            let optimiser = optimiser.clip(clipping).unwrap();
            let grad: Vec<f32> = (0..24).map(value).collect();
            let grad = Tensor::from_vec(grad, (3, 2, 4), &Device::Cpu).unwrap();
            let grads = [Some(Cow::Borrowed(&grad))];
            let norms = match clipping {
                Clipping::Norm(_) => optimiser.norms(&grads).unwrap(),
                _ => vec![0.0; 3],
            };
            let expected = optimiser.sizes(&grads, &norms).unwrap();
            let each = optimiser.by_agent(&grad).unwrap();
            let found = optimiser.sizes_elsewhere(&each, &norms).unwrap();
            let found = total(&[found]).unwrap();
            assert!(expected[2].is_nan() && found[2].is_nan());
            for agent in 0..2 {
                let off = (expected[agent] - found[agent]).abs();
                assert!(off < 1e-12 * expected[agent], "{clipping}");
            }
            let squares = each.sqr().unwrap().sum(1).unwrap();
            let squares = total(&[squares]).unwrap();
            for (norm, square) in optimiser.norms(&grads).unwrap().iter().zip(squares) {
                assert_eq!(norm.is_nan(), square.is_nan());
                assert!(norm.is_nan() || (norm - square.sqrt()).abs() < 1e-12);
            }
        }
    }
}
