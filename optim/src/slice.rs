//! An optimiser for weights that lie in one slice.

use std::ops::Range;

use safetensors::Dtype;

use crate::{
    AnyRule, Clip, Error, Real, Restart, Result, Schedule, Spec, StepBound,
    state_file::{Array, Part, bytes, numbers},
};

/// f32 and f64, which rules compute in.
pub trait Element: Real {
    /// One step of `rule`.
    fn update(
        rule: &dyn AnyRule,
        scalars: &[f64],
        clip: Clip,
        w: &mut [Self],
        g: &[Self],
        states: &mut [Vec<Self>],
        range: Range<usize>,
    );

    /// Its size, without its sign.
    fn absolute(self) -> Self;

    /// As it is saved.
    const DTYPE: Dtype;

    /// Its little-endian bytes, all of a list's.
    fn to_bytes(list: &[Self]) -> Vec<u8>;

    /// What [`to_bytes`](Self::to_bytes) wrote.
    fn from_bytes(bytes: &[u8]) -> Vec<Self>;
}

macro_rules! element {
    ($float:ty, $update:ident, $dtype:ident) => {
        impl Element for $float {
            fn update(
                rule: &dyn AnyRule,
                scalars: &[f64],
                clip: Clip,
                w: &mut [Self],
                g: &[Self],
                states: &mut [Vec<Self>],
                range: Range<usize>,
            ) {
                rule.$update(scalars, clip, w, g, states, range);
            }

            #[inline(always)]
            fn absolute(self) -> Self {
                self.abs()
            }

            const DTYPE: Dtype = Dtype::$dtype;

            fn to_bytes(list: &[Self]) -> Vec<u8> {
                bytes(list, |x| x.to_le_bytes())
            }

            fn from_bytes(bytes: &[u8]) -> Vec<Self> {
                numbers(bytes, Self::from_le_bytes)
            }
        }
    };
}
element!(f32, update_f32, F32);
element!(f64, update_f64, F64);

/// An optimiser at work on one agent's weights in a slice, for learning that has no use for tensors.
pub struct SliceOptimiser<T> {
    rule: Box<dyn AnyRule>,
    bound: Option<StepBound>,
    restart: Restart,
    lr: f64,
    schedule: Schedule,
    /// How many steps the schedule spans.
    horizon: u64,
    /// Steps since the last restart, and in all.
    t: u64,
    step: u64,
    states: Vec<Vec<T>>,
}

impl<T: Element> SliceOptimiser<T> {
    /// An optimiser for so many weights.
    ///
    /// # Errors
    /// If the values of `spec` do not go together.
    pub fn new(spec: &Spec, weights: usize) -> Result<Self> {
        let rule = spec.rule()?;
        let state = |x: f64| vec![T::constant(x); weights];
        Ok(Self {
            states: rule.initial().into_iter().map(state).collect(),
            rule,
            bound: spec.bound(),
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
        let all = 0..w.len();
        T::update(
            &*self.rule,
            &scalars,
            clip,
            w,
            direction,
            &mut self.states,
            all,
        );
    }

    /// To be called when targets have moved as a whole: what `restart_t` and `reset_moments` wait for.
    pub fn target_updated(&mut self) {
        if self.restart == Restart::Nothing {
            return;
        }
        self.t = 0;
        if self.restart == Restart::State {
            for (state, x) in self.states.iter_mut().zip(self.rule.initial()) {
                state.fill(T::constant(x));
            }
        }
    }

    /// The state called `name`.
    ///
    /// # Errors
    /// If there is none.
    pub fn state(&self, name: &str) -> Result<&[T]> {
        let names = self.rule.state_names();
        let found = names.iter().position(|known| *known == name);
        let missing = || {
            Error::usage(format!(
                "this optimiser has no state `{name}`; it has {names:?}"
            ))
        };
        Ok(&self.states[found.ok_or_else(missing)?])
    }

    /// Bytes of state for each weight.
    pub fn bytes_per_parameter(&self) -> f64 {
        (self.states.len() * size_of::<T>()) as f64
    }

    /// Everything that it takes to go on exactly.
    pub fn arrays(&self) -> Vec<Array> {
        let state = |(name, state): (&&str, &Vec<T>)| -> Array {
            let name = format!("optimiser.{name}");
            (name, T::DTYPE, vec![state.len()], T::to_bytes(state))
        };
        let mut arrays: Vec<Array> = self
            .rule
            .state_names()
            .iter()
            .zip(&self.states)
            .map(state)
            .collect();
        let steps = bytes(&[self.t, self.step], |x| x.to_le_bytes());
        arrays.push(("optimiser_steps".into(), Dtype::U64, vec![2], steps));
        arrays
    }

    /// Takes over what [`arrays`](Self::arrays) gave for an optimiser with the same settings.
    ///
    /// # Errors
    /// If an array is missing or of another size.
    pub fn load(&mut self, saved: &Part) -> Result<()> {
        let names = self.rule.state_names();
        for (name, state) in names.iter().zip(&mut self.states) {
            let data = saved.find(&format!("optimiser.{name}"), T::DTYPE, &[state.len()])?;
            *state = T::from_bytes(data);
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
    use crate::{Optimiser, Parameter, registry};

    /// Steps along the same gradients as an [`Optimiser`] of tensors: the same bits.
    #[test]
    fn it_steps_as_the_optimiser_of_tensors_does() {
        const N: usize = 70;
        let schedule: Schedule = "linear:end=0.5".parse().unwrap();
        for variant in registry().into_iter().flat_map(|entry| entry.variants) {
            let spec: Spec = variant.parse().unwrap();
            let start = |i: usize| (i as f32 * 0.7).sin();
            let mut w: Vec<f32> = (0..N).map(start).collect();
            let var = Var::from_slice(&w, N, &Device::Cpu).unwrap();
            let parameter = Parameter {
                name: "w".into(),
                var: var.clone(),
            };
            let tensors = Optimiser::new(std::slice::from_ref(&spec), vec![parameter]);
            let mut tensors = tensors.unwrap().schedule(schedule, 20);
            let mut slice = SliceOptimiser::new(&spec, N)
                .unwrap()
                .schedule(schedule, 20);
            for t in 0..20 {
                let g: Vec<f32> = (0..N).map(|i| ((t * N + i) as f32).cos()).collect();
                let given = Tensor::from_slice(&g, N, &Device::Cpu).unwrap();
                let loss = (var.as_tensor() * given).unwrap();
                tensors.step(&loss.backward().unwrap()).unwrap();
                let size: f64 = g.iter().map(|g| f64::from(g.abs())).sum();
                slice.step(&mut w, &g, 1.0, size);
                if t == 12 {
                    tensors.target_updated().unwrap();
                    slice.target_updated();
                }
            }
            let expected: Vec<f32> = var.to_dtype(DType::F32).unwrap().to_vec1().unwrap();
            assert_eq!(w, expected, "{variant}");
        }
    }
}
