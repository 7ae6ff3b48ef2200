//! [`candle_nn::Optimizer`], for programs that only want the optimisers.
//!
//! Depend on this crate with `default-features = false`, which leaves gymnasium-rs out.
//!
//! ```
//! use candle_core::{Device, Tensor, Var};
//! use candle_nn::Optimizer;
//! use optimiser_paradigms::optim::{Optimiser, Spec};
//!
//! let w = Var::new(&[3f32, -2.0], &Device::Cpu)?;
//! let spec: Spec = "rmsprop:lr=0.01,centered=true".parse()?;
//! let mut optimiser = Optimiser::for_vars(&spec, vec![w.clone()])?;
//! for _ in 0..500 {
//!     let loss = w.as_tensor().sqr()?.sum_all()?;
//!     optimiser.backward_step(&loss)?;
//! }
//! assert!(w.to_vec1::<f32>()?.iter().all(|w| w.abs() < 0.1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use candle_core::{Var, backprop::GradStore};

use super::{Optimiser, Parameter, Spec};
use crate::Result;

impl Optimiser {
    /// An optimiser for variables of any shape, such as a `VarMap`'s; their names are `0`, `1`, ...
    pub fn for_vars(spec: &Spec, vars: Vec<Var>) -> Result<Self> {
        let named = |(i, var): (usize, Var)| Parameter {
            name: i.to_string(),
            var,
        };
        let parameters = vars.into_iter().enumerate().map(named).collect();
        Self::new(std::slice::from_ref(spec), parameters)
    }
}

impl candle_nn::Optimizer for Optimiser {
    type Config = Spec;

    fn new(vars: Vec<Var>, config: Spec) -> candle_core::Result<Self> {
        Self::for_vars(&config, vars).map_err(candle_core::Error::wrap)
    }

    fn step(&mut self, grads: &GradStore) -> candle_core::Result<()> {
        Optimiser::step(self, grads).map_err(candle_core::Error::wrap)
    }

    fn learning_rate(&self) -> f64 {
        self.lr()
    }

    fn set_learning_rate(&mut self, lr: f64) {
        self.set_lr(lr);
    }
}
