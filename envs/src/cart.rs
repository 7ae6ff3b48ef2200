//! How a pole on a cart looks.

use crate::Canvas;
use crate::canvas::{BLACK, Colour, WHITE};

const WIDTH: u32 = 600;
const HEIGHT: u32 = 400;
/// The height of the track.
const TRACK: f64 = 100.0;
/// Width and height.
const CART: (f64, f64) = (50.0, 30.0);
const POLE_WIDTH: f64 = 10.0;

const POLE: Colour = [202, 152, 101];
const AXLE: Colour = [129, 132, 203];

/// The cart at `x` metres on a track from `-x_limit` to `x_limit`, its pole, of twice
/// `half_length` metres, at `theta` radians clockwise from upright: 600 x 400 pixels,
/// with the measures and colours of Gymnasium's cart-pole.
pub(crate) fn draw(x: f64, theta: f64, half_length: f64, x_limit: f64) -> Canvas {
    let mut canvas = Canvas::new(WIDTH, HEIGHT, WHITE);
    let scale = f64::from(WIDTH) / (2.0 * x_limit);
    let centre = f64::from(WIDTH) / 2.0 + x * scale;

    let (w, h) = CART;
    canvas.rectangle((centre - w / 2.0, TRACK - h / 2.0), CART, BLACK);

    let (axle_x, axle_y) = (centre, TRACK + h / 4.0);
    let (half, tip) = (
        POLE_WIDTH / 2.0,
        2.0 * half_length * scale - POLE_WIDTH / 2.0,
    );
    let (sin, cos) = theta.sin_cos();
    // Corners across and along the pole, which a turn brings to right and up.
    let pole = [(-half, -half), (-half, tip), (half, tip), (half, -half)].map(|(across, along)| {
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
