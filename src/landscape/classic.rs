//! Surfaces that do not change, whose exact gradient the optimiser sees.

use super::surface::{Surface, SurfaceKind};

pub(super) const BEALE: Surface = Surface {
    name: "beale",
    summary: "steep walls around a flat, curved valley",
    formula: "(1.5 - x + xy)² + (2.25 - x + xy²)² + (2.625 - x + xy³)²",
    source: "Beale 1958; Moré, Garbow & Hillstrom 1981, no. 5",
    domain: [(-0.5, 4.5), (-2.0, 2.0)],
    start: [1.0, 1.5],
    steps: 400,
    kind: SurfaceKind::Exact,
    averaged: false,
    minimum: |_| [3.0, 0.5],
    value: |at, _| terms(at).iter().map(|term| term * term).sum(),
    gradient: |[x, y], _| {
        let [a, b, c] = terms([x, y]);
        [
            2.0 * (a * (y - 1.0) + b * (y * y - 1.0) + c * (y * y * y - 1.0)),
            2.0 * x * (a + 2.0 * b * y + 3.0 * c * y * y),
        ]
    },
};

/// The three terms whose squares Beale's function sums up.
fn terms([x, y]: [f64; 2]) -> [f64; 3] {
    [
        1.5 - x + x * y,
        2.25 - x + x * y * y,
        2.625 - x + x * y * y * y,
    ]
}

pub(super) const ROSENBROCK: Surface = Surface {
    name: "rosenbrock",
    summary: "a narrow valley with a bend",
    formula: "(1 - x)² + 100 (y - x²)²",
    source: "Rosenbrock 1960; Moré, Garbow & Hillstrom 1981, no. 1",
    domain: [(-2.0, 2.0), (-0.8, 2.2)],
    start: [-1.2, 1.0],
    steps: 600,
    kind: SurfaceKind::Exact,
    averaged: false,
    minimum: |_| [1.0, 1.0],
    value: |[x, y], _| (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2),
    gradient: |[x, y], _| {
        let bend = y - x * x;
        [-2.0 * (1.0 - x) - 400.0 * x * bend, 200.0 * bend]
    },
};

pub(super) const SADDLE: Surface = Surface {
    name: "saddle",
    summary: "a start on the ridge between two wells, nearly level along it",
    formula: "x² / 2 + (y² - 1)² / 4",
    source: "the double well; a saddle at (0, 0), minima at (0, ±1)",
    domain: [(-1.8, 1.8), (-0.8, 1.8)],
    start: [-1.5, 0.001],
    steps: 150,
    kind: SurfaceKind::Exact,
    averaged: false,
    minimum: |_| [0.0, 1.0],
    value: |[x, y], _| 0.5 * x * x + 0.25 * (y * y - 1.0).powi(2),
    gradient: |[x, y], _| [x, y * (y * y - 1.0)],
};

pub(super) const RAVINE: Surface = Surface {
    name: "ravine",
    summary: "100 times as steep across as along, in line with the axes",
    formula: "x² / 200 + y² / 2",
    source: "the quadratic of condition number 100; Goh 2017",
    domain: [(-10.0, 4.0), (-3.5, 3.5)],
    start: [-9.0, 2.0],
    steps: 200,
    kind: SurfaceKind::Exact,
    averaged: false,
    minimum: |_| [0.0, 0.0],
    value: |at, _| ravine(at),
    gradient: |[x, y], _| [x / 100.0, y],
};

fn ravine([x, y]: [f64; 2]) -> f64 {
    x * x / 200.0 + y * y / 2.0
}

pub(super) const DIAGONAL: Surface = Surface {
    name: "diagonal",
    summary: "the ravine turned by 45°, so that neither weight has a steepness of its own",
    formula: "u² / 200 + v² / 2, u = (x + y) / √2, v = (y - x) / √2",
    source: "`ravine`, turned",
    domain: [(-11.0, 4.0), (-8.5, 3.2)],
    start: [-7.778174593052022, -4.949747468305833],
    steps: 200,
    kind: SurfaceKind::Exact,
    averaged: false,
    minimum: |_| [0.0, 0.0],
    value: |at, _| ravine(turned(at)),
    gradient: |at, _| {
        let [u, v] = turned(at);
        let (along, across) = (u / 100.0, v);
        [(along - across) * HALF, (along + across) * HALF]
    },
};

const HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;

fn turned([x, y]: [f64; 2]) -> [f64; 2] {
    [(x + y) * HALF, (y - x) * HALF]
}

pub(super) const PLATEAU: Surface = Surface {
    name: "plateau",
    summary: "a well in a plain: at the start the gradient is a hundredth of the well's",
    formula: "1 - exp(-(x² + y²) / 2)",
    source: "a Gaussian well: a saturated loss in two weights",
    domain: [(-4.0, 3.0), (-2.25, 3.0)],
    start: [-3.0, 2.0],
    steps: 150,
    kind: SurfaceKind::Exact,
    averaged: false,
    minimum: |_| [0.0, 0.0],
    value: |[x, y], _| 1.0 - (-0.5 * (x * x + y * y)).exp(),
    gradient: |[x, y], _| {
        let well = (-0.5 * (x * x + y * y)).exp();
        [x * well, y * well]
    },
};
