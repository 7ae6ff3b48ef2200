//! An optimiser for weights that lie in one slice.

use safetensors::Dtype;

use crate::{
    AnyRule, Clip, Element, Error, EvaluationWeights, Layer, Restart, Result, Schedule, Shape,
    Spec, StepBound,
    state_file::{Array, StatePart, bytes, numbers},
};

/// An optimiser at work on one agent's weights in a slice, for learning that has no use for tensors.
pub struct SliceOptimiser<T> {
    rule: Box<dyn AnyRule>,
    bound: Option<StepBound>,
    evaluation: Option<EvaluationWeights>,
    restart: Restart,
    lr: f64,
    schedule: Schedule,
    /// How many steps the schedule spans.
    horizon: u64,
    /// Steps since the last restart, and in all.
    t: u64,
    step: u64,
    /// The tensors in the slice, one behind the other, if the rule steps each as a whole.
    shapes: Vec<Shape>,
    /// For each of the tensors, or for all weights at once.
    states: Vec<Vec<Vec<T>>>,
}

impl<T: Element> SliceOptimiser<T> {
    /// An optimiser for so many weights.
    ///
    /// # Errors
    /// If the values of `spec` do not go together, or if its rule has to know of tensors
    /// ([`of_tensors`](Self::of_tensors)).
    pub fn new(spec: &Spec, weights: usize) -> Result<Self> {
        let rule = spec.rule()?;
        match rule.elementwise() || rule.states_of_agent() > 0 {
            true => Self::of_tensors(spec, &[Shape::Vector(weights)]),
            false => Err(Error::usage(format!(
                "optimiser `{}` steps whole tensors, and here there is only a list of weights; choose one that steps each weight by itself",
                spec.entry().name
            ))),
        }
    }

    /// An optimiser for weights that are those of one tensor after the other, all of hidden layers. Only rules that
    /// step whole tensors look at the shapes.
    ///
    /// # Errors
    /// If the values of `spec` do not go together.
    pub fn of_tensors(spec: &Spec, shapes: &[Shape]) -> Result<Self> {
        let hidden: Vec<_> = shapes.iter().map(|s| (*s, Layer::Hidden)).collect();
        Self::of_layers(spec, &hidden)
    }

    /// [`of_tensors`](Self::of_tensors) of layers that are named.
    ///
    /// # Errors
    /// If the values of `spec` do not go together.
    pub fn of_layers(spec: &Spec, tensors: &[(Shape, Layer)]) -> Result<Self> {
        let rule = spec.rule()?;
        let shapes = match rule.elementwise() || rule.states_of_agent() > 0 {
            true => vec![Shape::Vector(
                tensors.iter().map(|(shape, _)| shape.count()).sum(),
            )],
            false => tensors
                .iter()
                .map(|(shape, layer)| rule.seen(*shape, *layer))
                .collect(),
        };
        let states = |shape: &Shape| {
            let lengths = rule.state_lengths(*shape).into_iter().zip(rule.initial());
            let states = lengths.map(|(length, x)| vec![T::constant(x); length]);
            states.collect()
        };
        Ok(Self {
            states: shapes.iter().map(states).collect(),
            shapes,
            rule,
            bound: spec.bound(),
            evaluation: spec.evaluation(),
            restart: spec.restart(),
            lr: spec.lr(),
            schedule: Schedule::default(),
            horizon: u64::MAX,
            t: 0,
            step: 0,
        })
    }

    /// With lr following `schedule` over `steps` steps.
    pub fn schedule(mut self, schedule: Schedule, steps: u64) -> Self {
        (self.schedule, self.horizon) = (schedule, steps);
        self
    }

    /// One step of the weights `w` where the gradient is `scale` times `direction`. `size` is what a
    /// [`StepBound`] looks at, the gradient's L1 norm or what takes its place.
    ///
    /// # Panics
    /// If a list is not as long as the weights.
    pub fn step(&mut self, w: &mut [T], direction: &[T], scale: f64, size: f64) {
        self.t += 1;
        self.step += 1;
        let lr = self.lr * self.schedule.factor(self.step, self.horizon);
        let lr = self.bound.map_or(lr, |bound| bound.lr(lr, size));
        let scalars = self.rule.scalars(self.t, lr);
        let clip = Clip {
            scale,
            ..Clip::NONE
        };
        let mut start = 0;
        for (shape, states) in self.shapes.iter().zip(&mut self.states) {
            let own = start..start + shape.count();
            start = own.end;
            let (w, g) = (&mut w[own.clone()], &direction[own]);
            T::update_tensor(&*self.rule, &scalars, clip, (*shape, 0), w, g, states);
        }
        assert_eq!(start, w.len());
    }

    /// To be called when targets have moved as a whole: what `restart_t` and `reset_moments` wait for.
    pub fn target_updated(&mut self) {
        if self.restart == Restart::Nothing {
            return;
        }
        self.t = 0;
        if self.restart == Restart::State {
            for states in &mut self.states {
                for (state, x) in states.iter_mut().zip(self.rule.initial()) {
                    state.fill(T::constant(x));
                }
            }
        }
    }

    /// The weights to evaluate with where those that are stepped are `w`; `None` if they are the same.
    ///
    /// # Panics
    /// If there are not as many of `w` as weights.
    pub fn evaluation_weights(&self, w: &[T]) -> Option<Vec<T>> {
        let EvaluationWeights { state, factor } = self.evaluation?;
        let state = self.state(state).ok()?;
        assert_eq!(state.len(), w.len());
        let factor = T::constant(factor);
        let both = w.iter().zip(state);
        Some(both.map(|(w, s)| *w + factor * s).collect())
    }

    /// The state called `name`, of one tensor after the other.
    ///
    /// # Errors
    /// If there is none.
    pub fn state(&self, name: &str) -> Result<Vec<T>> {
        let names = self.rule.state_names();
        let found = names.iter().position(|known| *known == name);
        let missing = || {
            Error::usage(format!(
                "this optimiser has no state `{name}`; it has {names:?}"
            ))
        };
        Ok(self.flat_state(found.ok_or_else(missing)?))
    }

    fn flat_state(&self, k: usize) -> Vec<T> {
        let own = self.states.iter().flat_map(|states| &states[k]);
        own.copied().collect()
    }

    /// Bytes of state for each weight.
    pub fn bytes_per_parameter(&self) -> f64 {
        let kept: usize = self.states.iter().flatten().map(Vec::len).sum();
        let weights: usize = self.shapes.iter().map(|shape| shape.count()).sum();
        match weights {
            0 => 0.0,
            weights => (kept * size_of::<T>()) as f64 / weights as f64,
        }
    }

    /// Everything that it takes to go on exactly.
    pub fn arrays(&self) -> Vec<Array> {
        let state = |(k, name): (usize, &&str)| -> Array {
            let (name, state) = (format!("optimiser.{name}"), self.flat_state(k));
            (name, T::DTYPE, vec![state.len()], T::to_bytes(&state))
        };
        let names = self.rule.state_names().iter().enumerate();
        let mut arrays: Vec<Array> = names.map(state).collect();
        let steps = bytes(&[self.t, self.step], |x| x.to_le_bytes());
        arrays.push(("optimiser_steps".into(), Dtype::U64, vec![2], steps));
        arrays
    }

    /// Takes over what [`arrays`](Self::arrays) gave for an optimiser with the same settings.
    ///
    /// # Errors
    /// If an array is missing or of another size.
    pub fn load(&mut self, saved: &StatePart) -> Result<()> {
        let names = self.rule.state_names();
        for (k, name) in names.iter().enumerate() {
            let length = self.states.iter().map(|states| states[k].len()).sum();
            let data = saved.find(&format!("optimiser.{name}"), T::DTYPE, &[length])?;
            let mut numbers = T::from_bytes(data).into_iter();
            for x in self.states.iter_mut().flat_map(|states| &mut states[k]) {
                *x = numbers.next().expect("as long as was asked for");
            }
        }
        let steps = saved.find("optimiser_steps", Dtype::U64, &[2])?;
        let steps = numbers(steps, u64::from_le_bytes);
        (self.t, self.step) = (steps[0], steps[1]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor, Var};

    use super::*;
    use crate::{
        Optimiser, Parameter, registry,
        state_file::{self, StateFile, of_part},
    };

    const DIMS: [&[usize]; 3] = [&[70], &[4, 6], &[3, 2, 2, 2]];

    /// Steps along the same gradients as an [`Optimiser`] of tensors: the same bits.
    #[test]
    fn it_steps_as_the_optimiser_of_tensors_does() {
        let schedule: Schedule = "linear:end=0.5".parse().unwrap();
        let shapes = DIMS.map(Shape::of);
        let n: usize = shapes.iter().map(|shape| shape.count()).sum();
        for variant in registry().into_iter().flat_map(|entry| entry.variants) {
            let spec: Spec = variant.parse().unwrap();
            let mut w: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin()).collect();
            let mut start = 0;
            let parameter = |dims: &[usize]| {
                let own = start..start + dims.iter().product::<usize>();
                start = own.end;
                Parameter::new(
                    format!("{own:?}"),
                    Var::from_slice(&w[own], dims, &Device::Cpu).unwrap(),
                )
            };
            let parameters: Vec<Parameter> = DIMS.map(parameter).into();
            let tensors = Optimiser::new(std::slice::from_ref(&spec), parameters.clone());
            let mut tensors = tensors.unwrap().schedule(schedule, 20);
            let mut slice = SliceOptimiser::of_tensors(&spec, &shapes).unwrap();
            slice = slice.schedule(schedule, 20);
            for t in 0..20 {
                let g: Vec<f32> = (0..n).map(|i| ((t * n + i) as f32).cos()).collect();
                let mut given = &g[..];
                let losses = parameters.iter().map(|p| {
                    let (own, rest) = given.split_at(p.var.elem_count());
                    given = rest;
                    let own = Tensor::from_slice(own, p.var.shape(), &Device::Cpu).unwrap();
                    (p.var.as_tensor() * own).unwrap().sum_all().unwrap()
                });
                let loss = losses.reduce(|a, b| (a + b).unwrap()).unwrap();
                tensors.step(&loss.backward().unwrap()).unwrap();
                // As the optimiser of tensors adds up, so that bounded steps have the same bits too.
                let parts = shapes.iter().scan(0, |start, shape| {
                    let own = *start..*start + shape.count();
                    *start = own.end;
                    Some(g[own].iter().map(|g| f64::from(g.abs())).sum::<f64>())
                });
                slice.step(&mut w, &g, 1.0, parts.sum());
                if t == 12 {
                    tensors.target_updated().unwrap();
                    slice.target_updated();
                    let saved = slice.arrays();
                    let part: Vec<Array> = of_part("agent", saved.clone()).collect();
                    let file = state_file::write("slice", String::new(), &part).unwrap();
                    let file = StateFile::read("slice", "", &file).unwrap();
                    let fresh = SliceOptimiser::of_tensors(&spec, &shapes).unwrap();
                    slice = fresh.schedule(schedule, 20);
                    slice.load(&StatePart::new(&file, "agent")).unwrap();
                    assert_eq!(slice.arrays(), saved);
                }
            }
            let flat = parameters.iter().flat_map(|p| {
                let flat = p.var.flatten_all().unwrap().to_dtype(DType::F32).unwrap();
                flat.to_vec1::<f32>().unwrap()
            });
            assert_eq!(w, flat.collect::<Vec<f32>>(), "{variant}");
            let flat = tensors.evaluation_weights().unwrap().map(|all| {
                let flat = all.into_iter().map(|w| w.flatten_all()?.to_vec1::<f32>());
                let flat: candle_core::Result<Vec<_>> = flat.collect();
                flat.unwrap().concat()
            });
            assert_eq!(slice.evaluation_weights(&w), flat, "{variant}");
        }
    }

    #[test]
    fn a_list_of_weights_is_no_matrix() {
        let spec: Spec = "muon".parse().unwrap();
        let error = SliceOptimiser::<f32>::new(&spec, 4).err().unwrap();
        assert!(error.to_string().contains("steps whole tensors"), "{error}");
    }
}
