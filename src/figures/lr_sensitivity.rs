//! How much the learning rate matters: the mean evaluation of each optimiser against its lr.

use std::path::Path;

use plotters::prelude::*;

use super::style::{FAINT, GRID, INK, SERIES, png, short, span, text};
use crate::{Result, study::Grid};

/// Draws `grids` to `path`, as PNG, under `title`.
pub fn lr_sensitivity(path: &Path, title: &str, grids: &[Grid]) -> Result<()> {
    let points = || grids.iter().flat_map(|grid| &grid.points);
    let lrs = span(points().map(|(lr, _)| lr.log10()));
    let lrs = (10f64.powf(lrs.start)..10f64.powf(lrs.end)).log_scale();
    let values = span(points().flat_map(|(_, e)| [e.lo, e.hi, e.point]));
    png(path, (1100, 700), |root| {
        let root = root.margin(18, 14, 24, 30);
        let (head, rest) = root.split_vertically(64);
        head.draw(&Text::new(title, (20, 0), text(28, INK)))?;
        let note = "mean evaluation over a run (area under its curve), mean over seeds with its 95 % interval";
        head.draw(&Text::new(note, (20, 36), text(18, FAINT)))?;
        let (plot, key) = rest.split_horizontally(830);
        let mut chart = ChartBuilder::on(&plot)
            .x_label_area_size(48)
            .y_label_area_size(74)
            .build_cartesian_2d(lrs, values)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(FAINT)
            .label_style(text(17, INK))
            .axis_desc_style(text(18, INK))
            .x_label_formatter(&short)
            .y_label_formatter(&short)
            .x_desc("learning rate")
            .y_desc("mean evaluation")
            .draw()?;
        for (grid, &colour) in grids.iter().zip(SERIES.iter().cycle()) {
            let points = &grid.points;
            let bars = points
                .iter()
                .map(|(lr, e)| PathElement::new(vec![(*lr, e.lo), (*lr, e.hi)], colour.mix(0.4)));
            chart.draw_series(bars)?;
            let line: Vec<(f64, f64)> = points.iter().map(|(lr, e)| (*lr, e.point)).collect();
            let dots = line.iter().map(|&at| Circle::new(at, 4, colour.filled()));
            chart.draw_series(dots)?;
            chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
        }
        // Beside the plot: inside it, some grid would always be in the way.
        for (i, (grid, colour)) in grids.iter().zip(SERIES.iter().cycle()).enumerate() {
            let y = 20 + 28 * i as i32;
            let dash = PathElement::new(vec![(6, y + 9), (26, y + 9)], colour.stroke_width(3));
            key.draw(&dash)?;
            key.draw(&Text::new(grid.name.as_str(), (34, y), text(17, INK)))?;
        }
        Ok(())
    })
}
