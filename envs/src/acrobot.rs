//! Acrobot: swing a two-link pendulum up by the joint between its links.

use std::array;
use std::f64::consts::{FRAC_PI_2, PI};

use settings::{Setting, Settings};

use crate::canvas::{BLACK, WHITE};
use crate::dials::dials;
use crate::entry::Make;
use crate::state::{self, Variable};
use crate::{Canvas, Draws, EnvEntry, EnvKind, EnvSpec, Environment, Error, Space, Step};

const CENTRE_1: f64 = 0.5;
const CENTRE_2: f64 = 0.5;
const INERTIA: f64 = 1.0;
const DT: f64 = 0.2;
const MAX_SPEED_1: f64 = 4.0 * PI;
const MAX_SPEED_2: f64 = 9.0 * PI;
const START: f64 = 0.1;
const GOAL: f64 = 1.0;

const STATE: [Variable; 4] = [
    ("theta1", -PI, PI),
    ("theta2", -PI, PI),
    ("theta1_dot", -MAX_SPEED_1, MAX_SPEED_1),
    ("theta2_dot", -MAX_SPEED_2, MAX_SPEED_2),
];

dials! {
    /// What can be set of an acrobot.
    struct AcrobotDials {
        /// m/s^2, downwards
        gravity = 9.8, in 0.0..=100.0;
        /// m of the first link
        link_length_1 = 1.0, in 0.1..=10.0;
        /// kg of the first link
        link_mass_1 = 1.0, in 0.01..=100.0;
        /// kg of the second link
        link_mass_2 = 1.0, in 0.01..=100.0;
        /// N m on the joint between the links
        torque = 1.0, in 0.0..=100.0;
    }
}

pub(crate) const ENTRY: EnvEntry = EnvEntry {
    name: "acrobot",
    id: "Acrobot-v1",
    summary: "swing up a two-link pendulum; 6 observations, 3 actions, 500 steps",
    kind: EnvKind::Classic,
    native: true,
    make: Make::Plain(|| Box::<Acrobot>::default()),
};

/// Acrobot as in Gymnasium's `Acrobot-v1`.
///
/// **State**: the angle `theta1` of the first link from hanging down, the angle
/// `theta2` of the second relative to the first, and their velocities, in f64.
///
/// **Observation**: cos theta1, sin theta1, cos theta2, sin theta2 and the two
/// velocities, in f32.
///
/// **Actions**: torque -1, 0 or +1 N m on the joint between the links.
///
/// **Dynamics**: both links have length 1, mass 1, their centre at 0.5 and moment
/// of inertia 1; g = 9.8; torque u. With t1, t2 for the angles and w1, w2 for the
/// velocities:
///
/// ```text
/// d1   = m1 c1^2 + m2 (l1^2 + c2^2 + 2 l1 c2 cos t2) + I + I
/// d2   = m2 (c2^2 + l1 c2 cos t2) + I
/// phi2 = m2 c2 g cos(t1 + t2 - pi/2)
/// phi1 = -m2 l1 c2 w2^2 sin t2 - 2 m2 l1 c2 w2 w1 sin t2
///        + (m1 c1 + m2 l1) g cos(t1 - pi/2) + phi2
/// w2'  = (u + d2/d1 phi1 - m2 l1 c2 w1^2 sin t2 - phi2) / (m2 c2^2 + I - d2^2/d1)
/// w1'  = -(d2 w2' + phi1) / d1
/// ```
///
/// (the book's equations, not those of the NIPS paper), one Runge-Kutta step of
/// fourth order over 0.2 s; then the angles are wrapped into \[-pi, pi\] and the
/// velocities clipped to 4 pi and 9 pi.
///
/// **Reward**: -1 on every step except the one that reaches the goal, which gives 0.
///
/// **Start**: each of the four uniform in \[-0.1, 0.1), rounded to f32.
///
/// **End**: terminates when the free end is more than one link's length above the fixed end, -cos t1 -
/// cos(t1 + t2) > 1; limit 500 steps. Solved at a mean return of -100.
///
/// **Source**: Sutton, "Generalization in reinforcement learning: successful examples using sparse
/// coarse coding" (1996), with the equations of Sutton and Barto's book; numbers and order of
/// operations as in Gymnasium 1.4.0.
///
/// **Dials**: `gravity`, and, under the names of Gymnasium's attributes, `link_length_1`,
/// `link_mass_1`, `link_mass_2` and `torque`. The goal does not move with them.
pub struct Acrobot {
    spec: EnvSpec,
    state: [f64; 4],
    dials: AcrobotDials,
}

/// An acrobot hanging still; reset it to start an episode.
impl Default for Acrobot {
    fn default() -> Self {
        let (fast1, fast2) = (MAX_SPEED_1 as f32, MAX_SPEED_2 as f32);
        Self {
            spec: EnvSpec {
                name: ENTRY.name.to_owned(),
                id: ENTRY.id.to_owned(),
                observation: Space::symmetric(&[1.0, 1.0, 1.0, 1.0, fast1, fast2]),
                actions: 3,
                max_steps: Some(500),
                reward_threshold: Some(-100.0),
                rewards: (-1.0, 0.0),
                worst_return: -500.0,
            },
            state: [0.0; 4],
            dials: AcrobotDials::default(),
        }
    }
}

impl Acrobot {
    fn observe(&self, observation: &mut [f32]) {
        let [theta1, theta2, dot1, dot2] = self.state;
        let ((sin1, cos1), (sin2, cos2)) = (theta1.sin_cos(), theta2.sin_cos());
        observation
            .copy_from_slice(&[cos1, sin1, cos2, sin2, dot1, dot2].map(|value| value as f32));
    }
}

impl Environment for Acrobot {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn dials(&self) -> &'static [Setting] {
        AcrobotDials::declared()
    }

    fn turn(&mut self, dial: usize, value: f64) {
        self.dials.turn(dial, value);
    }

    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        // Gymnasium stores the start state, and only that one, in f32.
        self.state = STATE.map(|(name, ..)| f64::from(draws.uniform(name, -START, START) as f32));
        self.observe(observation);
    }

    fn step(&mut self, action: usize, _draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        debug_assert!(action < self.spec.actions);
        let torque = (action as f64 - 1.0) * self.dials.torque;
        let [theta1, theta2, dot1, dot2] = runge_kutta(&self.dials, self.state, torque);
        let (theta1, theta2) = (wrap(theta1), wrap(theta2));
        self.state = [
            theta1,
            theta2,
            dot1.clamp(-MAX_SPEED_1, MAX_SPEED_1),
            dot2.clamp(-MAX_SPEED_2, MAX_SPEED_2),
        ];
        self.observe(observation);
        let terminated = -theta1.cos() - (theta2 + theta1).cos() > GOAL;
        Step {
            reward: if terminated { 0.0 } else { -1.0 },
            terminated,
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

    /// As Gymnasium draws it: two links, their joints and the line to cross.
    fn render(&self) -> Option<Canvas> {
        const SIDE: u32 = 500;
        const LINK_LENGTH_2: f64 = 1.0;
        let length1 = self.dials.link_length_1;
        let middle = f64::from(SIDE) / 2.0;
        let scale = middle / (length1 + LINK_LENGTH_2 + 0.2);
        let [theta1, theta2, ..] = self.state;
        let mut canvas = Canvas::new(SIDE, SIDE, WHITE);
        let line = middle + GOAL * scale;
        canvas.line(&[(0.0, line), (2.0 * middle, line)], 1.0, BLACK);
        let mut joint = (middle, middle);
        for (angle, length) in [(theta1, length1), (theta1 + theta2, LINK_LENGTH_2)] {
            let (sin, cos) = angle.sin_cos();
            let end = (
                joint.0 + length * sin * scale,
                joint.1 - length * cos * scale,
            );
            let side = (0.1 * scale * cos, 0.1 * scale * sin);
            let corners = [
                (joint.0 - side.0, joint.1 - side.1),
                (joint.0 + side.0, joint.1 + side.1),
                (end.0 + side.0, end.1 + side.1),
                (end.0 - side.0, end.1 - side.1),
            ];
            canvas.polygon(&corners, [0, 204, 204]);
            canvas.circle(joint, 0.1 * scale, [204, 204, 0]);
            joint = end;
        }
        Some(canvas)
    }
}

fn runge_kutta(dials: &AcrobotDials, start: [f64; 4], torque: f64) -> [f64; 4] {
    let ahead = |k: [f64; 4], dt: f64| array::from_fn(|i| start[i] + dt * k[i]);
    let derivative = |state| derivative(dials, state, torque);
    let k1 = derivative(start);
    let k2 = derivative(ahead(k1, DT / 2.0));
    let k3 = derivative(ahead(k2, DT / 2.0));
    let k4 = derivative(ahead(k3, DT));
    array::from_fn(|i| start[i] + DT / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]))
}

fn derivative(
    dials: &AcrobotDials,
    [theta1, theta2, dot1, dot2]: [f64; 4],
    torque: f64,
) -> [f64; 4] {
    let &AcrobotDials {
        gravity,
        link_length_1: length1,
        link_mass_1: mass1,
        link_mass_2: mass2,
        ..
    } = dials;
    let coupling = mass2 * length1 * CENTRE_2;
    let (sin2, cos2) = theta2.sin_cos();
    let d1 = mass1 * (CENTRE_1 * CENTRE_1)
        + mass2 * (length1 * length1 + CENTRE_2 * CENTRE_2 + 2.0 * length1 * CENTRE_2 * cos2)
        + INERTIA
        + INERTIA;
    let d2 = mass2 * (CENTRE_2 * CENTRE_2 + length1 * CENTRE_2 * cos2) + INERTIA;
    let phi2 = mass2 * CENTRE_2 * gravity * (theta1 + theta2 - FRAC_PI_2).cos();
    let phi1 = -coupling * (dot2 * dot2) * sin2 - 2.0 * coupling * dot2 * dot1 * sin2
        + (mass1 * CENTRE_1 + mass2 * length1) * gravity * (theta1 - FRAC_PI_2).cos()
        + phi2;
    let acc2 = (torque + d2 / d1 * phi1 - coupling * (dot1 * dot1) * sin2 - phi2)
        / (mass2 * (CENTRE_2 * CENTRE_2) + INERTIA - d2 * d2 / d1);
    let acc1 = -(d2 * acc2 + phi1) / d1;
    [dot1, dot2, acc1, acc2]
}

/// Brings an angle back into \[-pi, pi\] by whole turns. The loops are short because speeds are
/// clipped, so no step turns far.
fn wrap(mut angle: f64) -> f64 {
    while angle > PI {
        angle -= 2.0 * PI;
    }
    while angle < -PI {
        angle += 2.0 * PI;
    }
    angle
}
