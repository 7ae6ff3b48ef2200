//! A pole on a cart, as Gymnasium draws it.

use crate::Canvas;
use crate::canvas::{BLACK, WHITE};

const SIZE: (u32, u32) = (600, 400);
const TRACK: f64 = 100.0;
const POLE_WIDTH: f64 = 10.0;
const CART: (f64, f64) = (50.0, 30.0);

/// The cart at `x` on a track that ends at `-limit` and `limit`; the pole at the
/// angle `theta` from upright, `half` of it `half_length` long.
pub(crate) fn draw(x: f64, theta: f64, half_length: f64, limit: f64) -> Canvas {
    let middle = f64::from(SIZE.0) / 2.0;
    let x = middle + x * middle / limit;
    // At Gymnasium's track of 2.4 a metre is 125 pixels, and so it stays on longer ones: the
    // pole is to be seen.
    let length = 2.0 * half_length * 125.0;
    let mut canvas = Canvas::new(SIZE.0, SIZE.1, WHITE);
    let corner = (x - CART.0 / 2.0, TRACK - CART.1 / 2.0);
    canvas.rectangle(corner, CART, BLACK);
    let axle = (x, TRACK + CART.1 / 4.0);
    let (sin, cos) = theta.sin_cos();
    let on_pole = |(across, up): (f64, f64)| {
        (
            axle.0 + across * cos + up * sin,
            axle.1 - across * sin + up * cos,
        )
    };
    let half = POLE_WIDTH / 2.0;
    let pole = [
        (-half, -half),
        (-half, length - half),
        (half, length - half),
        (half, -half),
    ];
    canvas.polygon(&pole.map(on_pole), [202, 152, 101]);
    canvas.circle(axle, half, [129, 132, 203]);
    canvas.line(&[(0.0, TRACK), (2.0 * middle, TRACK)], 1.0, BLACK);
    canvas
}
