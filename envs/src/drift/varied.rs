use super::{Drift, Target};
use crate::canvas::Canvas;
use crate::{Dial, Draws, Environment, Error, Spec, Step};

/// An environment whose dials drift, whose rewards are multiplied, or whose
/// actions change their numbers.
///
/// Time is counted in steps over all episodes, so it is the environment that
/// ages, not the episode. The clock is part of the saved state.
pub(crate) struct Varied {
    inner: Box<dyn Environment>,
    spec: Spec,
    drifts: Vec<Drift>,
    reward: f64,
    /// The action that each number stands for.
    actions: Vec<usize>,
    /// Steps taken in all episodes.
    clock: u64,
    held: bool,
}

impl Varied {
    /// `inner`, seen as `spec` from outside, its rewards multiplied by `reward` unless that
    /// drifts.
    pub fn new(
        inner: Box<dyn Environment>,
        spec: &Spec,
        reward: f64,
        drifts: Vec<Drift>,
    ) -> Result<Self, Error> {
        let mut spec = spec.clone();
        let drifting = drifts.iter().find(|drift| drift.target == Target::Reward);
        let factors = drifting.map_or((reward, reward), |drift| (drift.path.low, drift.path.high));
        if factors != (1.0, 1.0) {
            scale(&mut spec, factors)?;
        }
        Ok(Self {
            actions: (0..spec.actions).collect(),
            inner,
            spec,
            drifts,
            reward,
            clock: 0,
            held: false,
        })
    }

    /// Moves time on by a step.
    fn age(&mut self, draws: &mut dyn Draws) {
        for drift in &mut self.drifts {
            match drift.target {
                Target::Actions => {
                    let time = self.clock as f64 * drift.path.rate / drift.path.period as f64;
                    // One draw however many periods a step spans.
                    if time.floor() > drift.value {
                        drift.value = time.floor();
                        shuffle(&mut self.actions, draws);
                    }
                }
                Target::Dial(_) | Target::Reward => {
                    drift.value = drift.path.at(self.clock, drift.value, draws);
                }
            }
        }
        self.turn_dials();
        self.clock += 1;
    }

    fn turn_dials(&mut self) {
        for drift in &self.drifts {
            match drift.target {
                Target::Dial(place) => self.inner.turn(place, drift.value),
                Target::Reward => self.reward = drift.value,
                Target::Actions => {}
            }
        }
    }

    /// The clock, whether it is held, the drifts' values, the actions: how many numbers.
    fn own(&self) -> usize {
        2 + self.drifts.len() + self.actions.len()
    }

    fn save_own(&self) -> Vec<f64> {
        [self.clock as f64, f64::from(u8::from(self.held))]
            .into_iter()
            .chain(self.drifts.iter().map(|drift| drift.value))
            .chain(self.actions.iter().map(|&action| action as f64))
            .collect()
    }

    /// Checks what [`save_own`](Self::save_own) gave and hands it back taken apart.
    fn check_own(&self, own: &[f64]) -> Result<Own, Error> {
        let refuse = |found: String| Error::State {
            name: self.spec.name.clone(),
            expected: "the drift's clock, whether it is held, the value of each drift and a \
                       permutation of the actions, then the environment's own"
                .to_owned(),
            found,
        };
        let (&[clock, held], rest) = own.split_first_chunk::<2>().expect("cut to this length");
        let (values, actions) = rest.split_at(self.drifts.len());
        if !(clock >= 0.0 && clock < (1u64 << 53) as f64 && clock.fract() == 0.0) {
            return Err(refuse(format!("clock = {clock}")));
        }
        if held != 0.0 && held != 1.0 {
            return Err(refuse(format!("held = {held}")));
        }
        for (drift, value) in self.drifts.iter().zip(values) {
            let allowed = match drift.target {
                Target::Actions => value.is_finite() && *value >= 0.0,
                _ => (drift.path.low..=drift.path.high).contains(value),
            };
            if !allowed {
                return Err(refuse(format!("{} = {value}", drift.key)));
            }
        }
        let numbers: Vec<usize> = actions.iter().map(|&action| action as usize).collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        let whole = numbers.iter().zip(actions).all(|(&n, &x)| n as f64 == x);
        if !whole || !sorted.into_iter().eq(0..self.actions.len()) {
            return Err(refuse(format!("actions {actions:?}")));
        }
        Ok(Own {
            clock: clock as u64,
            held: held == 1.0,
            values: values.to_vec(),
            actions: numbers,
        })
    }

    fn take(&mut self, own: Own) {
        self.clock = own.clock;
        self.held = own.held;
        for (drift, value) in self.drifts.iter_mut().zip(own.values) {
            drift.value = value;
        }
        self.actions = own.actions;
        self.turn_dials();
    }

    fn split<'a>(&self, numbers: &'a [f64]) -> Result<(&'a [f64], &'a [f64]), Error> {
        numbers
            .split_at_checked(self.own())
            .ok_or_else(|| Error::State {
                name: self.spec.name.clone(),
                expected: format!(
                    "{} numbers of the drift, then the environment's own",
                    self.own()
                ),
                found: format!("{} numbers", numbers.len()),
            })
    }
}

/// What a saved state says of the drift.
struct Own {
    clock: u64,
    held: bool,
    values: Vec<f64>,
    actions: Vec<usize>,
}

/// Rewards and the worst return when each reward is multiplied by a factor between two, in the f32
/// that a step multiplies in.
fn scale(spec: &mut Spec, (least, most): (f64, f64)) -> Result<(), Error> {
    let (low, high) = spec.rewards;
    let ends = [low, high].map(|end| [end * least as f32, end * most as f32]);
    let ends = ends.as_flattened();
    let low = ends.iter().copied().fold(f32::INFINITY, f32::min);
    let high = ends.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let limit = spec.max_steps.map(f64::from);
    let (true, Some(limit)) = (low.is_finite() && high.is_finite(), limit) else {
        return Err(crate::settings::refuse(
            &spec.name,
            "reward",
            &if least == most {
                least.to_string()
            } else {
                format!("{least}..{most}")
            },
            &"nothing: its rewards or its episodes have no known bound",
        ));
    };
    spec.rewards = (low, high);
    spec.worst_return = f64::from(low.min(0.0)) * limit;
    Ok(())
}

/// Fisher and Yates's shuffle.
fn shuffle(actions: &mut [usize], draws: &mut dyn Draws) {
    for last in (1..actions.len()).rev() {
        actions.swap(last, draws.index("permutation", last + 1));
    }
}

impl Environment for Varied {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn dials(&self) -> &'static [Dial] {
        self.inner.dials()
    }

    fn turn(&mut self, dial: usize, value: f64) {
        self.inner.turn(dial, value);
    }

    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        self.inner.reset(draws, observation);
    }

    fn step(&mut self, action: usize, draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        if !self.held {
            self.age(draws);
        }
        let mut step = self.inner.step(self.actions[action], draws, observation);
        step.reward *= self.reward as f32;
        step
    }

    fn save(&self) -> Result<Vec<f64>, Error> {
        let mut state = self.save_own();
        state.extend(self.inner.save()?);
        Ok(state)
    }

    fn load(&mut self, state: &[f64]) -> Result<(), Error> {
        let (own, inner) = self.split(state)?;
        let own = self.check_own(own)?;
        self.inner.load(inner)?;
        self.take(own);
        Ok(())
    }

    fn world(&self) -> Vec<f64> {
        let mut world = self.save_own();
        world.extend(self.inner.world());
        world
    }

    fn hold(&mut self, world: &[f64]) -> Result<(), Error> {
        let (own, inner) = self.split(world)?;
        let own = self.check_own(own)?;
        self.inner.hold(inner)?;
        self.take(own);
        self.held = true;
        Ok(())
    }

    fn render(&self) -> Option<Canvas> {
        self.inner.render()
    }
}
