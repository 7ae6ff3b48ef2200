//! Gradients of weights that bypass candle's sums.
//!
//! For each argument of an operation, candle fills a tensor with zeros and adds the gradient to it,
//! although a weight gets its gradient from a single place. For a large layer on a small batch that
//! costs as much as half of the layer's products.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{Result, Tensor, TensorId, backprop::GradStore};

/// Where the layers of one network store the gradients of their weights.
#[derive(Clone, Default)]
pub(super) struct GradientBypass(Arc<Mutex<Vec<(TensorId, Tensor)>>>);

impl GradientBypass {
    /// Stores `grad`, the gradient of `weight`.
    pub fn push(&self, weight: &Tensor, grad: Tensor) {
        let mut grads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        grads.push((weight.id(), grad));
    }

    /// The gradients of `loss`, including those that its backward pass stores in `bypasses`.
    pub fn backward(bypasses: &[&Self], loss: &Tensor) -> Result<GradStore> {
        // Gradients left over from an earlier backward pass would be counted twice.
        for bypass in bypasses {
            bypass.take();
        }
        let mut all = loss.backward()?;
        for (id, grad) in bypasses.iter().flat_map(|bypass| bypass.take()) {
            let grad = match all.get_id(id) {
                Some(before) => (before + grad)?,
                None => grad,
            };
            all.insert_id(id, grad);
        }
        Ok(all)
    }

    fn take(&self) -> Vec<(TensorId, Tensor)> {
        let mut grads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *grads)
    }
}
