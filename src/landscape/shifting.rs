//! Surfaces with random gradients, some with a minimum that moves.

use std::f64::consts::TAU;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::surface::{Surface, SurfaceKind};

/// The probability that a step sees the rare feature of `sparse`.
const RARE: f64 = 0.04;

/// The width of the rounded bends of `sparse`.
const BEND: f64 = 0.02;

pub(super) const SPARSE: Surface = Surface {
    name: "sparse",
    summary: "absolute errors; the gradient of y is 0 in 24 steps of 25",
    formula: "r(x) + 0.04 r(y), r(e) = √(e² + 0.02²) - 0.02; y is seen in 1 step of 25, then as r'(y)",
    source: "a rare feature with an absolute loss, the case of Duchi, Hazan & Singer 2011",
    domain: [(-2.6, 0.9), (-2.3, 0.5)],
    start: [-2.0, -2.0],
    steps: 600,
    kind: SurfaceKind::Random(|[x, y], rng| {
        let seen = rng.random_bool(RARE);
        [x, if seen { y / RARE } else { 0.0 }]
    }),
    averaged: false,
    minimum: |_| [0.0, 0.0],
    value: |[x, y], _| rounded(x, BEND) + RARE * rounded(y, BEND),
    gradient: |[x, y], _| [slope(x, BEND), RARE * slope(y, BEND)],
};

/// An absolute value with a rounded bend.
fn rounded(e: f64, bend: f64) -> f64 {
    e.hypot(bend) - bend
}

fn slope(e: f64, bend: f64) -> f64 {
    e / e.hypot(bend)
}

pub(super) const NOISY: Surface = Surface {
    name: "noisy",
    summary: "two equal slopes, with noise on the gradient of y alone, three times as large as it",
    formula: "r(x) + r(y), r(e) = √(e² + 1) - 1; on y's gradient, noise of deviation 3",
    source: "per-coordinate gradient noise, the case of Kingma & Ba 2015, sec. 2.1",
    domain: [(-7.0, 2.5), (-7.0, 2.5)],
    start: [-6.0, -6.0],
    steps: 400,
    kind: SurfaceKind::Random(|[x, y], rng| [x, y + noise(3.0, rng)]),
    averaged: false,
    minimum: |_| [0.0, 0.0],
    value: |[x, y], _| rounded(x, 1.0) + rounded(y, 1.0),
    gradient: |[x, y], _| [slope(x, 1.0), slope(y, 1.0)],
};

/// Uniform noise of standard deviation `deviation`.
fn noise(deviation: f64, rng: &mut ChaCha8Rng) -> f64 {
    deviation * 3f64.sqrt() * rng.random_range(-1.0..1.0)
}

pub(super) const DRIFT: Surface = Surface {
    name: "drift",
    summary: "a noisy bowl whose minimum goes round a circle, once in 100 steps",
    formula: "((x - a)² + (y - b)²) / 2, (a, b) on a circle of radius 2; noise of deviation 1",
    source: "tracking a moving minimum; Widrow et al. 1976",
    domain: BOWL,
    start: [0.0, 0.0],
    steps: 400,
    kind: SurfaceKind::Shifting(with_noise),
    averaged: true,
    minimum: |t| circling(t, 100.0),
    value: |at, t| bowl(at, circling(t, 100.0)),
    gradient: |at, t| towards(at, circling(t, 100.0)),
};

pub(super) const SLOW_DRIFT: Surface = Surface {
    name: "slow_drift",
    summary: "the same bowl, whose minimum takes 300 steps to go round",
    formula: "((x - a)² + (y - b)²) / 2, (a, b) on a circle of radius 2; noise of deviation 1",
    source: "`drift`, slower",
    domain: BOWL,
    start: [0.0, 0.0],
    steps: 400,
    kind: SurfaceKind::Shifting(with_noise),
    averaged: true,
    minimum: |t| circling(t, 300.0),
    value: |at, t| bowl(at, circling(t, 300.0)),
    gradient: |at, t| towards(at, circling(t, 300.0)),
};

/// The domain of every bowl, with room to overshoot.
const BOWL: [(f64, f64); 2] = [(-4.2, 4.2), (-3.3, 3.3)];

fn with_noise(gradient: [f64; 2], rng: &mut ChaCha8Rng) -> [f64; 2] {
    gradient.map(|g| g + noise(1.0, rng))
}

fn circling(t: u64, period: f64) -> [f64; 2] {
    let angle = TAU * t as f64 / period;
    [2.0 * angle.cos(), 2.0 * angle.sin()]
}

fn bowl(at: [f64; 2], centre: [f64; 2]) -> f64 {
    let [x, y] = towards(at, centre);
    0.5 * (x * x + y * y)
}

fn towards(at: [f64; 2], centre: [f64; 2]) -> [f64; 2] {
    [at[0] - centre[0], at[1] - centre[1]]
}

pub(super) const JUMP: Surface = Surface {
    name: "jump",
    summary: "the same noisy bowl, whose minimum leaps to another place every 100 steps",
    formula: "((x - a)² + (y - b)²) / 2, (a, b) leaps every 100 steps; noise of deviation 1",
    source: "a task that changes suddenly, as when an agent enters a new region",
    domain: BOWL,
    start: [0.0, 0.0],
    steps: 400,
    kind: SurfaceKind::Shifting(with_noise),
    averaged: true,
    minimum: leaping,
    value: |at, t| bowl(at, leaping(t)),
    gradient: |at, t| towards(at, leaping(t)),
};

/// A corner of a five-pointed star, so that all leaps have the same length; the first one for steps 1 to 100.
fn leaping(t: u64) -> [f64; 2] {
    let angle = TAU * (0.25 + 0.4 * (t.saturating_sub(1) / 100) as f64);
    [2.0 * angle.cos(), 2.0 * angle.sin()]
}

pub(super) const STILL: Surface = Surface {
    name: "still",
    summary: "the same noisy bowl with a fixed minimum, to compare the moving ones with",
    formula: "(x² + (y - 2)²) / 2; noise of deviation 1",
    source: "`jump` without its leaps",
    domain: BOWL,
    start: [0.0, 0.0],
    steps: 400,
    kind: SurfaceKind::Random(with_noise),
    averaged: true,
    minimum: |_| leaping(0),
    value: |at, _| bowl(at, leaping(0)),
    gradient: |at, _| towards(at, leaping(0)),
};
