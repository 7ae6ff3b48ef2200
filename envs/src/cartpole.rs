//! Cart-pole: keep a pole upright on a cart by pushing the cart left or right.

use std::f64::consts::PI;

use settings::{Setting, Settings};

use crate::entry::Make;
use crate::pole_on_cart::{PoleDials, PoleOnCart};
use crate::state::{self, Variable};
use crate::{Canvas, Draws, EnvEntry, EnvKind, EnvSpec, Environment, Error, Space, Step};

const SECONDS_PER_STEP: f64 = 0.02;
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

pub(crate) const ENTRY: EnvEntry = EnvEntry {
    name: "cartpole",
    id: "CartPole-v1",
    summary: "keep a pole upright on a cart; 4 observations, 2 actions, 500 steps",
    kind: EnvKind::Classic,
    native: true,
    make: Make::Plain(|| Box::<CartPole>::default()),
};

/// Cart-pole as in Gymnasium's `CartPole-v1`.
///
/// **State**: the cart's position `x` and velocity `x_dot`, the pole's angle
/// `theta` from upright and its velocity `theta_dot`, in f64.
///
/// **Observation**: the state in f32. The space allows twice the limits below, so that the observation
/// that ends an episode is within it; the velocities are unbounded.
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
/// **Reward**: 1 on every step, including the last.
///
/// **Start**: each of the four uniform in \[-0.05, 0.05).
///
/// **End**: terminates when |x| > 2.4 or |theta| > 12 degrees; limit 500 steps.
/// Solved at a mean return of 475.
///
/// **Source**: Barto, Sutton and Anderson, "Neuronlike adaptive elements that can solve difficult
/// learning control problems" (1983); equations of Florian, "Correct equations for the dynamics of the
/// cart-pole system" (2007), without friction; numbers and order of operations as in Gymnasium 1.4.0.
///
/// **Dials**, under the names of Gymnasium's attributes: `gravity`, `masscart`,
/// `masspole`, `length` (half the pole's) and `force_mag`.
pub struct CartPole {
    spec: EnvSpec,
    state: [f64; 4],
    physics: PoleOnCart,
}

/// At rest; reset it to start an episode.
impl Default for CartPole {
    fn default() -> Self {
        let (x, theta) = ((2.0 * X_LIMIT) as f32, (2.0 * THETA_LIMIT) as f32);
        Self {
            spec: EnvSpec {
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
            physics: PoleOnCart::default(),
        }
    }
}

impl Environment for CartPole {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn dials(&self) -> &'static [Setting] {
        PoleDials::declared()
    }

    fn turn(&mut self, dial: usize, value: f64) {
        self.physics.turn(dial, value);
    }

    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        self.state = STATE.map(|(name, ..)| draws.uniform(name, -START, START));
        observation.copy_from_slice(&self.state.map(|value| value as f32));
    }

    fn step(&mut self, action: usize, _draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        debug_assert!(action < self.spec.actions);
        let push = self.physics.push();
        let force = if action == 1 { push } else { -push };
        self.state = self.physics.step(self.state, force, SECONDS_PER_STEP);
        let [x, _, theta, _] = self.state;
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
        Some(self.physics.draw(x, theta, X_LIMIT))
    }
}
