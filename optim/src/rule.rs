//! What a rule is: a recurrence for one weight.

use crate::{Real, Scalars};

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
