//! Supervised runs side by side: loss and accuracy over the batches, as the note drew them.

use std::path::Path;

use plotters::{coord::Shift, prelude::*};

use super::style::{
    Drawn, FAINT, GRID, INK, SERIES, png, short, shortened, span, steps_label, text,
};
use crate::{
    Result,
    run::{EpochRow, HistoryRow},
};

/// Lines of the history that the curves are the moving average of.
const SMOOTHING: usize = 5;

/// A run to be drawn.
pub struct Metrics {
    /// What it is called.
    pub label: String,
    /// Its training.
    pub history: Vec<HistoryRow>,
    /// Its epochs.
    pub epochs: Vec<EpochRow>,
}

/// Draws `runs` to `path`, as PNG, under `title`: lines for training, circles for the test data.
pub fn training_metrics(path: &Path, title: &str, runs: &[Metrics]) -> Result<()> {
    png(path, (1500, 720), |root| {
        let root = root.margin(18, 8, 18, 24);
        let (head, rest) = root.split_vertically(70);
        head.draw(&Text::new(title, (8, 0), text(28, INK)))?;
        let note = format!(
            "lines: training, moving average over {SMOOTHING} lines of history.csv; circles: test data, after each epoch"
        );
        head.draw(&Text::new(note, (8, 38), text(18, FAINT)))?;
        let (left, right) = rest.split_horizontally(732);
        panel(
            &left,
            "loss",
            runs,
            |row| row.loss,
            |row| row.test_loss,
            false,
        )?;
        panel(
            &right,
            "accuracy",
            runs,
            |row| row.accuracy,
            |row| row.test_accuracy,
            true,
        )
    })
}

fn panel(
    area: &DrawingArea<BitMapBackend, Shift>,
    name: &str,
    runs: &[Metrics],
    trained: fn(&HistoryRow) -> f64,
    tested: fn(&EpochRow) -> f64,
    legend: bool,
) -> Drawn {
    let curves: Vec<Vec<(f64, f64)>> = runs
        .iter()
        .map(|run| smoothed(&run.history, trained))
        .collect();
    let end = curves.iter().flatten().map(|(x, _)| *x).fold(1.0, f64::max);
    let circles = || runs.iter().flat_map(|run| run.epochs.iter().map(tested));
    // A loss that shot up for a moment must not flatten all others.
    let mut heights: Vec<f64> = curves.iter().flatten().map(|(_, y)| *y).collect();
    heights.retain(|y| y.is_finite());
    heights.sort_by(f64::total_cmp);
    let most = heights.len().saturating_sub(1) * 995 / 1000;
    heights.truncate(most + 1);
    let most = heights.last().map_or(1.0, |most| most * 1.5);
    let range = span(heights.into_iter().chain(circles().filter(|y| *y <= most)));
    let top = range.end;
    let mut chart = ChartBuilder::on(area)
        .margin_right(16)
        .x_label_area_size(52)
        .y_label_area_size(78)
        .build_cartesian_2d(0.0..end, range)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(FAINT)
        .label_style(text(17, INK))
        .axis_desc_style(text(19, INK))
        .x_labels(7)
        .x_label_formatter(&steps_label)
        .y_label_formatter(&short)
        .x_desc("batches")
        .y_desc(name)
        .draw()?;
    for (i, (run, curve)) in runs.iter().zip(curves).enumerate() {
        let colour = SERIES[i % SERIES.len()];
        let curve = curve.into_iter().filter(|(_, y)| y.is_finite());
        let curve = curve.map(|(x, y)| (x, y.min(top)));
        chart
            .draw_series(LineSeries::new(curve, colour.stroke_width(2)))?
            .label(shortened(run.label.clone(), 48))
            .legend(move |(x, y)| {
                PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(3))
            });
        let circles = run.epochs.iter().map(|row| (row.step as f64, tested(row)));
        let circles = circles.filter(|(_, y)| *y <= top);
        chart.draw_series(circles.clone().map(|at| Circle::new(at, 6, WHITE.filled())))?;
        chart.draw_series(circles.map(|at| Circle::new(at, 5, colour.stroke_width(2))))?;
    }
    if legend {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .margin(14)
            .background_style(WHITE.mix(0.85))
            .border_style(GRID)
            .label_font(text(17, INK))
            .draw()?;
    }
    Ok(())
}

/// The mean of each line and up to four before it.
fn smoothed(history: &[HistoryRow], value: fn(&HistoryRow) -> f64) -> Vec<(f64, f64)> {
    let mean = |i: usize| {
        let window = &history[(i + 1).saturating_sub(SMOOTHING)..=i];
        let sum: f64 = window.iter().map(value).sum();
        (history[i].step as f64, sum / window.len() as f64)
    };
    (0..history.len()).map(mean).collect()
}
