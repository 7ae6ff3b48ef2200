//! An lr for each optimiser on each surface, chosen by the same rule, so that comparisons are fair.
//!
//! The rule: of a log-spaced grid, the lr with the lowest mean objective along the path. The grid goes
//! from 1/10000 to 100000 times the power of ten nearest to the optimiser's own default, with eight values per factor of ten. If
//! gradients are random, the mean is over [`TUNING_SEEDS`], which no reported number uses.

use std::{collections::BTreeMap, fmt, ops::Range, rc::Rc};

use super::{
    descent::{DescentPath, descend, rule_of, visit_descent},
    surface::Surface,
};
use optim::{Spec, Value};

use crate::Result;

/// The seeds on which an lr is chosen, if paths differ from seed to seed.
pub const TUNING_SEEDS: Range<u64> = 0..10;

/// The seeds on which a chosen lr is measured.
pub const REPORT_SEEDS: Range<u64> = 100..130;

/// Factors of ten below and above the default lr that the grid covers.
const DECADES: Range<i32> = -4..5;

/// Eight values to a factor of ten, rounded so that what is printed is what ran.
const MANTISSAS: [&str; 8] = ["1", "1.3", "1.8", "2.4", "3.2", "4.2", "5.6", "7.5"];

/// The lrs to choose from for the optimiser `spec`, in ascending order.
pub fn grid(spec: &Spec) -> Vec<f64> {
    let default = match Spec::of(spec.entry()).lr() {
        lr if lr > 0.0 => lr,
        _ => 1e-3,
    };
    let middle = default.log10().round() as i32;
    let number = |mantissa, decade| format!("{mantissa}e{decade}").parse();
    let decades = DECADES.flat_map(|decade| MANTISSAS.map(|m| number(m, middle + decade)));
    let last = number("1", middle + DECADES.end);
    decades
        .chain([last])
        .collect::<std::result::Result<_, _>>()
        .expect("digits and an exponent are a number")
}

/// An end of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Edge {
    /// The lowest lr was the best.
    Lowest,
    /// The highest lr was the best.
    Highest,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lowest => "lowest",
            Self::Highest => "highest",
        })
    }
}

/// An optimiser with the lr that was chosen for it.
#[derive(Clone, Debug)]
pub struct TunedSpec {
    /// The optimiser with its lr set.
    pub spec: Spec,
    /// Set if the best lr is the grid's lowest or highest, beyond which a better one may lie.
    pub edge: Option<Edge>,
}

impl TunedSpec {
    /// The optimiser with the lr that it was given.
    pub fn fixed(spec: Spec) -> Self {
        Self { spec, edge: None }
    }

    /// The chosen lr.
    pub fn lr(&self) -> f64 {
        self.spec.lr()
    }
}

/// Chooses lrs and computes paths, each once.
#[derive(Default)]
pub struct Tuner {
    tuned: BTreeMap<DescentKey, TunedSpec>,
    reports: BTreeMap<DescentKey, Rc<Vec<DescentPath>>>,
}

/// A surface, an optimiser and a number of steps.
type DescentKey = (&'static str, String, u64);

impl Tuner {
    /// The best lr for `spec` on `surface` in `steps` steps.
    pub fn best(
        &mut self,
        surface: &'static Surface,
        spec: &Spec,
        steps: u64,
    ) -> Result<TunedSpec> {
        let key = (surface.name, spec.to_string(), steps);
        if let Some(tuned) = self.tuned.get(&key) {
            return Ok(tuned.clone());
        }
        let tuned = best(surface, spec, steps)?;
        self.tuned.insert(key, tuned.clone());
        Ok(tuned)
    }

    /// The paths of `spec` at its best lr, over the surface's own number of steps: one for each of
    /// [`REPORT_SEEDS`], or a single one if the surface is not random.
    pub fn paths(&mut self, surface: &'static Surface, spec: &str) -> Result<Rc<Vec<DescentPath>>> {
        let steps = surface.steps;
        let key = (surface.name, spec.to_string(), steps);
        if let Some(paths) = self.reports.get(&key) {
            return Ok(paths.clone());
        }
        let tuned = self.best(surface, &spec.parse()?, steps)?;
        let paths = report_seeds(surface).map(|seed| descend(surface, &tuned.spec, steps, seed));
        let paths = Rc::new(paths.collect::<Result<_>>()?);
        self.reports.insert(key, Rc::clone(&paths));
        Ok(paths)
    }
}

/// The seeds to report `surface` on.
pub(super) fn report_seeds(surface: &Surface) -> Range<u64> {
    seeds(surface, REPORT_SEEDS)
}

/// All of `seeds`, or only the first if the surface is not random.
fn seeds(surface: &Surface, seeds: Range<u64>) -> Range<u64> {
    let end = if surface.is_random() {
        seeds.end
    } else {
        seeds.start + 1
    };
    seeds.start..end
}

fn best(surface: &Surface, spec: &Spec, steps: u64) -> Result<TunedSpec> {
    let grid = grid(spec);
    let mut best = (0, f64::INFINITY);
    let mut spec = spec.clone();
    for (i, &lr) in grid.iter().enumerate() {
        spec.set("lr", Value::Number(lr))?;
        let sum = sum_of_values(surface, &spec, steps, best.1)?;
        if sum < best.1 {
            best = (i, sum);
        }
    }
    spec.set("lr", Value::Number(grid[best.0]))?;
    let edge = match best.0 {
        0 => Some(Edge::Lowest),
        i if i + 1 == grid.len() => Some(Edge::Highest),
        _ => None,
    };
    Ok(TunedSpec { spec, edge })
}

/// The objective summed over steps and seeds; infinite if it reaches `limit`, where summing stops.
///
/// The objective is never negative, so a sum that is too large stays so.
fn sum_of_values(surface: &Surface, spec: &Spec, steps: u64, limit: f64) -> Result<f64> {
    let rule = rule_of(spec)?;
    let mut sum = 0.0;
    for seed in seeds(surface, TUNING_SEEDS) {
        let diverged = visit_descent(surface, &*rule, spec.lr(), steps, seed, |point| {
            if point.step > 0 {
                sum += point.value;
            }
            sum < limit
        });
        if diverged || sum >= limit {
            return Ok(f64::INFINITY);
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::landscape::classic::RAVINE;

    #[test]
    fn grids_surround_the_default() {
        let grid = grid(&"sgd".parse().unwrap());
        assert_eq!(grid.len(), 73);
        assert_eq!((grid[0], grid[32], grid[72]), (1e-7, 1e-3, 1e2));
        assert!(grid.is_sorted());
    }

    #[test]
    fn the_best_lr_is_just_stable_where_the_ground_is_steepest() {
        // Across the ravine the curvature is 1, so that lrs from 2 on diverge; along it, more is better.
        let surface = &RAVINE;
        let tuned = best(surface, &"sgd".parse().unwrap(), surface.steps).unwrap();
        assert!((1.5..2.0).contains(&tuned.lr()), "{}", tuned.lr());
        assert_eq!(tuned.edge, None);
    }
}
