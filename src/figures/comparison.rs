//! Optimisers side by side: a panel each, its runs as thin lines, their mean as a thick one.

use std::path::Path;

use plotters::prelude::*;

use super::style::{BLUE, FAINT, GRID, INK, png, span, steps_label, text};
use crate::{Result, study::Group, run::EvaluationRow};

const COLUMNS: usize = 3;
const PANEL: (u32, u32) = (420, 300);

/// Draws the evaluation curves of `groups` to `path`, as PNG, under `title`.
pub fn comparison(path: &Path, title: &str, groups: &[&Group]) -> Result<()> {
    let rows = groups.len().div_ceil(COLUMNS);
    let all = || {
        let runs = groups.iter().flat_map(|group| &group.runs);
        runs.flat_map(|run| &run.evaluations)
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
            let caption = group.label();
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
            for run in &group.runs {
                let line = points(&run.evaluations);
                chart.draw_series(LineSeries::new(line, BLUE.mix(0.3)))?;
            }
            chart.draw_series(LineSeries::new(group.curve(), BLUE.stroke_width(3)))?;
        }
        Ok(())
    })
}
