//! A parameter with what an optimiser keeps of it.

use candle_core::DType;

use super::{AgentRules, Layout, Optimiser, Parameter, States};
use crate::{AnyRule, Error, Result, Shape};

/// One parameter with its states and its group.
pub(super) struct Slot {
    pub parameter: Parameter,
    pub states: States,
    pub group: usize,
    /// How one agent's part is laid out, what rules that step whole tensors see of it, and the order of its
    /// numbers there if that is another.
    pub layout: Layout,
    pub shape: Shape,
    pub places: Option<Vec<usize>>,
}

impl Slot {
    /// `parameter` with the states of the agents' `rules`, all 0. `agents_axis` says whether its first axis is the
    /// agents'.
    pub fn new(parameter: Parameter, agents_axis: bool, rules: &[&dyn AnyRule]) -> Result<Self> {
        let Parameter { name, var, layer } = &parameter;
        let (rule, agents) = (rules[0], rules.len());
        let fits = !agents_axis || var.dims().first() == Some(&agents);
        if !fits || !var.is_contiguous() {
            return Err(Error::usage(format!(
                "parameter `{name}` has shape {:?}; needed: contiguous, with first axis {agents}",
                var.dims()
            )));
        }
        if !matches!(var.dtype(), DType::F32 | DType::F64) {
            return Err(Error::usage(format!(
                "parameter `{name}` is {:?}; allowed: F32, F64",
                var.dtype()
            )));
        }
        if !rule.elementwise() && !var.device().is_cpu() {
            return Err(Error::usage(
                "this optimiser steps whole tensors, which is not on GPUs yet; use --device cpu",
            ));
        }
        let layout = Layout::default();
        let (shape, places) = layout.of(own_dims(&parameter, agents_axis))?;
        let shape = rule.seen(shape, *layer);
        let states = fresh_states(&parameter, shape, rules)?;
        Ok(Self {
            parameter,
            states,
            group: 0,
            layout,
            shape,
            places,
        })
    }

    /// The axes of one agent's part.
    pub fn own_dims(&self, agents_axis: bool) -> &[usize] {
        own_dims(&self.parameter, agents_axis)
    }

    /// What rules see of it in `layout`, as [`Layout::of`]; an error names it.
    fn shape_as(&self, layout: &Layout, agents_axis: bool) -> Result<(Shape, Option<Vec<usize>>)> {
        let named = |error| match error {
            Error::Usage(why) => {
                Error::usage(format!("parameter `{}`: {why}", self.parameter.name))
            }
            other => other,
        };
        layout.of(self.own_dims(agents_axis)).map_err(named)
    }

    /// Whether it has no weights.
    pub fn is_empty(&self) -> bool {
        self.parameter.var.elem_count() == 0
    }
}

/// The states of `rules`, one for each agent, for `parameter` seen as `shape`.
fn fresh_states(parameter: &Parameter, shape: Shape, rules: &[&dyn AnyRule]) -> Result<States> {
    let lengths = rules[0].tensor_lengths(shape);
    match rules
        .iter()
        .all(|rule| rule.tensor_lengths(shape) == lengths)
    {
        true => States::new(&parameter.var, rules.len(), &lengths),
        false => Err(Error::usage(format!(
            "agents of a cohort share one rule and the sizes of its states, and for parameter `{}` their settings ask for different sizes",
            parameter.name
        ))),
    }
}

fn own_dims(parameter: &Parameter, agents_axis: bool) -> &[usize] {
    &parameter.var.dims()[usize::from(agents_axis)..]
}

impl Optimiser {
    /// Says how the parameter called `name` is laid out, for rules that step whole tensors. To be called before
    /// the first step: its states begin anew.
    ///
    /// # Errors
    /// If there is no such parameter, or if it does not have the axes that are named.
    pub fn lay_out(mut self, name: &str, layout: Layout) -> Result<Self> {
        let known = self
            .slots
            .iter()
            .position(|slot| slot.parameter.name == name);
        let Some(i) = known else {
            let names = self.slots.iter().map(|slot| slot.parameter.name.as_str());
            return Err(Error::usage(settings::unknown("parameter", name, names)));
        };
        let rules: Vec<&dyn AnyRule> = self.agents.iter().map(AgentRules::rule).collect();
        let rule = rules[0];
        if rule.elementwise() || rule.states_of_agent() > 0 {
            // These see no matrices. What is wrong is still wrong for every rule.
            self.slots[i].shape_as(&layout, self.agents_axis)?;
            return Ok(self);
        }
        let slot = &mut self.slots[i];
        let (shape, places) = slot.shape_as(&layout, self.agents_axis)?;
        let shape = rule.seen(shape, slot.parameter.layer);
        slot.states = fresh_states(&slot.parameter, shape, &rules)?;
        (slot.shape, slot.places, slot.layout) = (shape, places, layout);
        self.reset_states(|_| true)?;
        Ok(self)
    }
}
