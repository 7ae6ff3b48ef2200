//! A pole on a cart: its physics and its picture, for cart-pole and its swing-up.

use crate::Canvas;
use crate::canvas::{BLACK, Colour, WHITE};
use crate::dials::dials;

const WIDTH: u32 = 600;
const HEIGHT: u32 = 400;
/// The height of the track.
const TRACK: f64 = 100.0;
/// Width and height.
const CART: (f64, f64) = (50.0, 30.0);
const POLE_WIDTH: f64 = 10.0;

const POLE: Colour = [202, 152, 101];
const AXLE: Colour = [129, 132, 203];

dials! {
    /// What can be set of a pole on a cart, under the names of Gymnasium's attributes.
    pub(crate) struct PoleDials {
        /// m/s^2, downwards
        gravity = 9.8, in 0.0..=100.0;
        /// kg of the cart
        masscart = 1.0, in 0.01..=100.0;
        /// kg of the pole
        masspole = 0.1, in 0.001..=100.0;
        /// m, half the pole's length
        length = 0.5, in 0.01..=10.0;
        /// N of a push
        force_mag = 10.0, in 0.0..=1000.0;
    }
}

/// The physics of a pole on a cart, without friction.
pub(crate) struct PoleOnCart {
    dials: PoleDials,
    total_mass: f64,
    pole_moment: f64,
}

impl Default for PoleOnCart {
    fn default() -> Self {
        Self::new(PoleDials::default())
    }
}

impl PoleOnCart {
    fn new(dials: PoleDials) -> Self {
        Self {
            total_mass: dials.masspole + dials.masscart,
            pole_moment: dials.masspole * dials.length,
            dials,
        }
    }

    /// Sets the dial at this index.
    pub fn turn(&mut self, dial: usize, value: f64) {
        self.dials.turn(dial, value);
        *self = Self::new(self.dials.clone());
    }

    /// The force of a push, in N.
    pub fn push(&self) -> f64 {
        self.dials.force_mag
    }

    /// One Euler step of `dt` seconds under `force`, in which the positions move with the old
    /// velocities. The state is the cart's position and velocity, then the pole's angle and its
    /// velocity.
    #[inline]
    pub fn step(&self, [x, x_dot, theta, theta_dot]: [f64; 4], force: f64, dt: f64) -> [f64; 4] {
        let PoleDials {
            gravity,
            masspole: mass,
            length,
            ..
        } = self.dials;
        let (total, moment) = (self.total_mass, self.pole_moment);
        let (sin, cos) = theta.sin_cos();

        let acc = (force + moment * (theta_dot * theta_dot) * sin) / total;
        let theta_acc =
            (gravity * sin - cos * acc) / (length * (4.0 / 3.0 - mass * (cos * cos) / total));
        let x_acc = acc - moment * theta_acc * cos / total;
        [
            x + dt * x_dot,
            x_dot + dt * x_acc,
            theta + dt * theta_dot,
            theta_dot + dt * theta_acc,
        ]
    }

    /// The cart at `x` metres on a track from `-x_limit` to `x_limit`, with its pole at `theta` radians
    /// clockwise from upright: 600 x 400 pixels, in the dimensions and colours of Gymnasium's
    /// cart-pole.
    pub fn draw(&self, x: f64, theta: f64, x_limit: f64) -> Canvas {
        let mut canvas = Canvas::new(WIDTH, HEIGHT, WHITE);
        let scale = f64::from(WIDTH) / (2.0 * x_limit);
        let centre = f64::from(WIDTH) / 2.0 + x * scale;

        let (w, h) = CART;
        canvas.rectangle((centre - w / 2.0, TRACK - h / 2.0), CART, BLACK);

        let (axle_x, axle_y) = (centre, TRACK + h / 4.0);
        let half = POLE_WIDTH / 2.0;
        let tip = 2.0 * self.dials.length * scale - half;
        let (sin, cos) = theta.sin_cos();
        // Corners across and along the pole, rotated to right and up.
        let corners = [(-half, -half), (-half, tip), (half, tip), (half, -half)];
        let pole = corners.map(|(across, along)| {
            let right = across * cos + along * sin;
            let up = along * cos - across * sin;
            (axle_x + right, axle_y + up)
        });
        canvas.polygon(&pole, POLE);
        canvas.circle((axle_x, axle_y), half, AXLE);
        // Through the middle of a row of pixels.
        let track = TRACK + 0.5;
        canvas.line(&[(0.0, track), (f64::from(WIDTH), track)], 1.0, BLACK);
        canvas
    }
}
