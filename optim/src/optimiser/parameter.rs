use candle_core::{DType, Var};

use super::States;
use crate::{Error, Result};

/// A trainable tensor, and the name under which it is reported and saved. In a cohort its first axis is
/// the agents'.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The name, unique within a model.
    pub name: String,
    /// The weights, contiguous.
    pub var: Var,
}

/// One parameter with its states and its group.
pub(super) struct Slot {
    pub parameter: Parameter,
    pub states: States,
    pub group: usize,
}

impl Slot {
    /// `parameter` with `states` states, all 0.
    pub fn new(parameter: Parameter, agents: usize, states: usize) -> Result<Self> {
        let Parameter { name, var } = &parameter;
        let cohort = agents == 1 || var.dims().first() == Some(&agents);
        if !cohort || !var.is_contiguous() {
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
        let states = States::new(var, states)?;
        Ok(Self {
            parameter,
            states,
            group: 0,
        })
    }

    /// Whether it has no weights.
    pub fn is_empty(&self) -> bool {
        self.parameter.var.elem_count() == 0
    }
}

/// An error unless all names and all variables differ and all variables are on one device.
pub(super) fn check_distinct(parameters: &[Parameter]) -> Result<()> {
    for (i, parameter) in parameters.iter().enumerate() {
        let before = &parameters[..i];
        let Parameter { name, var } = parameter;
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
