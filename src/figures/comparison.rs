//! Optimisers side by side: a panel each, its runs as thin lines, their mean as a thick one.

use std::path::Path;

use plotters::prelude::*;

use super::style::{BLUE, FAINT, GRID, INK, png, span, steps_label, text};
use crate::{
    Result,
    study::{Collected, Group},
    train::EvaluationRow,
};

const COLUMNS: usize = 3;
const PANEL: (u32, u32) = (420, 300);

/// Draws the evaluation curves of every group to `path`, as PNG, under `title`.
pub fn comparison(path: &Path, title: &str, collected: &Collected) -> Result<()> {
    let groups = &collected.groups;
    let rows = groups.len().div_ceil(COLUMNS);
    let all = || {
        let runs = groups.iter().flat_map(|group| &group.runs);
        runs.flat_map(|(_, rows)| rows)
    };
    let end = all().map(|row| row.step).max().unwrap_or(1) as f64;
    let range = span(all().map(|row| row.mean_return));
    let size = (PANEL.0 * COLUMNS as u32 + 24, PANEL.1 * rows as u32 + 96);
    png(path, size, |root| {
        let root = root.margin(18, 8, 12, 24);
        let (head, rest) = root.split_vertically(62);
        head.draw(&Text::new(title, (16, 0), text(26, INK)))?;
        let note =
            "mean return of an evaluation, by environment steps; thin: a run, thick: their mean";
        head.draw(&Text::new(note, (16, 34), text(16, FAINT)))?;
        for (area, group) in rest.split_evenly((rows, COLUMNS)).iter().zip(groups) {
            let caption = format!("{}, {}", group.env, group.optimiser);
            let mut chart = ChartBuilder::on(area)
                .margin_right(14)
                .caption(caption, text(17, INK))
                .x_label_area_size(30)
                .y_label_area_size(56)
                .build_cartesian_2d(0.0..end, range.clone())?;
            chart
                .configure_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(GRID)
                .axis_style(FAINT)
                .label_style(text(14, INK))
                .x_labels(6)
                .y_labels(6)
                .x_label_formatter(&steps_label)
                .y_label_formatter(&|y| format!("{y:.0}"))
                .draw()?;
            let points = |rows: &[EvaluationRow]| -> Vec<(f64, f64)> {
                rows.iter()
                    .map(|row| (row.step as f64, row.mean_return))
                    .collect()
            };
            for (_, rows) in &group.runs {
                chart.draw_series(LineSeries::new(points(rows), BLUE.mix(0.3)))?;
            }
            chart.draw_series(LineSeries::new(mean(group), BLUE.stroke_width(3)))?;
        }
        Ok(())
    })
}

/// The mean over the runs at each step that all of them evaluated.
fn mean(group: &Group) -> Vec<(f64, f64)> {
    let shortest = group
        .runs
        .iter()
        .map(|(_, rows)| rows.len())
        .min()
        .unwrap_or(0);
    let at = |i: usize| {
        let sum: f64 = group.runs.iter().map(|(_, rows)| rows[i].mean_return).sum();
        (
            group.runs[0].1[i].step as f64,
            sum / group.runs.len() as f64,
        )
    };
    (0..shortest).map(at).collect()
}
