//! Cart-pole swing-up: bring a hanging pole up and hold it there, although pushing costs.

use std::f64::consts::{PI, TAU};
use std::sync::LazyLock;

use settings::{Setting, Settings};

use crate::dials::dials;
use crate::entry::Make;
use crate::pole_on_cart::{PoleDials, PoleOnCart};
use crate::state::{self, Variable};
use crate::{Canvas, Draws, EnvEntry, EnvKind, EnvSpec, Environment, Error, Space, Step};

const SECONDS_PER_STEP: f64 = 0.01;
const MAX_TIME: f64 = 10.0;
/// The step at which [`MAX_TIME`] is exceeded: 0.01 added up a thousand times is less than 10.
const MAX_STEPS: u32 = 1001;
const START: f64 = 0.05;
const X_LIMIT: f64 = 3.0;
const THETA_DOT_LIMIT: f64 = 1.0;
const MOVE_COST: f64 = 0.1;

const ANY: f64 = f64::INFINITY;
const STATE: [Variable; 5] = [
    ("x", -ANY, ANY),
    ("x_dot", -ANY, ANY),
    ("theta", 0.0, TAU),
    ("theta_dot", -ANY, ANY),
    ("time", 0.0, MAX_TIME + SECONDS_PER_STEP),
];

dials! {
    /// What counts as up.
    struct UpDials {
        /// the pole's height (1 is upright) above which it counts as up
        height_threshold = 0.5, in -1.0..=1.0;
        /// m from the middle within which being up counts
        x_reward_threshold = 1.0, in 0.0..=X_LIMIT;
    }
}

static DIALS: LazyLock<Vec<Setting>> =
    LazyLock::new(|| [PoleDials::declared(), UpDials::declared()].concat());

pub(crate) const ENTRY: EnvEntry = EnvEntry {
    name: "cartpole_swingup",
    id: "cartpole_swingup",
    summary: "swing a pole up though pushing costs; 8 observations, 3 actions, 1001 steps",
    kind: EnvKind::Exploration,
    native: true,
    make: Make::Plain(|| Box::<CartPoleSwingup>::default()),
};

/// Cart-pole swing-up as in bsuite: the pole hangs, there is no reward before it is up, and an agent
/// that has never seen that reward does best not to push.
///
/// **State**: the cart's position `x` and velocity `x_dot`, the pole's angle
/// `theta` from upright in \[0, 2 pi\] and its velocity `theta_dot`, and the `time`
/// in seconds, in f64.
///
/// **Observation**: 8 numbers in f32: x / 3, x_dot / 3, sin theta, cos theta,
/// theta_dot, time / 10; then 1 if |x| < 1 and -1 if not, and the same for
/// |theta_dot| < 1.
///
/// **Actions**: 0 pushes the cart with -10 N, 1 does not push, 2 pushes with +10 N.
///
/// **Dynamics**: the physics of [`CartPole`](crate::cartpole::CartPole), in Euler steps of 0.01 s
/// rather than 0.02 s; after each, theta is brought back into one turn.
///
/// **Reward**: 1 for a step after which the pole is up, which means cos theta > 0.5, |theta_dot| < 1
/// and |x| < 1; minus 0.1 if the step pushed.
///
/// **Start**: x, x_dot, theta - pi and theta_dot each uniform in \[-0.05, 0.05).
///
/// **End**: terminates when |x| > 3 or the time exceeds 10 s. A thousand steps of 0.01 s add up to
/// slightly less than 10 s, so that happens after 1001 steps, which is also the time limit.
///
/// **Source**: Osband et al., "Behaviour Suite for Reinforcement Learning" (2020); numbers and order of
/// operations as in bsuite 0.3.6, `experiments/cartpole_swingup/cartpole_swingup.py`.
///
/// **Dials**: `gravity`, `masscart`, `masspole`, `length` (half the pole's) and `force_mag`, as in
/// cartpole; `height_threshold` (for cos theta) and `x_reward_threshold`, with which bsuite sets its
/// difficulty: setting n of its 20 has them at n/20 and 1 - n/20.
pub struct CartPoleSwingup {
    spec: EnvSpec,
    state: [f64; 5],
    physics: PoleOnCart,
    up: UpDials,
}

/// At rest, the pole hanging; reset it to start an episode.
impl Default for CartPoleSwingup {
    fn default() -> Self {
        let any = (f32::NEG_INFINITY, f32::INFINITY);
        let one = (-1.0, 1.0);
        let time = (0.0, ((MAX_TIME + SECONDS_PER_STEP) / MAX_TIME) as f32);
        let least = -MOVE_COST as f32;
        Self {
            spec: EnvSpec {
                name: ENTRY.name.to_owned(),
                id: ENTRY.id.to_owned(),
                observation: Space::vector([any, any, one, one, any, time, one, one]),
                actions: 3,
                max_steps: Some(MAX_STEPS),
                reward_threshold: None,
                rewards: (least, 1.0),
                worst_return: f64::from(least) * f64::from(MAX_STEPS),
            },
            state: [0.0, 0.0, PI, 0.0, 0.0],
            physics: PoleOnCart::default(),
            up: UpDials::default(),
        }
    }
}

impl CartPoleSwingup {
    fn observe(&self, observation: &mut [f32]) {
        let [x, x_dot, theta, theta_dot, time] = self.state;
        let sign = |inside: bool| if inside { 1.0 } else { -1.0 };
        let seen = [
            x / X_LIMIT,
            x_dot / X_LIMIT,
            theta.sin(),
            theta.cos(),
            theta_dot,
            time / MAX_TIME,
            sign(x.abs() < self.up.x_reward_threshold),
            sign(theta_dot.abs() < THETA_DOT_LIMIT),
        ];
        observation.copy_from_slice(&seen.map(|value| value as f32));
    }
}

impl Environment for CartPoleSwingup {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn dials(&self) -> &'static [Setting] {
        &DIALS
    }

    fn turn(&mut self, dial: usize, value: f64) {
        match dial.checked_sub(PoleDials::declared().len()) {
            None => self.physics.turn(dial, value),
            Some(place) => self.up.turn(place, value),
        }
    }

    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        let mut start = |name| draws.uniform(name, -START, START);
        self.state = [
            start("x"),
            start("x_dot"),
            PI + start("theta"),
            start("theta_dot"),
            0.0,
        ];
        self.observe(observation);
    }

    fn step(&mut self, action: usize, _draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        debug_assert!(action < self.spec.actions);
        let [x, x_dot, theta, theta_dot, time] = self.state;
        let force = (action as f64 - 1.0) * self.physics.push();
        let before = [x, x_dot, theta, theta_dot];
        let [x, x_dot, theta, theta_dot] = self.physics.step(before, force, SECONDS_PER_STEP);
        let theta = theta.rem_euclid(TAU);
        let time = time + SECONDS_PER_STEP;
        self.state = [x, x_dot, theta, theta_dot, time];
        self.observe(observation);

        let up = theta.cos() > self.up.height_threshold
            && theta_dot.abs() < THETA_DOT_LIMIT
            && x.abs() < self.up.x_reward_threshold;
        let mut reward = if action == 1 { 0.0 } else { -MOVE_COST };
        if up {
            reward += 1.0;
        }
        Step {
            reward: reward as f32,
            terminated: time > MAX_TIME || x.abs() > X_LIMIT,
            truncated: false,
        }
    }

    fn save(&self) -> Result<Vec<f64>, Error> {
        Ok(self.state.to_vec())
    }

    fn load(&mut self, state: &[f64]) -> Result<(), Error> {
        self.state = state::read(ENTRY.name, &STATE, state)?;
        Ok(())
    }

    fn render(&self) -> Option<Canvas> {
        let [x, _, theta, ..] = self.state;
        Some(self.physics.draw(x, theta, X_LIMIT))
    }
}
