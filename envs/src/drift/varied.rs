use settings::Setting;

use super::{Drift, Shuffle, Target};
use crate::{Canvas, Draws, EnvSpec, Environment, Error, Step};

/// An environment whose dials drift, whose rewards have a factor, or whose actions change their
/// numbers.
///
/// Time is counted in steps over all episodes: it is the environment that ages, not the episode. The
/// clock is part of the saved state.
pub(crate) struct Varied {
    inner: Box<dyn Environment>,
    spec: EnvSpec,
    drifts: Vec<Drift>,
    reward: f64,
    /// The action that each number stands for.
    actions: Vec<usize>,
    /// Steps taken in all episodes.
    clock: u64,
    /// Whether time stands still.
    held: bool,
}

impl Varied {
    /// Wraps `inner`, which `spec` describes. Rewards are multiplied by `reward`, unless that factor
    /// drifts.
    pub fn new(
        inner: Box<dyn Environment>,
        spec: &EnvSpec,
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

    /// Draws what the episode that begins has of the drifts that are shuffled. An environment whose time stands still
    /// draws too: an evaluation sees the mixture of tasks.
    fn draw(&mut self, draws: &mut dyn Draws) {
        let mut drawn = false;
        for drift in &mut self.drifts {
            let motion = &drift.path.motion;
            if motion.shuffle == Shuffle::Never || motion.rate == 0.0 {
                continue;
            }
            drawn = true;
            match drift.target {
                Target::Actions => {
                    drift.value += 1.0;
                    shuffle(&mut self.actions, draws);
                }
                Target::Dial(_) | Target::Reward => drift.value = drift.path.visited(draws),
            }
        }
        if drawn {
            self.turn_dials();
        }
    }

    /// Lets one step of time pass.
    fn age(&mut self, draws: &mut dyn Draws) {
        for drift in &mut self.drifts {
            if drift.path.motion.shuffle == Shuffle::Episode {
                continue;
            }
            match drift.target {
                Target::Actions => {
                    let periods = drift.path.motion.periods(self.clock).floor();
                    // One permutation, however many periods a step spans.
                    if periods > drift.value {
                        drift.value = periods;
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

    /// How many numbers the drift adds to a saved state: the clock, whether the clock is held, the
    /// drifts' values and the actions.
    fn saved_len(&self) -> usize {
        2 + self.drifts.len() + self.actions.len()
    }

    fn save_drift(&self) -> Vec<f64> {
        [self.clock as f64, f64::from(u8::from(self.held))]
            .into_iter()
            .chain(self.drifts.iter().map(|drift| drift.value))
            .chain(self.actions.iter().map(|&action| action as f64))
            .collect()
    }

    /// Reads what [`save_drift`](Self::save_drift) returned.
    fn read_drift(&self, numbers: &[f64]) -> Result<DriftState, Error> {
        let refuse = |found: String| Error::State {
            name: self.spec.name.clone(),
            expected: "the drift's clock, whether it is held, the value of each drift and a \
                       permutation of the actions, then the environment's own numbers"
                .to_owned(),
            found,
        };
        let (&[clock, held], rest) = numbers
            .split_first_chunk::<2>()
            .expect("cut to this length");
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
        let permutation: Vec<usize> = actions.iter().map(|&action| action as usize).collect();
        let mut sorted = permutation.clone();
        sorted.sort_unstable();
        let whole = permutation
            .iter()
            .zip(actions)
            .all(|(&n, &x)| n as f64 == x);
        if !whole || !sorted.into_iter().eq(0..self.actions.len()) {
            return Err(refuse(format!("actions {actions:?}")));
        }
        Ok(DriftState {
            clock: clock as u64,
            held: held == 1.0,
            values: values.to_vec(),
            actions: permutation,
        })
    }

    fn restore(&mut self, state: DriftState) {
        self.clock = state.clock;
        self.held = state.held;
        for (drift, value) in self.drifts.iter_mut().zip(state.values) {
            drift.value = value;
        }
        self.actions = state.actions;
        self.turn_dials();
    }

    /// Splits the numbers into the drift's and those of the inner environment.
    fn split<'a>(&self, numbers: &'a [f64]) -> Result<(&'a [f64], &'a [f64]), Error> {
        numbers
            .split_at_checked(self.saved_len())
            .ok_or_else(|| Error::State {
                name: self.spec.name.clone(),
                expected: format!(
                    "{} numbers of the drift, then the environment's own numbers",
                    self.saved_len()
                ),
                found: format!("{} numbers", numbers.len()),
            })
    }
}

/// The drift's part of a saved state.
struct DriftState {
    clock: u64,
    held: bool,
    values: Vec<f64>,
    actions: Vec<usize>,
}

/// Scales the bounds of rewards and returns for a reward factor from `least` to `most`, in f32 like the
/// rewards of steps.
fn scale(spec: &mut EnvSpec, (least, most): (f64, f64)) -> Result<(), Error> {
    let (low, high) = spec.rewards;
    let ends = [low, high].map(|end| [end * least as f32, end * most as f32]);
    let ends = ends.as_flattened();
    let low = ends.iter().copied().fold(f32::INFINITY, f32::min);
    let high = ends.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let limit = spec.max_steps.map(f64::from);
    let (true, Some(limit)) = (low.is_finite() && high.is_finite(), limit) else {
        let factor = match least == most {
            true => least.to_string(),
            false => format!("{least}..{most}"),
        };
        let allowed = "no factor, because its rewards or its episodes have no known bound";
        return Err(Error::refused(&spec.name, "reward", &factor, allowed));
    };
    spec.rewards = (low, high);
    spec.worst_return = match least < 0.0 {
        // What was best may now be worst, and only its bound in each step is known.
        true => f64::from(low.min(0.0)) * limit,
        false => spec.worst_return * most,
    };
    Ok(())
}

/// Fisher and Yates's shuffle.
fn shuffle(actions: &mut [usize], draws: &mut dyn Draws) {
    for last in (1..actions.len()).rev() {
        actions.swap(last, draws.index("permutation", last + 1));
    }
}

impl Environment for Varied {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn dials(&self) -> &'static [Setting] {
        self.inner.dials()
    }

    fn turn(&mut self, dial: usize, value: f64) {
        self.inner.turn(dial, value);
    }

    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        self.draw(draws);
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
        let mut state = self.save_drift();
        state.extend(self.inner.save()?);
        Ok(state)
    }

    fn load(&mut self, state: &[f64]) -> Result<(), Error> {
        let (drift, inner) = self.split(state)?;
        let drift = self.read_drift(drift)?;
        self.inner.load(inner)?;
        self.restore(drift);
        Ok(())
    }

    fn world(&self) -> Vec<f64> {
        let mut world = self.save_drift();
        world.extend(self.inner.world());
        world
    }

    fn hold(&mut self, world: &[f64]) -> Result<(), Error> {
        let (drift, inner) = self.split(world)?;
        let drift = self.read_drift(drift)?;
        self.inner.hold(inner)?;
        self.restore(drift);
        self.held = true;
        Ok(())
    }

    fn render(&self) -> Option<Canvas> {
        self.inner.render()
    }
}
