//! The second kind of rule: one that looks at a whole tensor.

use std::{any::TypeId, array, marker::PhantomData, ops::Range};

use crate::{AnyRule, Clip, Element, Layer, Scalars, Shape, clip::clipped, vectorised};

/// A rule with `S` states whose step of one weight depends on the rest of its tensor: on a matrix's
/// singular values, say, or on a tensor's norm. A [`Rule`](crate::Rule) steps each weight by itself.
///
/// The arithmetic is written once over [`Element`], which is f32 or f64. It runs on the calling thread
/// alone, so its bits do not depend on the number of threads.
///
/// Each agent of a cohort is stepped by its own rule. The rules of a cohort are of one type, and their
/// settings may differ.
pub trait TensorRule<const S: usize>: Send + Sync + 'static {
    /// The numbers of one step, declared with [`scalars!`](crate::scalars).
    type Scalars<T: Copy>: Scalars<T> + Copy;

    /// The states' names, in order. A state is saved under its name.
    const STATES: [&'static str; S];

    /// How many of the last states are of an agent as a whole. A rule with such states sees all parameters of an
    /// agent as one vector.
    const OF_AGENT: usize = 0;

    /// Whether it is for the matrices of hidden layers alone, and sees those of other layers as vectors.
    const HIDDEN_ONLY: bool = false;

    /// The scalars of step `t`, counted from 1, at the learning rate `lr` that the schedule gives.
    fn scalars(&self, t: u64, lr: f64) -> Self::Scalars<f64>;

    /// The initial value of each state.
    fn initial(&self) -> [f64; S] {
        [0.0; S]
    }

    /// How many numbers each state has for a tensor of `shape`, at most one for each of its weights if it is a vector.
    fn lengths(&self, shape: Shape) -> [usize; S] {
        [shape.count(); S]
    }

    /// One step of an agent's tensor: the weights `w`, their gradient `g`, and the states, each as long as
    /// [`lengths`](Self::lengths) says.
    fn update<R: Element>(
        &self,
        k: Self::Scalars<R>,
        shape: Shape,
        w: &mut [R],
        g: &[R],
        states: [&mut [R]; S],
    );
}

/// `rule` as a trait object.
pub fn erase_tensor_rule<T: TensorRule<S>, const S: usize>(rule: T) -> Box<dyn AnyRule> {
    Box::new(ErasedTensorRule {
        rule,
        states: PhantomData::<[(); S]>,
    })
}

struct ErasedTensorRule<T, const S: usize> {
    rule: T,
    states: PhantomData<[(); S]>,
}

impl<T: TensorRule<S>, const S: usize> ErasedTensorRule<T, S> {
    fn step<R: Element>(
        &self,
        scalars: &[f64],
        clip: Clip,
        shape: Shape,
        w: &mut [R],
        g: &[R],
        mut states: [&mut [R]; S],
    ) {
        assert!(w.len() == shape.count() && g.len() == w.len());
        let mut scalars = scalars.iter();
        let k = <T::Scalars<R> as Scalars<R>>::from_next(&mut || {
            R::constant(*scalars.next().expect("scalars must be the rule's own"))
        });
        let cut;
        let g = match clip == Clip::NONE {
            true => g,
            false => {
                let clip = [R::constant(clip.scale), R::constant(clip.bound)];
                cut = g.iter().map(|g| clipped(clip, *g)).collect::<Vec<R>>();
                &cut
            }
        };
        vectorised(
            #[inline(always)]
            || {
                let own = states.each_mut().map(|state| &mut **state);
                self.rule.update(k, shape, w, g, own);
                // As the driver of elementwise rules does: subnormal numbers slow every later step down.
                for state in &mut states {
                    for x in state.iter_mut() {
                        *x = x.flush();
                    }
                }
            },
        );
    }

    /// A vector whose states are `states[..][range]`; a state that has fewer numbers has the first ones.
    fn step_vector<R: Element>(
        &self,
        scalars: &[f64],
        clip: Clip,
        w: &mut [R],
        g: &[R],
        states: &mut [Vec<R>],
        range: Range<usize>,
    ) {
        assert!(states.len() == S, "states must be the rule's own");
        let shape = Shape::Vector(w.len());
        let mut lengths = self.rule.lengths(shape).into_iter();
        let mut states = states.iter_mut();
        let own = array::from_fn(|_| {
            let state = states.next().expect("counted above");
            let length = lengths.next().unwrap_or_default();
            &mut state[range.clone()][..length]
        });
        self.step(scalars, clip, shape, w, g, own);
    }

    fn step_part<R: Element>(
        &self,
        scalars: &[f64],
        clip: Clip,
        (shape, agent): (Shape, usize),
        w: &mut [R],
        g: &[R],
        states: &mut [Vec<R>],
    ) {
        assert!(states.len() == S, "states must be the rule's own");
        let mut lengths = self.rule.lengths(shape).into_iter();
        let mut states = states.iter_mut();
        let own = array::from_fn(|_| {
            let state = states.next().expect("counted above");
            let length = lengths.next().unwrap_or_default();
            &mut state[agent * length..(agent + 1) * length]
        });
        self.step(scalars, clip, shape, w, g, own);
    }
}

macro_rules! in_type {
    ($float:ty, $vector:ident, $tensor:ident) => {
        fn $vector(
            &self,
            scalars: &[f64],
            clip: Clip,
            w: &mut [$float],
            g: &[$float],
            states: &mut [Vec<$float>],
            range: Range<usize>,
        ) {
            self.step_vector(scalars, clip, w, g, states, range);
        }
        fn $tensor(
            &self,
            scalars: &[f64],
            clip: Clip,
            part: (Shape, usize),
            w: &mut [$float],
            g: &[$float],
            states: &mut [Vec<$float>],
        ) {
            self.step_part(scalars, clip, part, w, g, states);
        }
    };
}

impl<T: TensorRule<S>, const S: usize> AnyRule for ErasedTensorRule<T, S> {
    fn scalar_names(&self) -> Vec<&'static str> {
        <T::Scalars<f64> as Scalars<f64>>::names()
    }
    fn state_names(&self) -> &'static [&'static str] {
        const { &T::STATES }
    }
    fn initial(&self) -> Vec<f64> {
        self.rule.initial().to_vec()
    }
    fn scalars(&self, t: u64, lr: f64) -> Vec<f64> {
        let mut list = Vec::with_capacity(16);
        self.rule.scalars(t, lr).for_each(&mut |x| list.push(x));
        list
    }
    fn arithmetic(&self) -> TypeId {
        TypeId::of::<T>()
    }
    fn elementwise(&self) -> bool {
        false
    }
    fn kernel(&self) -> Option<String> {
        None
    }
    fn state_lengths(&self, shape: Shape) -> Vec<usize> {
        self.rule.lengths(shape).to_vec()
    }
    fn states_of_agent(&self) -> usize {
        T::OF_AGENT
    }
    fn seen(&self, shape: Shape, layer: Layer) -> Shape {
        match T::HIDDEN_ONLY && layer != Layer::Hidden {
            true => Shape::Vector(shape.count()),
            false => shape,
        }
    }
    in_type!(f32, update_f32, update_tensor_f32);
    in_type!(f64, update_f64, update_tensor_f64);
}
