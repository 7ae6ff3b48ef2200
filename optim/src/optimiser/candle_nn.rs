use candle_core::{Var, backprop::GradStore};

use super::{Optimiser, Parameter, check_lr};
use crate::Spec;

/// For code that takes any candle-nn optimiser. Variables have no names here, so the state cannot be
/// saved or loaded; [`Optimiser::for_varmap`] and [`Optimiser::new`] take names.
impl ::candle_nn::Optimizer for Optimiser {
    type Config = Spec;

    fn new(vars: Vec<Var>, config: Spec) -> candle_core::Result<Self> {
        let count = vars.len();
        let numbered = |(i, var): (usize, Var)| {
            Parameter::new(
                format!("variable {} of {count}, of shape {:?}", i + 1, var.dims()),
                var,
            )
        };
        let parameters = vars.into_iter().enumerate().map(numbered).collect();
        let optimiser = Optimiser::new(&[config], parameters);
        let optimiser = optimiser.map_err(candle_core::Error::wrap)?;
        Ok(Self {
            named: false,
            ..optimiser
        })
    }

    /// One step. An error if `set_learning_rate` was given an lr that is not allowed.
    fn step(&mut self, grads: &GradStore) -> candle_core::Result<()> {
        let allowed = self.refused_lr.map_or(Ok(()), check_lr);
        let stepped = allowed.and_then(|()| Optimiser::step(self, grads));
        stepped.map_err(candle_core::Error::wrap)
    }

    fn learning_rate(&self) -> f64 {
        self.lr()
    }

    /// Sets every agent's learning rate. If it is not allowed, the next step is an error.
    fn set_learning_rate(&mut self, lr: f64) {
        self.refused_lr = self.set_lr(lr).is_err().then_some(lr);
    }
}
