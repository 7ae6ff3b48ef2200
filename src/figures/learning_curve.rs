//! A figure of one run: its returns above, two quantities of its updates below.

use std::path::Path;

use plotters::{
    coord::ranged1d::{AsRangedCoord, ValueFormatter},
    prelude::*,
};

use super::{
    axes::{Area, Axes, LABELS, Points, dash, dashed, dashes, heading, key, moving_mean},
    style::{BLUE, Drawn, FAINT, GREEN, INK, ORANGE, png, short, span, steps_label},
};
use crate::{Result, numbers::count};

/// The training curve is the mean of this many episodes.
const SMOOTHING: usize = 20;

/// The lower end of a logarithmic axis.
const LEAST: f64 = 1e-6;

/// A run's returns and updates over its environment steps.
pub struct LearningCurve {
    /// The name of the run.
    pub title: String,
    /// The result of the run.
    pub note: String,
    /// The end of the axis: the steps of the whole run.
    pub steps: u64,
    /// The return of each training episode, at its last step.
    pub episodes: Vec<(f64, f64)>,
    /// The evaluations.
    pub evaluations: Vec<Spread>,
    /// Episodes in an evaluation.
    pub evaluation_episodes: u32,
    /// The return that solves the environment.
    pub threshold: Option<f64>,
    /// What is drawn below: the left panel on a logarithmic scale, the right one on a linear scale.
    pub details: Vec<Detail>,
}

/// The returns of an evaluation's episodes.
pub struct Spread {
    /// The environment step of the evaluation.
    pub step: u64,
    /// Their mean.
    pub mean: f64,
    /// The least and the greatest.
    pub range: (f64, f64),
}

/// A quantity of updates.
pub struct Detail {
    /// The name.
    pub name: &'static str,
    /// Its values by environment steps.
    pub points: Vec<(f64, f64)>,
    /// A height to be marked, and what it is called.
    pub marked: Option<(f64, String)>,
}

/// Draws `run` to `path`, as PNG.
pub fn learning_curve(path: &Path, run: &LearningCurve) -> Result<()> {
    let end = run.steps as f64;
    png(path, (1200, 900), |root| {
        let root = root.margin(18, 14, 24, 30);
        let (head, rest) = root.split_vertically(64);
        heading(&head, &run.title, &run.note, 20, 36)?;
        let (above, below) = rest.split_vertically(490);
        returns(&above, run)?;
        let (left, right) = below.split_horizontally(576);
        let mut details = run.details.iter();
        let Some(logarithmic) = details.next() else {
            return Ok(());
        };
        // Not `max`: a NaN must not look like an excellent value.
        let floor = |&(x, y): &(f64, f64)| (x, if y < LEAST { LEAST } else { y });
        let points: Points = logarithmic.points.iter().map(floor).collect();
        let logs = span(points.iter().map(|(_, y)| y.log10()));
        let range = (10f64.powf(logs.start)..10f64.powf(logs.end)).log_scale();
        detail(&left, logarithmic, end, range, &points, ORANGE)?;
        let Some(linear) = details.next() else {
            return Ok(());
        };
        let range = span(linear.heights());
        detail(&right, linear, end, range, &linear.points, BLUE)
    })
}

impl Detail {
    /// The heights that are to be seen.
    fn heights(&self) -> impl Iterator<Item = f64> {
        let values = self.points.iter().map(|(_, y)| *y);
        values.chain(self.marked.iter().map(|(height, _)| *height))
    }
}

/// The returns of training episodes and of evaluations.
fn returns(area: &Area, run: &LearningCurve) -> Drawn {
    let end = run.steps as f64;
    let LearningCurve {
        episodes,
        evaluations,
        ..
    } = run;
    let evaluated = evaluations.iter().flat_map(|e| [e.range.0, e.range.1]);
    let heights = evaluated
        .chain(episodes.iter().map(|(_, y)| *y))
        .chain(run.threshold);
    let mut chart = ChartBuilder::on(area)
        .margin_bottom(12)
        .x_label_area_size(48)
        .y_label_area_size(84)
        .build_cartesian_2d(0.0..end, span(heights))?;
    let axes = Axes {
        x: "environment steps",
        y: "return of an episode",
        labels: (LABELS, LABELS),
        x_label: &steps_label,
        y_label: &short,
        letters: (17, 18),
    };
    axes.draw(&mut chart)?;
    let dots = episodes.iter();
    chart.draw_series(dots.map(|at| Circle::new(*at, 1, FAINT.mix(0.35).filled())))?;
    let smoothed = moving_mean(episodes, SMOOTHING);
    chart
        .draw_series(LineSeries::new(smoothed, FAINT.stroke_width(2)))?
        .label(format!("training, mean of {SMOOTHING} episodes"))
        .legend(|at| dash(at, FAINT));
    let upper = evaluations.iter().map(|e| (e.step as f64, e.range.1));
    let lower = evaluations.iter().rev();
    let lower = lower.map(|e| (e.step as f64, e.range.0));
    let band: Points = upper.chain(lower).collect();
    chart.draw_series([Polygon::new(band, BLUE.mix(0.13))])?;
    let means = evaluations.iter().map(|e| (e.step as f64, e.mean));
    chart
        .draw_series(LineSeries::new(means, BLUE.stroke_width(3)))?
        .label(format!(
            "evaluation: mean, least and most of {}",
            count(run.evaluation_episodes, "episode")
        ))
        .legend(|at| dash(at, BLUE));
    if let Some(threshold) = run.threshold {
        let line = [(0.0, threshold), (end, threshold)];
        chart
            .draw_series(dashed(line, GREEN.stroke_width(2)))?
            .label(format!("solved: {threshold}"))
            .legend(|at| dashes(at, GREEN.stroke_width(2)));
    }
    key(&mut chart, SeriesLabelPosition::LowerRight, 14, 17)
}

/// A quantity of updates by steps.
fn detail<Y>(
    area: &Area,
    detail: &Detail,
    end: f64,
    range: impl AsRangedCoord<CoordDescType = Y, Value = f64>,
    points: &[(f64, f64)],
    colour: RGBColor,
) -> Drawn
where
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .margin_right(8)
        .x_label_area_size(48)
        .y_label_area_size(84)
        .build_cartesian_2d(0.0..end, range)?;
    let axes = Axes {
        x: "environment steps",
        y: detail.name,
        labels: (6, 5),
        x_label: &steps_label,
        y_label: &short,
        letters: (16, 18),
    };
    axes.draw(&mut chart)?;
    let points = points.iter().filter(|(_, y)| y.is_finite()).copied();
    chart.draw_series(LineSeries::new(points, colour.stroke_width(1)))?;
    if let Some((height, name)) = &detail.marked {
        let line = [(0.0, *height), (end, *height)];
        chart
            .draw_series(dashed(line, INK.stroke_width(2)))?
            .label(name)
            .legend(|at| dashes(at, INK.stroke_width(2)));
        return key(&mut chart, SeriesLabelPosition::LowerRight, 14, 15);
    }
    Ok(())
}
