//! The networks' outputs.

use candle_core::{DType, Result, Tensor};

/// The networks' outputs for a batch of observations.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// The logits of the actions, `[agents, batch, actions]`, followed by the value if there is one network.
    pub policy: Tensor,
    /// The values, `[agents, batch, 1]`, if there are two networks.
    pub value: Option<Tensor>,
}

impl Outputs {
    /// The logits `[agents, batch, actions]` and the values `[agents, batch]`.
    pub(super) fn parts(&self) -> Result<(Tensor, Tensor)> {
        if let Some(value) = &self.value {
            return Ok((self.policy.clone(), value.squeeze(2)?));
        }
        let actions = self.policy.dims()[2] - 1;
        let value = self.policy.narrow(2, actions, 1)?.squeeze(2)?;
        Ok((self.policy.narrow(2, 0, actions)?, value))
    }

    /// The values, `[agents, batch]`.
    pub(super) fn values(&self) -> Result<Vec<f64>> {
        let values = match &self.value {
            Some(value) => value.clone(),
            None => self.parts()?.1,
        };
        values.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
    }
}
