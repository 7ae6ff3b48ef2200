use candle_core::{DType, Var};

use super::{Layout, States};
use crate::{AnyRule, Error, Layer, Result, Shape};

/// A trainable tensor, and the name under which it is reported and saved. In a cohort its first axis is
/// the agents'.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The name, unique within a model.
    pub name: String,
    /// The weights, contiguous.
    pub var: Var,
    /// Which layer of a network it is of.
    pub layer: Layer,
}

impl Parameter {
    /// A parameter of a hidden layer.
    pub fn new(name: impl Into<String>, var: Var) -> Self {
        Self {
            name: name.into(),
            var,
            layer: Layer::Hidden,
        }
    }

    /// The same parameter as one of `layer`.
    pub fn of(self, layer: Layer) -> Self {
        Self { layer, ..self }
    }
}

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

    /// Whether it has no weights.
    pub fn is_empty(&self) -> bool {
        self.parameter.var.elem_count() == 0
    }
}

/// The states of `rules`, one for each agent, for `parameter` seen as `shape`.
pub(super) fn fresh_states(
    parameter: &Parameter,
    shape: Shape,
    rules: &[&dyn AnyRule],
) -> Result<States> {
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

/// An error unless all names and all variables differ and all variables are on one device.
pub(super) fn check_distinct(parameters: &[Parameter]) -> Result<()> {
    for (i, parameter) in parameters.iter().enumerate() {
        let before = &parameters[..i];
        let Parameter { name, var, .. } = parameter;
        if before.iter().any(|p| p.name == *name) {
            return Err(Error::usage(format!("two parameters are called `{name}`")));
        }
        if let Some(same) = before.iter().find(|p| p.var.id() == var.id()) {
            return Err(Error::usage(format!(
                "the parameters `{}` and `{name}` are the same variable",
                same.name
            )));
        }
        if !var.device().same_device(parameters[0].var.device()) {
            return Err(Error::usage(format!(
                "parameter `{name}` is on another device than `{}`",
                parameters[0].name
            )));
        }
    }
    Ok(())
}
