//! A rule of either kind as a trait object, for optimisers that are chosen at run time.

use std::{any::TypeId, ops::Range};

use crate::{Clip, Layer, Shape};

/// A rule whose scalars and states are known only at run time. [`erase`](crate::erase) makes one of a [`Rule`](crate::Rule),
/// [`erase_tensor_rule`](crate::erase_tensor_rule) one of a [`TensorRule`](crate::TensorRule).
pub trait AnyRule: Send + Sync {
    /// The scalars' names, in order.
    fn scalar_names(&self) -> Vec<&'static str>;
    /// The states' names, in order.
    fn state_names(&self) -> &'static [&'static str];
    /// The initial value of each state.
    fn initial(&self) -> Vec<f64>;
    /// The scalars of step `t`, counted from 1, at the learning rate `lr`.
    fn scalars(&self, t: u64, lr: f64) -> Vec<f64>;
    /// Identifies the arithmetic, including its branches: two rules with the same id differ only in
    /// scalars.
    fn arithmetic(&self) -> TypeId;
    /// Whether each weight is stepped by itself; otherwise the step depends on the whole tensor.
    fn elementwise(&self) -> bool {
        true
    }
    /// The text of its kernel (see [`kernel`](crate::kernel)); `None` if it has none, so that it runs on the CPU alone.
    fn kernel(&self) -> Option<String>;
    /// How many numbers each state has for one agent's tensor of `shape`.
    fn state_lengths(&self, shape: Shape) -> Vec<usize> {
        vec![shape.count(); self.state_names().len()]
    }
    /// How many of the last states are of an agent as a whole. If there are any, a step has to see all parameters
    /// of an agent as one vector.
    fn states_of_agent(&self) -> usize {
        0
    }
    /// What it sees of a tensor of `shape` in `layer`.
    fn seen(&self, shape: Shape, layer: Layer) -> Shape {
        let _ = layer;
        shape
    }
    /// [`state_lengths`](Self::state_lengths) of the states that are kept for each tensor: 0 for those of an agent.
    fn tensor_lengths(&self, shape: Shape) -> Vec<usize> {
        let mut lengths = self.state_lengths(shape);
        let kept = lengths.len() - self.states_of_agent();
        lengths[kept..].fill(0);
        lengths
    }
    /// One step of the weights `w`, whose states are `states[..][range]`, with the gradient `g` as `clip` leaves it.
    /// A rule that is not elementwise sees a vector.
    ///
    /// # Panics
    /// If `w`, `g` and `range` differ in length, or if the number of scalars or states is wrong.
    fn update_f32(
        &self,
        scalars: &[f64],
        clip: Clip,
        w: &mut [f32],
        g: &[f32],
        states: &mut [Vec<f32>],
        range: Range<usize>,
    );
    /// [`update_f32`](Self::update_f32) in f64.
    fn update_f64(
        &self,
        scalars: &[f64],
        clip: Clip,
        w: &mut [f64],
        g: &[f64],
        states: &mut [Vec<f64>],
        range: Range<usize>,
    );
    /// One step of a tensor of agent number `agent`. `part` is its shape and that number; `states` hold all
    /// agents' numbers, one after the other.
    ///
    /// # Panics
    /// As [`update_f32`](Self::update_f32).
    fn update_tensor_f32(
        &self,
        scalars: &[f64],
        clip: Clip,
        part: (Shape, usize),
        w: &mut [f32],
        g: &[f32],
        states: &mut [Vec<f32>],
    ) {
        let (start, n) = (part.1 * w.len(), w.len());
        self.update_f32(scalars, clip, w, g, states, start..start + n);
    }
    /// [`update_tensor_f32`](Self::update_tensor_f32) in f64.
    fn update_tensor_f64(
        &self,
        scalars: &[f64],
        clip: Clip,
        part: (Shape, usize),
        w: &mut [f64],
        g: &[f64],
        states: &mut [Vec<f64>],
    ) {
        let (start, n) = (part.1 * w.len(), w.len());
        self.update_f64(scalars, clip, w, g, states, start..start + n);
    }
}
