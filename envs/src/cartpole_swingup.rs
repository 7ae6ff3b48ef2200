//! Cart-pole swing-up: bring a hanging pole up and hold it, though pushing costs.

use std::f64::consts::{PI, TAU};

use crate::cart;
use crate::state::{self, Variable};
use crate::{Canvas, Dial, Draws, Entry, Environment, Error, Kind, Space, Spec, Step};

/// Seconds of a step.
const DT: f64 = 0.01;
const MAX_TIME: f64 = 10.0;
/// Steps until [`MAX_TIME`] is exceeded: a thousand times 0.01 add up to less than 10.
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
    ("time", 0.0, MAX_TIME + DT),
];

const LENGTH: usize = 3;

const DIALS: [Dial; 7] = [
    Dial {
        key: "gravity",
        plain: 9.8,
        low: 0.0,
        high: 100.0,
        help: "m/s^2, downwards",
    },
    Dial {
        key: "masscart",
        plain: 1.0,
        low: 0.01,
        high: 100.0,
        help: "kg of the cart",
    },
    Dial {
        key: "masspole",
        plain: 0.1,
        low: 0.001,
        high: 100.0,
        help: "kg of the pole",
    },
    Dial {
        key: "length",
        plain: 0.5,
        low: 0.01,
        high: 10.0,
        help: "m, half the pole's length",
    },
    Dial {
        key: "force_mag",
        plain: 10.0,
        low: 0.0,
        high: 1000.0,
        help: "N of a push",
    },
    Dial {
        key: "height_threshold",
        plain: 0.5,
        low: -1.0,
        high: 1.0,
        help: "the pole's height, of 1 upright, above which it counts as up",
    },
    Dial {
        key: "x_reward_threshold",
        plain: 1.0,
        low: 0.0,
        high: X_LIMIT,
        help: "m from the middle within which being up counts",
    },
];

pub(crate) const ENTRY: Entry = Entry {
    name: "cartpole_swingup",
    id: "cartpole_swingup",
    summary: "swing a pole up though pushing costs; 8 observations, 3 actions, 1001 steps",
    kind: Kind::Exploration,
    native: true,
    settings: &[],
    make: |_| Ok(Box::new(CartPoleSwingup::new())),
};

/// Cart-pole swing-up as in bsuite: the pole hangs, nothing is won before it is
/// up, and whoever has not seen that yet does best never to push.
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
/// **Dynamics**: with gravity g = 9.8, cart mass 1, pole mass m = 0.1 (M = 1.1
/// together), half the pole's length l = 0.5, no friction, force F:
///
/// ```text
/// a         = (F + m l theta_dot^2 sin theta) / M
/// theta_acc = (g sin theta - a cos theta) / (l (4/3 - m cos^2 theta / M))
/// x_acc     = a - m l theta_acc cos theta / M
/// ```
///
/// then one Euler step of 0.01 s, in which the positions move with the *old*
/// velocities, and theta is brought back into one turn.
///
/// **Reward**: 1 for a step after which the pole is up, which is cos theta > 0.5
/// and |theta_dot| < 1 and |x| < 1; less 0.1 if the step pushed.
///
/// **Start**: x, x_dot, theta - pi and theta_dot each uniform in \[-0.05, 0.05).
///
/// **End**: terminates when |x| > 3 or the time exceeds 10 s. Since a thousand
/// steps of 0.01 s add up to a little less, that is after 1001 steps, which is
/// also its limit: by itself it never lasts longer.
///
/// **Source**: Osband et al., "Behaviour Suite for Reinforcement Learning" (2020);
/// numbers and order of operations of bsuite 0.3.6,
/// `experiments/cartpole_swingup/cartpole_swingup.py`.
///
/// **Dials**: `gravity`, `masscart`, `masspole`, `length` (half the pole's) and
/// `force_mag`, as in cartpole; `height_threshold` (for cos theta) and
/// `x_reward_threshold`, with which bsuite grades its difficulty: setting n of its
/// 20 has them at n/20 and 1 - n/20.
pub struct CartPoleSwingup {
    spec: Spec,
    state: [f64; 5],
    dials: [f64; 7],
}

impl CartPoleSwingup {
    /// A pole at rest, hanging; reset it to start an episode.
    pub fn new() -> Self {
        let any = (f32::NEG_INFINITY, f32::INFINITY);
        let one = (-1.0, 1.0);
        let time = (0.0, ((MAX_TIME + DT) / MAX_TIME) as f32);
        let least = -MOVE_COST as f32;
        Self {
            spec: Spec {
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
            dials: DIALS.map(|dial| dial.plain),
        }
    }

    fn observe(&self, observation: &mut [f32]) {
        let [x, x_dot, theta, theta_dot, time] = self.state;
        let [.., x_reward] = self.dials;
        let sign = |inside: bool| if inside { 1.0 } else { -1.0 };
        let seen = [
            x / X_LIMIT,
            x_dot / X_LIMIT,
            theta.sin(),
            theta.cos(),
            theta_dot,
            time / MAX_TIME,
            sign(x.abs() < x_reward),
            sign(theta_dot.abs() < THETA_DOT_LIMIT),
        ];
        observation.copy_from_slice(&seen.map(|value| value as f32));
    }
}

impl Default for CartPoleSwingup {
    fn default() -> Self {
        Self::new()
    }
}

impl Environment for CartPoleSwingup {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn dials(&self) -> &'static [Dial] {
        &DIALS
    }

    fn turn(&mut self, dial: usize, value: f64) {
        self.dials[dial] = value;
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
        let [gravity, cart, mass, length, push, height, x_reward] = self.dials;
        let (total, moment) = (cart + mass, mass * length);
        let force = (action as f64 - 1.0) * push;
        let (sin, cos) = theta.sin_cos();

        let acc = (force + moment * (theta_dot * theta_dot) * sin) / total;
        let theta_acc =
            (gravity * sin - cos * acc) / (length * (4.0 / 3.0 - mass * (cos * cos) / total));
        let x_acc = acc - moment * theta_acc * cos / total;

        let (x, x_dot) = (x + DT * x_dot, x_dot + DT * x_acc);
        let theta = (theta + DT * theta_dot).rem_euclid(TAU);
        let theta_dot = theta_dot + DT * theta_acc;
        let time = time + DT;
        self.state = [x, x_dot, theta, theta_dot, time];
        self.observe(observation);

        let up = theta.cos() > height && theta_dot.abs() < THETA_DOT_LIMIT && x.abs() < x_reward;
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
        Some(cart::draw(x, theta, self.dials[LENGTH], X_LIMIT))
    }
}
