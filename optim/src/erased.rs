//! A rule for one weight as an [`AnyRule`].

use std::{any::TypeId, ops::Range};

use crate::{AnyRule, Clip, Rule, Scalars, cpu, kernel};

struct ErasedRule<T, const S: usize>(T);

impl<T: Rule<S>, const S: usize> AnyRule for ErasedRule<T, S> {
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
    Box::new(ErasedRule(rule))
}
