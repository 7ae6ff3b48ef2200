//! What a step needs: each agent's scalars, and gradients.

use std::borrow::Cow;

use candle_core::Tensor;

use crate::Clip;

/// What one agent does to the parameters of one group in one step.
pub(super) struct AgentStep {
    pub scalars: Vec<f64>,
    pub clip: Clip,
}

/// A parameter's gradient; `None` if the parameter is to be left as it is.
pub(super) type Gradient<'a> = Option<Cow<'a, Tensor>>;
