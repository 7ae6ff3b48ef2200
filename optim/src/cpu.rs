//! Runs a rule on the CPU: one pass over memory, with the machine's widest vectors.
//!
//! A state that would be subnormal is stored as 0. If a weight's gradient has stopped (after a dead
//! relu, for example), its averages decay into that range and stay there, and each operation on them
//! takes a hundred times as long: on CartPole this cost a fifth of the whole run. PyTorch's
//! `set_flush_denormal` is the same remedy.

use std::{array, ops::Range};

use crate::{Clip, Real, Rule, Scalars, clip::clipped, vectorised};

/// Weights handled together: long enough to keep the widest vector units busy,
/// short enough that a block of every state stays in registers and L1.
const BLOCK: usize = 64;

/// One step of rule `T`: `w`, its gradient `g` and `states[..][range]` all have the same length.
pub(crate) fn apply<T: Rule<S>, R: Real, const S: usize>(
    scalars: &[f64],
    clip: Clip,
    w: &mut [R],
    g: &[R],
    states: &mut [Vec<R>],
    range: Range<usize>,
) {
    assert!(states.len() == S, "states must be the rule's own");
    let mut scalars = scalars.iter();
    let k = <T::Scalars<R> as Scalars<R>>::from_next(&mut || {
        R::constant(*scalars.next().expect("scalars must be the rule's own"))
    });
    let mut states = states.iter_mut();
    let s: [&mut [R]; S] = array::from_fn(|_| {
        let state = states.next().expect("counted above");
        &mut state[range.clone()]
    });
    vectorised(
        #[inline(always)]
        || {
            sweep::<T, R, S>(
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
fn sweep<T: Rule<S>, R: Real, const S: usize>(
    k: T::Scalars<R>,
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
        block::<T, R, S, BLOCK>(k, clip, w, g, s.each_mut().map(|s| &mut s.0[i]));
    }
    let (w_rest, _) = w_rest.as_chunks_mut::<1>();
    let (g_rest, _) = g_rest.as_chunks::<1>();
    for (i, (w, g)) in w_rest.iter_mut().zip(g_rest).enumerate() {
        let s = s.each_mut().map(|s| &mut s.1.as_chunks_mut::<1>().0[i]);
        block::<T, R, S, 1>(k, clip, w, g, s);
    }
}

#[inline(always)]
fn block<T: Rule<S>, R: Real, const S: usize, const N: usize>(
    k: T::Scalars<R>,
    clip: [R; 2],
    w: &mut [R; N],
    g: &[R; N],
    s: [&mut [R; N]; S],
) {
    // Local copies tell the compiler that nothing aliases, so it vectorises the loop.
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
