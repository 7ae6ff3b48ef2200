//! What an optimiser is: a recurrence for one weight.

use std::{any::TypeId, ops::Range};

use super::{Clip, cpu, kernel, real::Real};

/// An optimiser's recurrence for one weight, with `K` scalars a step and `S` states a weight.
///
/// The arithmetic is written once, over [`Real`]; whatever depends on the step
/// alone (schedules, bias corrections) is a scalar, computed once a step in f64.
pub trait Rule<const K: usize, const S: usize>: Send + Sync + 'static {
    /// What each scalar is, in order.
    const SCALARS: [&'static str; K];
    /// What each state is, in order: the names under which it is saved.
    const STATES: [&'static str; S];

    /// The scalars of step `t`, counted from 1, at the learning rate `lr` that the schedule gives it.
    fn scalars(&self, t: u64, lr: f64) -> [f64; K];

    /// The value each state starts from.
    fn initial(&self) -> [f64; S] {
        [0.0; S]
    }

    /// The new weight and states, from the scalars `k`, the weight `w`, its gradient `g` and its states `s`.
    fn update<R: Real>(k: [R; K], w: R, g: R, s: [R; S]) -> (R, [R; S]);
}

/// A rule whose numbers of scalars and states are known only at run time.
pub trait AnyRule: Send + Sync {
    /// What each scalar is, in order.
    fn scalar_names(&self) -> &'static [&'static str];
    /// What each state is, in order.
    fn state_names(&self) -> &'static [&'static str];
    /// The value each state starts from.
    fn initial(&self) -> Vec<f64>;
    /// The scalars of step `t`, counted from 1, at the learning rate `lr`.
    fn scalars(&self, t: u64, lr: f64) -> Vec<f64>;
    /// Which rule this is, its branches included: two with the same kind differ in scalars alone.
    fn kind(&self) -> TypeId;
    /// The text of its kernel (see [`kernel`]).
    fn kernel(&self) -> String;
    /// One step of the weights `w`, whose states are `states[..][range]`, with the gradient `g` as `clip` leaves it.
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
}

/// Erases the const parameters of a rule.
pub(super) struct Erased<T, const K: usize, const S: usize>(pub T);

impl<T: Rule<K, S>, const K: usize, const S: usize> AnyRule for Erased<T, K, S> {
    fn scalar_names(&self) -> &'static [&'static str] {
        const { &T::SCALARS }
    }
    fn state_names(&self) -> &'static [&'static str] {
        const { &T::STATES }
    }
    fn initial(&self) -> Vec<f64> {
        self.0.initial().to_vec()
    }
    fn scalars(&self, t: u64, lr: f64) -> Vec<f64> {
        self.0.scalars(t, lr).to_vec()
    }
    fn kind(&self) -> TypeId {
        TypeId::of::<T>()
    }
    fn kernel(&self) -> String {
        kernel::text::<T, K, S>()
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
        cpu::apply::<T, f32, K, S>(scalars, clip, w, g, states, range);
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
        cpu::apply::<T, f64, K, S>(scalars, clip, w, g, states, range);
    }
}

/// A rule behind a pointer, its const parameters erased.
pub(super) fn erase<T: Rule<K, S>, const K: usize, const S: usize>(rule: T) -> Box<dyn AnyRule> {
    Box::new(Erased(rule))
}
