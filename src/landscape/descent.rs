//! A descent: an optimiser's path over a surface, by the library's own rules in f64.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::surface::Surface;
use optim::{AnyRule, Clip, Spec};

use crate::{Error, Result};

/// An objective beyond this counts as diverged.
const DIVERGED: f64 = 1e12;

/// A point of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathPoint {
    /// The number of steps so far; 0 at the start.
    pub step: u64,
    /// The weights.
    pub at: [f64; 2],
    /// The objective there at this step.
    pub value: f64,
    /// The distance from the minimum at this step.
    pub distance: f64,
    /// The gradient that the optimiser saw for the step to here; 0 at the start.
    pub seen: [f64; 2],
}

/// The points that an optimiser visited.
#[derive(Clone, Debug, PartialEq)]
pub struct DescentPath {
    /// The points, the start first; never empty.
    pub points: Vec<PathPoint>,
    /// Whether the objective exploded; the points end before that.
    pub diverged: bool,
}

impl DescentPath {
    /// The last point.
    pub fn last(&self) -> PathPoint {
        self.points[self.points.len() - 1]
    }

    /// The mean objective over all points but the start; infinite if the path diverged.
    pub fn mean_value(&self) -> f64 {
        let values = || self.points.iter().skip(1).map(|point| point.value);
        if self.diverged {
            f64::INFINITY
        } else {
            values().sum::<f64>() / values().count() as f64
        }
    }
}

/// The rule of `spec`, for the two weights of a surface.
///
/// # Errors
///
/// If `spec` has settings that its rule does not allow, or if its lr is that of matrices alone: a surface has none.
pub fn rule_of(spec: &Spec) -> Result<Box<dyn AnyRule>> {
    let entry = spec.entry();
    match entry.lr_of_vectors {
        "lr" => Ok(spec.rule()?),
        other => Err(Error::usage(format!(
            "--opt {spec}: a surface has two weights and no matrix, and `{}` would step them by `{other}`, not by lr; allowed: an optimiser that steps them by lr, such as adamw",
            entry.name
        ))),
    }
}

/// The path of the optimiser `spec` over `surface` in `steps` steps. `seed` fixes the random gradients.
///
/// Every optimiser sees the same randomness, so that comparisons are paired.
///
/// # Errors
///
/// As [`rule_of`].
pub fn descend(surface: &Surface, spec: &Spec, steps: u64, seed: u64) -> Result<DescentPath> {
    let mut points = Vec::with_capacity(steps as usize + 1);
    let diverged = visit_descent(surface, &*rule_of(spec)?, spec.lr(), steps, seed, |point| {
        points.push(point);
        true
    });
    Ok(DescentPath { points, diverged })
}

/// Calls `visit` with every point of a path until it returns false. Returns whether the path diverged.
pub(super) fn visit_descent(
    surface: &Surface,
    rule: &dyn AnyRule,
    lr: f64,
    steps: u64,
    seed: u64,
    mut visit: impl FnMut(PathPoint) -> bool,
) -> bool {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut states: Vec<Vec<f64>> = rule.initial().iter().map(|&x| vec![x; 2]).collect();
    let mut at = surface.start;
    let mut seen = [0.0; 2];
    for step in 0..=steps {
        if step > 0 {
            seen = surface.observed(at, step, &mut rng);
            let scalars = rule.scalars(step, lr);
            rule.update_f64(&scalars, Clip::NONE, &mut at, &seen, &mut states, 0..2);
        }
        let value = surface.value(at, step);
        // Written so that NaN counts as diverged too.
        if !(value < DIVERGED && at.iter().all(|x| x.is_finite())) {
            return true;
        }
        let [a, b] = surface.minimum(step);
        let distance = (at[0] - a).hypot(at[1] - b);
        let point = PathPoint {
            step,
            at,
            value,
            distance,
            seen,
        };
        if !visit(point) {
            break;
        }
    }
    false
}
