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

/// Loss and accuracy of runs that differ in their seeds alone, one entry for each.
pub struct Metrics {
    /// The name.
    pub label: String,
    /// Their losses.
    pub loss: Vec<Metric>,
    /// Their accuracies.
    pub accuracy: Vec<Metric>,
}

/// A quantity by batches done.
pub struct Metric {
    /// In training.
    pub training: Vec<(f64, f64)>,
    /// On the test data.
    pub test: Vec<(f64, f64)>,
}

/// Draws `runs` to `path`, as PNG, under `title`: lines for training, circles for the test data. Where there are
/// several seeds, both are their means, and a band reaches from the least of the seeds to the greatest.
pub fn training_metrics(path: &Path, title: &str, runs: &[Metrics]) -> Result<()> {
    png(path, (1500, 720), |root| {
        let root = root.margin(18, 8, 18, 24);
        let (head, rest) = root.split_vertically(70);
        let seeds = match runs.iter().any(|run| run.loss.len() > 1) {
            true => "; both are means over seeds, bands are the least and the greatest",
            false => "",
        };
        let note = format!(
            "lines: training, moving average over {SMOOTHING} lines of history.csv; circles: test data, after each epoch{seeds}"
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
    metric: fn(&Metrics) -> &[Metric],
    with_key: bool,
) -> Drawn {
    let smoothed = |one: &Metric| moving_mean(&one.training, SMOOTHING);
    let of_run = |run| {
        let seeds = metric(run);
        CurveOfSeeds {
            training: across_seeds(seeds.iter().map(smoothed).collect()),
            test: across_seeds(seeds.iter().map(|one| one.test.clone()).collect()),
        }
    };
    let curves: Vec<CurveOfSeeds> = runs.iter().map(of_run).collect();
    let training = || curves.iter().flat_map(|curve| &curve.training);
    let end = training().map(|at| at.x).fold(1.0, f64::max);
    // A brief spike in one loss must not flatten all others.
    let mut heights: Vec<f64> = training().flat_map(|at| at.range).collect();
    heights.retain(|y| y.is_finite());
    heights.sort_by(f64::total_cmp);
    let most = heights.len().saturating_sub(1) * 995 / 1000;
    heights.truncate(most + 1);
    let most = heights.last().map_or(1.0, |most| most * 1.5);
    let tested = curves.iter().flat_map(|curve| &curve.test);
    let tested = tested.map(|at| at.mean).filter(|y| *y <= most);
    heights.extend(tested.filter(|y| y.is_finite()));
    let (low, high) = heights
        .iter()
        .fold((f64::INFINITY, 0.0_f64), |(low, high), y| {
            (low.min(*y), high.max(*y))
        });
    let lines = PanelContent {
        name,
        runs,
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

/// What several seeds have at one number of batches.
struct Across {
    x: f64,
    mean: f64,
    /// The least and the greatest.
    range: [f64; 2],
}

/// The curves of several seeds at the numbers of batches that all of them have.
fn across_seeds(seeds: Vec<Points>) -> Vec<Across> {
    let shortest = seeds.iter().map(Vec::len).min().unwrap_or(0);
    let at = |i: usize| {
        let values = || seeds.iter().map(|seed| seed[i].1);
        Across {
            x: seeds[0][i].0,
            mean: values().sum::<f64>() / seeds.len() as f64,
            range: [
                values().fold(f64::INFINITY, f64::min),
                values().fold(f64::NEG_INFINITY, f64::max),
            ],
        }
    };
    (0..shortest).map(at).collect()
}

/// What a panel shows of runs that differ in their seeds alone.
struct CurveOfSeeds {
    /// Smoothed.
    training: Vec<Across>,
    test: Vec<Across>,
}

/// What a panel shows.
struct PanelContent<'a> {
    name: &'a str,
    runs: &'a [Metrics],
    curves: Vec<CurveOfSeeds>,
    end: f64,
    with_key: bool,
}

impl PanelContent<'_> {
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
        for (i, curve) in self.curves.iter().enumerate() {
            let colour = SERIES[i % SERIES.len()];
            let finite = |at: &&Across| at.range.iter().all(|y| y.is_finite());
            let edge = |k: usize| {
                let points = curve.training.iter().filter(finite);
                points.map(move |at| (at.x, at.range[k].min(top)))
            };
            let band: Points = edge(0).chain(edge(1).rev()).collect();
            if self.runs[i].loss.len() > 1 {
                chart.draw_series([Polygon::new(band, colour.mix(0.2).filled())])?;
            }
        }
        for (i, (run, curve)) in self.runs.iter().zip(&self.curves).enumerate() {
            let colour = SERIES[i % SERIES.len()];
            let line = curve.training.iter().filter(|at| at.mean.is_finite());
            let line = line.map(|at| (at.x, at.mean.min(top)));
            chart
                .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
                .label(shortened(run.label.clone(), 48))
                .legend(move |at| dash(at, colour));
            let circles = curve.test.iter().map(|at| (at.x, at.mean));
            let circles = circles.filter(|(_, y)| *y <= top);
            chart.draw_series(circles.clone().map(|at| Circle::new(at, 6, WHITE.filled())))?;
            chart.draw_series(circles.map(|at| Circle::new(at, 5, colour.stroke_width(2))))?;
        }
        match self.with_key {
            true => key(&mut chart, SeriesLabelPosition::LowerRight, 14, 17),
            false => Ok(()),
        }
    }
}
