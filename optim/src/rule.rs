//! What a rule is: a recurrence for one weight.

use std::{any::TypeId, ops::Range};

use crate::{Clip, Layer, Real, Scalars, Shape, cpu, kernel};

/// A recurrence for one weight that has `S` states.
///
/// The arithmetic is written once, over [`Real`]. Whatever depends only on the step (schedules, bias
/// corrections) is a scalar, computed once per step in f64.
pub trait Rule<const S: usize>: Send + Sync + 'static {
    /// The numbers of one step, declared with [`scalars!`](crate::scalars).
    type Scalars<T: Copy>: Scalars<T> + Copy;

    /// The states' names, in order. A state is saved under its name.
    const STATES: [&'static str; S];

    /// The scalars of step `t`, counted from 1, at the learning rate `lr` that the schedule gives.
    fn scalars(&self, t: u64, lr: f64) -> Self::Scalars<f64>;

    /// The initial value of each state.
    fn initial(&self) -> [f64; S] {
        [0.0; S]
    }

    /// The new weight and states, from the scalars `k`, the weight `w`, its gradient `g` and its states `s`.
    fn update<R: Real>(k: Self::Scalars<R>, w: R, g: R, s: [R; S]) -> (R, [R; S]);
}

/// A rule whose scalars and states are known only at run time. [`erase`] makes one of a [`Rule`],
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
    /// The text of its kernel (see [`kernel`]); `None` if it has none, so that it runs on the CPU alone.
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

struct Erased<T, const S: usize>(T);

impl<T: Rule<S>, const S: usize> AnyRule for Erased<T, S> {
    fn scalar_names(&self) -> Vec<&'static str> {
        <T::Scalars<f64> as Scalars<f64>>::names()
    }
    fn state_names(&self) -> &'static [&'static str] {
        const { &T::STATES }
    }
    fn initial(&self) -> Vec<f64> {
        self.0.initial().to_vec()
    }
    fn scalars(&self, t: u64, lr: f64) -> Vec<f64> {
        // No rule here has more, so a step allocates once.
        let mut list = Vec::with_capacity(16);
        self.0.scalars(t, lr).for_each(&mut |x| list.push(x));
        list
    }
    fn arithmetic(&self) -> TypeId {
        TypeId::of::<T>()
    }
    fn kernel(&self) -> Option<String> {
        Some(kernel::text::<T, S>())
    }
    fn update_f32(
        &self,
        scalars: &[f64],
        clip: Clip,
        w: &mut [f32],
        g: &[f32],
        states: &mut [Vec<f32>],
        range: Range<usize>,
    ) {
        cpu::apply::<T, f32, S>(scalars, clip, w, g, states, range);
    }
    fn update_f64(
        &self,
        scalars: &[f64],
        clip: Clip,
        w: &mut [f64],
        g: &[f64],
        states: &mut [Vec<f64>],
        range: Range<usize>,
    ) {
        cpu::apply::<T, f64, S>(scalars, clip, w, g, states, range);
    }
}

/// `rule` as a trait object.
pub fn erase<T: Rule<S>, const S: usize>(rule: T) -> Box<dyn AnyRule> {
    Box::new(Erased(rule))
}
