//! The paths of optimisers over a surface, for figures and files.

use super::{
    descent::{DescentPath, PathPoint, descend},
    surface::Surface,
    tune::{TunedSpec, Tuner, report_seeds},
};
use optim::Spec;

use crate::Result;

/// The paths of each optimiser over `surface` in `steps` steps, with the lr that its spec sets or else the
/// best of its grid.
///
/// # Errors
///
/// As [`rule_of`](super::rule_of).
pub fn paths_of_each(
    tuner: &mut Tuner,
    surface: &'static Surface,
    optimisers: &[Spec],
    steps: u64,
) -> Result<Vec<OptimiserPaths>> {
    let mut paths_of = |spec: &Spec| {
        let tuned = if spec.is_set("lr") {
            TunedSpec::fixed(spec.clone())
        } else {
            tuner.best(surface, spec, steps)?
        };
        OptimiserPaths::new(surface, tuned, steps)
    };
    optimisers.iter().map(&mut paths_of).collect()
}

/// An optimiser's paths over a surface.
pub struct OptimiserPaths {
    /// The surface.
    pub surface: &'static Surface,
    /// The optimiser, and how its lr was chosen.
    pub tuned: TunedSpec,
    /// One path for each reported seed, all with the same number of points.
    pub paths: Vec<DescentPath>,
}

impl OptimiserPaths {
    /// Computes the paths, of `steps` steps each.
    fn new(surface: &'static Surface, tuned: TunedSpec, steps: u64) -> Result<Self> {
        let seeds = report_seeds(surface);
        let paths = seeds.map(|seed| descend(surface, &tuned.spec, steps, seed));
        let mut paths = paths.collect::<Result<Vec<_>>>()?;
        // The mean of the paths ends where the first of them diverges.
        let shortest = paths.iter().map(|path| path.points.len()).min();
        for path in &mut paths {
            path.points.truncate(shortest.unwrap_or(0));
        }
        Ok(Self {
            surface,
            tuned,
            paths,
        })
    }

    /// The optimiser's text form without its lr.
    pub fn name(&self) -> String {
        let text = self.tuned.spec.to_string();
        let (name, settings) = text.split_once(':').unwrap_or((&text, ""));
        let others: Vec<&str> = settings
            .split(',')
            .filter(|setting| !setting.is_empty() && !setting.starts_with("lr="))
            .collect();
        if others.is_empty() {
            name.into()
        } else {
            format!("{name}:{}", others.join(","))
        }
    }

    /// Whether any path diverged.
    pub fn diverged(&self) -> bool {
        self.paths.iter().any(|path| path.diverged)
    }

    /// The points to show on a map: the first seed's, or the mean of all seeds if a single path says little.
    pub fn displayed(&self) -> Vec<PathPoint> {
        let points = &self.paths[0].points;
        if !self.surface.averaged {
            return points.clone();
        }
        let mean = |point: &PathPoint| {
            let each = |i: usize| self.mean(|path| path.points[point.step as usize].at[i]);
            PathPoint {
                at: [each(0), each(1)],
                ..*point
            }
        };
        points.iter().map(mean).collect()
    }

    /// The objective after each step, as the mean over all seeds.
    pub fn mean_objective(&self) -> Vec<f64> {
        let steps = 0..self.paths[0].points.len();
        let mean = |step: usize| self.mean(|path| path.points[step].value);
        steps.map(mean).collect()
    }

    /// The mean of `value` over all seeds.
    pub fn mean(&self, value: impl Fn(&DescentPath) -> f64) -> f64 {
        self.paths.iter().map(value).sum::<f64>() / self.paths.len() as f64
    }
}
