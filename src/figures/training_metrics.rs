//! Supervised runs side by side: loss and accuracy over the batches, in the manner of the note.

use std::path::Path;

use plotters::{
    coord::ranged1d::{AsRangedCoord, ValueFormatter},
    prelude::*,
};

use super::{
    axes::{Area, Axes, LABELS, Points, dash, heading, key, moving_mean},
    style::{Drawn, SERIES, png, short, shortened, span, steps_label},
};
use crate::Result;

/// The curves are moving averages over this many lines of the history.
const SMOOTHING: usize = 5;

/// A supervised run's loss and accuracy.
pub struct Metrics {
    /// The name.
    pub label: String,
    /// Its loss.
    pub loss: Metric,
    /// Its accuracy.
    pub accuracy: Metric,
}

/// A quantity by batches done.
pub struct Metric {
    /// In training.
    pub training: Vec<(f64, f64)>,
    /// On the test data.
    pub test: Vec<(f64, f64)>,
}

/// Draws `runs` to `path`, as PNG, under `title`: lines for training, circles for the test data.
pub fn training_metrics(path: &Path, title: &str, runs: &[Metrics]) -> Result<()> {
    png(path, (1500, 720), |root| {
        let root = root.margin(18, 8, 18, 24);
        let (head, rest) = root.split_vertically(70);
        let note = format!(
            "lines: training, moving average over {SMOOTHING} lines of history.csv; circles: test data, after each epoch"
        );
        heading(&head, title, &note, 8, 38)?;
        let (left, right) = rest.split_horizontally(732);
        panel(&left, "loss", runs, |run| &run.loss, false)?;
        panel(&right, "accuracy", runs, |run| &run.accuracy, true)
    })
}

/// A quantity that never is 0 and whose greatest value is so many times its least has a logarithmic axis.
const DECADES: f64 = 100.0;

fn panel(
    area: &Area,
    name: &str,
    runs: &[Metrics],
    metric: fn(&Metrics) -> &Metric,
    with_key: bool,
) -> Drawn {
    let smoothed = |run| moving_mean(&metric(run).training, SMOOTHING);
    let curves: Vec<Points> = runs.iter().map(smoothed).collect();
    let end = curves.iter().flatten().map(|(x, _)| *x).fold(1.0, f64::max);
    let circles = || runs.iter().flat_map(|run| metric(run).test.iter());
    // A brief spike in one loss must not flatten all others.
    let mut heights: Vec<f64> = curves.iter().flatten().map(|(_, y)| *y).collect();
    heights.retain(|y| y.is_finite());
    heights.sort_by(f64::total_cmp);
    let most = heights.len().saturating_sub(1) * 995 / 1000;
    heights.truncate(most + 1);
    let most = heights.last().map_or(1.0, |most| most * 1.5);
    let tested = circles().map(|(_, y)| *y).filter(|y| *y <= most);
    heights.extend(tested.filter(|y| y.is_finite()));
    let (low, high) = heights
        .iter()
        .fold((f64::INFINITY, 0.0_f64), |(low, high), y| {
            (low.min(*y), high.max(*y))
        });
    let lines = Lines {
        name,
        runs,
        metric,
        curves,
        end,
        with_key,
    };
    if low > 0.0 && high > DECADES * low {
        let logs = span(heights.iter().map(|y| y.log10()));
        let range = 10f64.powf(logs.start)..10f64.powf(logs.end);
        let top = range.end;
        lines.draw(area, range.log_scale(), top)
    } else {
        let range = span(heights);
        let top = range.end;
        lines.draw(area, range, top)
    }
}

/// What a panel shows.
struct Lines<'a> {
    name: &'a str,
    runs: &'a [Metrics],
    metric: fn(&Metrics) -> &Metric,
    /// The smoothed curve of each run.
    curves: Vec<Points>,
    end: f64,
    with_key: bool,
}

impl Lines<'_> {
    /// Draws them on axes whose heights are `range`, up to `top`.
    fn draw<Y>(
        self,
        area: &Area,
        range: impl AsRangedCoord<CoordDescType = Y, Value = f64>,
        top: f64,
    ) -> Drawn
    where
        Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let mut chart = ChartBuilder::on(area)
            .margin_right(16)
            .x_label_area_size(52)
            .y_label_area_size(78)
            .build_cartesian_2d(0.0..self.end, range)?;
        let axes = Axes {
            x: "batches",
            y: self.name,
            labels: (7, LABELS),
            x_label: &steps_label,
            y_label: &short,
            letters: (17, 19),
        };
        axes.draw(&mut chart)?;
        for (i, (run, curve)) in self.runs.iter().zip(self.curves).enumerate() {
            let colour = SERIES[i % SERIES.len()];
            let curve = curve.into_iter().filter(|(_, y)| y.is_finite());
            let curve = curve.map(|(x, y)| (x, y.min(top)));
            chart
                .draw_series(LineSeries::new(curve, colour.stroke_width(2)))?
                .label(shortened(run.label.clone(), 48))
                .legend(move |at| dash(at, colour));
            let circles = (self.metric)(run)
                .test
                .iter()
                .filter(|(_, y)| *y <= top)
                .copied();
            chart.draw_series(circles.clone().map(|at| Circle::new(at, 6, WHITE.filled())))?;
            chart.draw_series(circles.map(|at| Circle::new(at, 5, colour.stroke_width(2))))?;
        }
        match self.with_key {
            true => key(&mut chart, SeriesLabelPosition::LowerRight, 14, 17),
            false => Ok(()),
        }
    }
}
