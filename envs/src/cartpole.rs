//! Cart-pole: keep a pole upright on a cart by pushing the cart left or right.

use std::f64::consts::PI;

use crate::state::{self, Variable};
use crate::{Canvas, Dial, Draws, Entry, Environment, Error, Kind, Space, Spec, Step, cart};

const TAU: f64 = 0.02;
const START: f64 = 0.05;
const X_LIMIT: f64 = 2.4;
const THETA_LIMIT: f64 = 12.0 * 2.0 * PI / 360.0;

const ANY: f64 = f64::INFINITY;
const STATE: [Variable; 4] = [
    ("x", -ANY, ANY),
    ("x_dot", -ANY, ANY),
    ("theta", -ANY, ANY),
    ("theta_dot", -ANY, ANY),
];

const MASSCART: usize = 1;
const MASSPOLE: usize = 2;
const LENGTH: usize = 3;

const DIALS: [Dial; 5] = [
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
];

pub(crate) const ENTRY: Entry = Entry {
    name: "cartpole",
    id: "CartPole-v1",
    summary: "keep a pole upright on a cart; 4 observations, 2 actions, 500 steps",
    kind: Kind::Classic,
    native: true,
    settings: &[],
    make: |_| Ok(Box::new(CartPole::new())),
};

/// Cart-pole as in Gymnasium's `CartPole-v1`.
///
/// **State**: the cart's position `x` and velocity `x_dot`, the pole's angle
/// `theta` from upright and its velocity `theta_dot`, in f64.
///
/// **Observation**: the state in f32. The space allows twice the limits below,
/// so that the observation that ends an episode lies inside it; the velocities
/// have no bound.
///
/// **Actions**: 0 pushes the cart with -10 N, 1 with +10 N.
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
/// then one Euler step of 0.02 s, in which the positions move with the *old*
/// velocities.
///
/// **Reward**: 1 on every step, the last included.
///
/// **Start**: each of the four uniform in \[-0.05, 0.05).
///
/// **End**: terminates when |x| > 2.4 or |theta| > 12 degrees; limit 500 steps.
/// Solved at a mean return of 475.
///
/// **Source**: Barto, Sutton and Anderson, "Neuronlike adaptive elements that can
/// solve difficult learning control problems" (1983); equations of Florian,
/// "Correct equations for the dynamics of the cart-pole system" (2007), without
/// friction; numbers and order of operations of Gymnasium 1.4.0.
///
/// **Dials**, under the names of Gymnasium's attributes: `gravity`, `masscart`,
/// `masspole`, `length` (half the pole's) and `force_mag`.
pub struct CartPole {
    spec: Spec,
    state: [f64; 4],
    dials: [f64; 5],
    total_mass: f64,
    pole_moment: f64,
}

impl CartPole {
    /// A cart-pole at rest; reset it to start an episode.
    pub fn new() -> Self {
        let (x, theta) = ((2.0 * X_LIMIT) as f32, (2.0 * THETA_LIMIT) as f32);
        Self {
            spec: Spec {
                name: ENTRY.name.to_owned(),
                id: ENTRY.id.to_owned(),
                observation: Space::symmetric(&[x, f32::INFINITY, theta, f32::INFINITY]),
                actions: 2,
                max_steps: Some(500),
                reward_threshold: Some(475.0),
                rewards: (1.0, 1.0),
                worst_return: 0.0,
            },
            state: [0.0; 4],
            dials: DIALS.map(|dial| dial.plain),
            total_mass: DIALS[MASSPOLE].plain + DIALS[MASSCART].plain,
            pole_moment: DIALS[MASSPOLE].plain * DIALS[LENGTH].plain,
        }
    }
}

impl Default for CartPole {
    fn default() -> Self {
        Self::new()
    }
}

impl Environment for CartPole {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn dials(&self) -> &'static [Dial] {
        &DIALS
    }

    fn turn(&mut self, dial: usize, value: f64) {
        self.dials[dial] = value;
        self.total_mass = self.dials[MASSPOLE] + self.dials[MASSCART];
        self.pole_moment = self.dials[MASSPOLE] * self.dials[LENGTH];
    }

    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        self.state = STATE.map(|(name, ..)| draws.uniform(name, -START, START));
        observation.copy_from_slice(&self.state.map(|value| value as f32));
    }

    fn step(&mut self, action: usize, _draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        debug_assert!(action < self.spec.actions);
        let [x, x_dot, theta, theta_dot] = self.state;
        let [gravity, _, mass, length, push] = self.dials;
        let (total, moment) = (self.total_mass, self.pole_moment);
        let force = if action == 1 { push } else { -push };
        let (sin, cos) = theta.sin_cos();

        let acc = (force + moment * (theta_dot * theta_dot) * sin) / total;
        let theta_acc =
            (gravity * sin - cos * acc) / (length * (4.0 / 3.0 - mass * (cos * cos) / total));
        let x_acc = acc - moment * theta_acc * cos / total;

        let (x, theta) = (x + TAU * x_dot, theta + TAU * theta_dot);
        self.state = [x, x_dot + TAU * x_acc, theta, theta_dot + TAU * theta_acc];
        observation.copy_from_slice(&self.state.map(|value| value as f32));
        Step {
            reward: 1.0,
            terminated: x.abs() > X_LIMIT || theta.abs() > THETA_LIMIT,
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
        let [x, _, theta, _] = self.state;
        Some(cart::draw(x, theta, self.dials[LENGTH], X_LIMIT))
    }
}
