//! Mountain car: rock an underpowered car out of a valley.

use settings::{Setting, Settings};

use crate::canvas::{BLACK, WHITE};
use crate::dials::dials;
use crate::entry::Make;
use crate::state::{self, Variable};
use crate::{Canvas, Draws, EnvEntry, EnvKind, EnvSpec, Environment, Error, Space, Step};

const LEFT: f64 = -1.2;
const RIGHT: f64 = 0.6;
const GOAL: f64 = 0.5;
const MAX_SPEED: f64 = 0.07;
const START: (f64, f64) = (-0.6, -0.4);

const STATE: [Variable; 2] = [
    ("position", LEFT, RIGHT),
    ("velocity", -MAX_SPEED, MAX_SPEED),
];

dials! {
    /// What can be set of a mountain car.
    struct MountainCarDials {
        /// how much the steepest slope reduces the velocity in a step
        gravity = 0.0025, in 0.0..=0.1;
        /// how much the engine adds to the velocity in a step
        force = 0.001, in 0.0..=0.1;
    }
}

pub(crate) const ENTRY: EnvEntry = EnvEntry {
    name: "mountain_car",
    id: "MountainCar-v0",
    summary: "rock a car out of a valley; 2 observations, 3 actions, 200 steps",
    kind: EnvKind::Classic,
    native: true,
    make: Make::Plain(|| Box::<MountainCar>::default()),
};

/// Mountain car as in Gymnasium's `MountainCar-v0`.
///
/// **State**: `position` in \[-1.2, 0.6\] and `velocity` in \[-0.07, 0.07\], in f64.
///
/// **Observation**: the state in f32.
///
/// **Actions**: 0 drives left, 1 idles, 2 drives right.
///
/// **Dynamics**: the ground is sin(3 position), so that
///
/// ```text
/// velocity += 0.001 (action - 1) - 0.0025 cos(3 position)     then clipped
/// position += velocity                                        then clipped
/// ```
///
/// and a car that runs into the left end stops there.
///
/// **Reward**: -1 on every step, including the one that reaches the goal.
///
/// **Start**: position uniform in \[-0.6, -0.4), at rest.
///
/// **End**: terminates when position >= 0.5 with velocity >= 0; limit 200 steps.
/// Solved at a mean return of -110.
///
/// **Source**: Moore, "Efficient memory-based learning for robot control" (1990); numbers and order of
/// operations as in Gymnasium 1.4.0.
///
/// **Dials**, under the names of Gymnasium's attributes: `gravity` and `force`.
pub struct MountainCar {
    spec: EnvSpec,
    position: f64,
    velocity: f64,
    dials: MountainCarDials,
}

/// A car at rest; reset it to start an episode.
impl Default for MountainCar {
    fn default() -> Self {
        Self {
            spec: EnvSpec {
                name: ENTRY.name.to_owned(),
                id: ENTRY.id.to_owned(),
                observation: Space::vector(STATE.map(|(_, low, high)| (low as f32, high as f32))),
                actions: 3,
                max_steps: Some(200),
                reward_threshold: Some(-110.0),
                rewards: (-1.0, -1.0),
                worst_return: -200.0,
            },
            position: START.0,
            velocity: 0.0,
            dials: MountainCarDials::default(),
        }
    }
}

impl MountainCar {
    fn observe(&self, observation: &mut [f32]) {
        observation.copy_from_slice(&[self.position as f32, self.velocity as f32]);
    }
}

impl Environment for MountainCar {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn dials(&self) -> &'static [Setting] {
        MountainCarDials::declared()
    }

    fn turn(&mut self, dial: usize, value: f64) {
        self.dials.turn(dial, value);
    }

    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        self.position = draws.uniform("position", START.0, START.1);
        self.velocity = 0.0;
        self.observe(observation);
    }

    fn step(&mut self, action: usize, _draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        debug_assert!(action < self.spec.actions);
        let MountainCarDials { gravity, force } = self.dials;
        let drive = (action as f64 - 1.0) * force;
        let slope = (3.0 * self.position).cos() * -gravity;
        self.velocity = (self.velocity + (drive + slope)).clamp(-MAX_SPEED, MAX_SPEED);
        self.position = (self.position + self.velocity).clamp(LEFT, RIGHT);
        if self.position == LEFT && self.velocity < 0.0 {
            self.velocity = 0.0;
        }
        self.observe(observation);
        Step {
            reward: -1.0,
            terminated: self.position >= GOAL && self.velocity >= 0.0,
            truncated: false,
        }
    }

    fn save(&self) -> Result<Vec<f64>, Error> {
        Ok(vec![self.position, self.velocity])
    }

    fn load(&mut self, state: &[f64]) -> Result<(), Error> {
        [self.position, self.velocity] = state::read(ENTRY.name, &STATE, state)?;
        Ok(())
    }

    /// As Gymnasium draws it: the hill, the car on its two wheels and the flag.
    fn render(&self) -> Option<Canvas> {
        const SIZE: (u32, u32) = (600, 400);
        const CLEARANCE: f64 = 10.0;
        let scale = f64::from(SIZE.0) / (RIGHT - LEFT);
        let ground = |position: f64| {
            let height = (3.0 * position).sin() * 0.45 + 0.55;
            ((position - LEFT) * scale, height * scale)
        };
        let mut canvas = Canvas::new(SIZE.0, SIZE.1, WHITE);
        let hill = (0..100).map(|i| ground(LEFT + (RIGHT - LEFT) * f64::from(i) / 99.0));
        canvas.line(&hill.collect::<Vec<_>>(), 1.0, BLACK);

        let (x, y) = ground(self.position);
        let (sin, cos) = (3.0 * self.position).cos().sin_cos();
        let on_car = |(along, up): (f64, f64)| {
            let turned = (along * cos - up * sin, along * sin + up * cos);
            (x + turned.0, y + CLEARANCE + turned.1)
        };
        let body = [(-20.0, 0.0), (-20.0, 20.0), (20.0, 20.0), (20.0, 0.0)];
        canvas.polygon(&body.map(on_car), BLACK);
        for wheel in [(10.0, 0.0), (-10.0, 0.0)] {
            canvas.circle(on_car(wheel), 8.0, [128; 3]);
        }

        let (x, foot) = ground(GOAL);
        let top = foot + 50.0;
        canvas.line(&[(x, foot), (x, top)], 1.0, BLACK);
        let flag = [(x, top), (x, top - 10.0), (x + 25.0, top - 5.0)];
        canvas.polygon(&flag, [204, 204, 0]);
        Some(canvas)
    }
}
