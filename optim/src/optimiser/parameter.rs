//! A trainable tensor with a name.

use candle_core::Var;

use crate::{Error, Layer, Result};

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
