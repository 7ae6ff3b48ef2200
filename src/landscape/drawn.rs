//! An optimiser on a surface as figures and files show it.
use optim::Spec;

use super::{Path, Point, Surface, Tuned, Tuner, tune::report_seeds, walk};
use crate::Result;

/// The paths of every optimiser over `surface` in `steps` steps: with the lr that it was given, or else the
/// best of its grid.
pub fn draw(
    tuner: &mut Tuner,
    surface: &'static Surface,
    optimisers: &[Spec],
    steps: u64,
) -> Result<Vec<Drawn>> {
    let mut drawn = |spec: &Spec| {
        let tuned = if spec.is_set("lr") {
            Tuned::fixed(spec.clone())
        } else {
            tuner.best(surface, spec, steps)?
        };
        Drawn::new(surface, tuned, steps)
    };
    optimisers.iter().map(&mut drawn).collect()
}

/// An optimiser's paths over a surface.
pub struct Drawn {
    /// The surface.
    pub surface: &'static Surface,
    /// The optimiser, and how it came by its lr.
    pub tuned: Tuned,
    /// One path for each of the seeds that are reported, all of the same number of points.
    pub paths: Vec<Path>,
}

impl Drawn {
    /// Walks the paths, of `steps` steps each.
    pub fn new(surface: &'static Surface, tuned: Tuned, steps: u64) -> Result<Self> {
        let seeds = report_seeds(surface);
        let paths = seeds.map(|seed| walk(surface, &tuned.spec, steps, seed));
        let mut paths = paths.collect::<Result<Vec<_>>>()?;
        // Where one diverges, so does their mean.
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

    /// The optimiser without its lr.
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

    /// Whether a path diverged.
    pub fn diverged(&self) -> bool {
        self.paths.iter().any(|path| path.diverged)
    }

    /// The points to show on a map: the first seed's, or the mean of all where one alone says little.
    pub fn shown(&self) -> Vec<Point> {
        let points = &self.paths[0].points;
        if !self.surface.averaged {
            return points.clone();
        }
        let mean = |point: &Point| {
            let each = |i: usize| self.mean(|path| path.points[point.step as usize].at[i]);
            Point {
                at: [each(0), each(1)],
                ..*point
            }
        };
        points.iter().map(mean).collect()
    }

    /// The objective after each step, the mean of all seeds.
    pub fn objective(&self) -> Vec<f64> {
        let steps = 0..self.paths[0].points.len();
        let mean = |step: usize| self.mean(|path| path.points[step].value);
        steps.map(mean).collect()
    }

    /// The mean of `value` over all seeds.
    pub fn mean(&self, value: impl Fn(&Path) -> f64) -> f64 {
        self.paths.iter().map(value).sum::<f64>() / self.paths.len() as f64
    }
}
