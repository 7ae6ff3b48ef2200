//! Adapters to and from gymnasium-rs: [`ToGymnasium`] implements its trait `Env` for every environment
//! here, and [`FromGymnasium`] turns any `Env` into one of our environments.

use std::collections::HashMap;
use std::marker::PhantomData;

use gymnasium_rs::core::{Env, Info, Options, Reward, Space as ForeignSpace};
use ndarray::{Array1, Array3};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::entry::Make;
use crate::{Draws, EnvEntry, EnvKind, EnvSpec, Environment, Error, Space, Step, TimeLimit};

/// gymnasium-rs's own cart-pole, limited to 500 steps. Its **faults** are kept, because without them it
/// would be a different environment:
///
/// - the step on which the pole falls gives a reward of 0, not 1 as in Gymnasium, so returns are lower
///   by one;
/// - the total mass is 1.0, although cart and pole weigh 1.1 together;
/// - the cart's acceleration leaves out the pole's mass, so the pole pushes the
///   cart ten times too hard;
/// - the observation space ends at the angle that ends the episode, so the last
///   observation may lie outside it;
/// - all arithmetic is in f32.
pub(crate) const CARTPOLE: EnvEntry = EnvEntry {
    name: "gymnasium-rs/CartPole",
    id: "gymnasium-rs/CartPole",
    summary: "gymnasium-rs's own cart-pole, which differs from CartPole-v1; 500 steps",
    kind: EnvKind::Foreign,
    native: false,
    make: Make::Plain(|| {
        let env = gymnasium_rs::envs::cartpole::CartPole::new();
        let env = FromGymnasium::new(env, CARTPOLE.name, Some(500), 0.0);
        Box::new(env.expect("its spaces are a box and Discrete(2)"))
    }),
};

/// One of our environments as a gymnasium-rs `Env<Vec<f32>, usize>`, with its time limit.
///
/// - **Seeding**: `reset(Some(seed), ..)` starts a ChaCha8 stream from the bits of the seed, so that
///   all 2^32 seeds differ; `reset(None, ..)` continues the stream. A new environment is seeded with 0,
///   never with the clock.
/// - **Options**: there are none. The info lists given keys under `ignored_options`.
/// - **Info**: `elapsed_steps`; after a step also `TimeLimit.truncated`, true if
///   the episode was cut short and did not terminate on the same step.
/// - **Mistakes** panic with the [`Error`]'s text: an action out of range, a step before the first
///   reset or after the end. The trait cannot return an error, and Gymnasium raises an assertion too.
///   Use [`TimeLimit`] for errors.
/// - Rendering gives \[height, width, 3\] pixels, like Gymnasium's `rgb_array`, or nothing if the
///   environment cannot be drawn. Closing does nothing.
pub struct ToGymnasium {
    env: TimeLimit,
    rng: ChaCha8Rng,
}

impl ToGymnasium {
    /// Wraps an environment.
    pub fn new(env: TimeLimit) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(0);
        Self { env, rng }
    }

    fn info(&self) -> Info {
        let steps = Value::from(self.env.elapsed());
        HashMap::from([("elapsed_steps".to_owned(), steps)])
    }
}

impl Env<Vec<f32>, usize> for ToGymnasium {
    fn observation_space(&self) -> ForeignSpace {
        // gymnasium-rs has only 1-D boxes, so the shape is lost here.
        let space = &self.env.spec().observation;
        ForeignSpace::Box {
            low: Array1::from(space.low.clone()),
            high: Array1::from(space.high.clone()),
        }
    }

    fn action_space(&self) -> ForeignSpace {
        let actions = i32::try_from(self.env.spec().actions);
        ForeignSpace::Discrete(actions.unwrap_or(i32::MAX))
    }

    fn reset(&mut self, seed: Option<i32>, options: Options) -> (Vec<f32>, Info) {
        if let Some(seed) = seed {
            self.rng = ChaCha8Rng::seed_from_u64(u64::from(seed as u32));
        }
        let mut observation = vec![0.0; self.env.spec().observation.len()];
        self.env.reset(&mut self.rng, &mut observation);
        let mut info = self.info();
        if !options.is_empty() {
            let mut keys: Vec<_> = options.into_keys().collect();
            keys.sort_unstable();
            info.insert("ignored_options".to_owned(), Value::from(keys));
        }
        (observation, info)
    }

    fn step(&mut self, action: usize) -> (Vec<f32>, Reward, bool, bool, Info) {
        let mut observation = vec![0.0; self.env.spec().observation.len()];
        let step = match self.env.step(action, &mut self.rng, &mut observation) {
            Ok(step) => step,
            Err(error) => panic!("{error}"),
        };
        let mut info = self.info();
        let cut = Value::from(step.truncated && !step.terminated);
        info.insert("TimeLimit.truncated".to_owned(), cut);
        (
            observation,
            step.reward,
            step.terminated,
            step.truncated,
            info,
        )
    }

    fn render(&self) -> Option<Array3<u8>> {
        let canvas = self.env.render()?;
        let (width, height) = canvas.size();
        let shape = (height as usize, width as usize, 3);
        Array3::from_shape_vec(shape, canvas.rgb()).ok()
    }

    fn close(&mut self) {}
}

/// Any gymnasium-rs `Env` as one of our environments.
///
/// Every reset seeds it with a number drawn from our stream, which therefore determines the episode.
/// Its state stays hidden: saving and loading are errors. Info is dropped.
///
/// Observations may be of any type whose items can be iterated as `&f32` (`Vec<f32>`, `Array1<f32>`),
/// actions of any type that a `usize` converts to (`usize`, `i32`).
pub struct FromGymnasium<E, Obs, Act> {
    env: E,
    spec: EnvSpec,
    types: PhantomData<fn(Act) -> Obs>,
}

impl<E, Obs, Act> FromGymnasium<E, Obs, Act>
where
    E: Env<Obs, Act>,
    Act: TryFrom<usize>,
{
    /// Wraps `env` under `name`. Its spaces must be a box and a discrete one, and no episode's
    /// return may be below `worst_return`.
    pub fn new(
        env: E,
        name: &str,
        max_steps: Option<u32>,
        worst_return: f64,
    ) -> Result<Self, Error> {
        let spec = EnvSpec {
            name: name.to_owned(),
            id: name.to_owned(),
            observation: observation_space(name, env.observation_space())?,
            actions: action_space::<Act>(name, env.action_space())?,
            max_steps,
            reward_threshold: None,
            rewards: (f32::NEG_INFINITY, f32::INFINITY),
            worst_return,
        };
        let types = PhantomData;
        Ok(Self { env, spec, types })
    }

    fn hidden(&self, verb: &'static str) -> Error {
        let name = self.spec.name.clone();
        Error::Hidden { name, verb }
    }
}

impl<E, Obs, Act> Environment for FromGymnasium<E, Obs, Act>
where
    E: Env<Obs, Act> + Send,
    for<'a> &'a Obs: IntoIterator<Item = &'a f32>,
    Act: TryFrom<usize>,
{
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        // Seeds are below 2^31, because the trait takes an i32.
        let seed = draws.index("seed", i32::MAX as usize + 1) as i32;
        let (seen, _info) = self.env.reset(Some(seed), HashMap::new());
        copy(&seen, observation);
    }

    fn step(&mut self, action: usize, _draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        debug_assert!(action < self.spec.actions);
        let Ok(action) = Act::try_from(action) else {
            unreachable!("the last action was converted in `new`")
        };
        let (seen, reward, terminated, truncated, _info) = self.env.step(action);
        copy(&seen, observation);
        Step {
            reward,
            terminated,
            truncated,
        }
    }

    fn save(&self) -> Result<Vec<f64>, Error> {
        Err(self.hidden("saved"))
    }

    fn load(&mut self, _state: &[f64]) -> Result<(), Error> {
        Err(self.hidden("loaded"))
    }
}

fn copy<'a>(seen: impl IntoIterator<Item = &'a f32>, observation: &mut [f32]) {
    let mut seen = seen.into_iter();
    for place in &mut *observation {
        *place = *seen.next().expect("an observation as long as its space");
    }
    assert!(
        seen.next().is_none(),
        "an observation longer than its space"
    );
}

fn observation_space(name: &str, space: ForeignSpace) -> Result<Space, Error> {
    match space {
        ForeignSpace::Box { low, high } if low.len() == high.len() => {
            Ok(Space::vector(low.into_iter().zip(high)))
        }
        other => Err(Error::Space {
            name: name.to_owned(),
            which: "observation",
            expected: "a box with as many lows as highs",
            found: format!("{other:?}"),
        }),
    }
}

fn action_space<Act: TryFrom<usize>>(name: &str, space: ForeignSpace) -> Result<usize, Error> {
    match space {
        ForeignSpace::Discrete(n @ 1..) if Act::try_from(n as usize - 1).is_ok() => Ok(n as usize),
        other => Err(Error::Space {
            name: name.to_owned(),
            which: "action",
            expected: "discrete, with at least one action and all within the action's type",
            found: format!("{other:?}"),
        }),
    }
}
