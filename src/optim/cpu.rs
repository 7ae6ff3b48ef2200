//! Runs a rule on the CPU: one pass over memory, as wide as the machine allows.
//!
//! A state that would be subnormal is stored as 0. The averages of a weight
//! whose gradient has stopped (behind a dead relu, say) decay into that range and
//! stay there, where each operation takes a hundred times as long: measured on
//! CartPole, a fifth of the whole run. PyTorch's `set_flush_denormal` is the same remedy.

use std::{array, ops::Range};

use super::{Clip, Real, Rule, clip::clipped};
use crate::simd::vectorised;

/// Weights handled together: long enough to keep the widest vector units busy,
/// short enough that a block of every state stays in registers and L1.
const BLOCK: usize = 64;

/// One step of rule `T`: `w`, its gradient `g` and `states[..][range]` all have the same length.
pub(super) fn apply<T: Rule<K, S>, R: Real, const K: usize, const S: usize>(
    scalars: &[f64],
    clip: Clip,
    w: &mut [R],
    g: &[R],
    states: &mut [Vec<R>],
    range: Range<usize>,
) {
    assert!(
        scalars.len() == K && states.len() == S,
        "scalars and states must be the rule's own"
    );
    let k: [R; K] = array::from_fn(|i| R::constant(scalars[i]));
    let mut states = states.iter_mut();
    let s: [&mut [R]; S] = array::from_fn(|_| {
        let state = states.next().expect("counted above");
        &mut state[range.clone()]
    });
    vectorised(
        #[inline(always)]
        || {
            sweep::<T, R, K, S>(
                k,
                [R::constant(clip.scale), R::constant(clip.bound)],
                w,
                g,
                s,
            )
        },
    );
}

#[inline(always)]
fn sweep<T: Rule<K, S>, R: Real, const K: usize, const S: usize>(
    k: [R; K],
    clip: [R; 2],
    w: &mut [R],
    g: &[R],
    s: [&mut [R]; S],
) {
    assert!(g.len() == w.len() && s.iter().all(|s| s.len() == w.len()));
    let (w, w_rest) = w.as_chunks_mut::<BLOCK>();
    let (g, g_rest) = g.as_chunks::<BLOCK>();
    let mut s = s.map(|s| s.as_chunks_mut::<BLOCK>());
    for (i, (w, g)) in w.iter_mut().zip(g).enumerate() {
        block::<T, R, K, S, BLOCK>(k, clip, w, g, s.each_mut().map(|s| &mut s.0[i]));
    }
    let (w_rest, _) = w_rest.as_chunks_mut::<1>();
    let (g_rest, _) = g_rest.as_chunks::<1>();
    for (i, (w, g)) in w_rest.iter_mut().zip(g_rest).enumerate() {
        let s = s.each_mut().map(|s| &mut s.1.as_chunks_mut::<1>().0[i]);
        block::<T, R, K, S, 1>(k, clip, w, g, s);
    }
}

#[inline(always)]
fn block<T: Rule<K, S>, R: Real, const K: usize, const S: usize, const N: usize>(
    k: [R; K],
    clip: [R; 2],
    w: &mut [R; N],
    g: &[R; N],
    s: [&mut [R; N]; S],
) {
    // Local copies tell the compiler that nothing aliases, so that it vectorises the loop.
    let (mut new_w, g) = (*w, *g);
    let mut new_s: [[R; N]; S] = array::from_fn(|j| *s[j]);
    for i in 0..N {
        let state = array::from_fn(|j| new_s[j][i]);
        let (weight, state) = T::update(k, new_w[i], clipped(clip, g[i]), state);
        new_w[i] = weight;
        for j in 0..S {
            new_s[j][i] = state[j].flush();
        }
    }
    *w = new_w;
    for (s, new) in s.into_iter().zip(new_s) {
        *s = new;
    }
}
