//! Names from the best to the worst, with their intervals.

use std::path::Path;

use plotters::prelude::*;

use super::{
    axes::{dash, heading},
    forest::{ForestInterval, ForestRow},
    inline::{LINE_COLOURS, plain},
    style::{FAINT, GRID, INK, SERIES, png, shortened, span, text},
};
use crate::Result;

const WIDTH: u32 = 1000;
/// The height of a row.
const ROW: u32 = 32;
/// The room for the names.
const NAMES: u32 = 250;
/// The room for the title, and that for the axis.
const HEAD: u32 = 104;
const FOOT: u32 = 66;

/// Rows with their intervals side by side.
pub struct Ranking<'a> {
    /// The title.
    pub title: &'a str,
    /// The line below the title, which says what the figure shows.
    pub note: &'a str,
    /// The rows, the best first, with the same kinds of intervals.
    pub rows: &'a [ForestRow],
    /// What is measured.
    pub axis: &'a str,
    /// The value of no effect.
    pub none: f64,
    /// The ends of the axis.
    pub ends: [f64; 2],
}

impl Ranking<'_> {
    /// Draws it as a PNG at `path`.
    pub fn png(&self, path: &Path) -> Result<()> {
        let rows = self.rows.len() as u32;
        png(path, (WIDTH, HEAD + ROW * rows + FOOT), |root| {
            let (head, below) = root.split_vertically(HEAD);
            heading(&head.margin(16, 0, 20, 20), self.title, self.note, 0, 34)?;
            let kinds = self.rows.first().map_or(&[][..], |row| &row.intervals);
            let mut x = NAMES as i32;
            for ForestInterval { name, colour, .. } in kinds {
                head.draw(&dash((x, HEAD as i32 - 16), SERIES[colour % LINE_COLOURS]))?;
                let at = (x + 28, HEAD as i32 - 26);
                head.draw(&Text::new(name.clone(), at, text(18, INK)))?;
                x += 48 + 10 * name.chars().count() as i32;
            }
            let (names, plot) = below.split_horizontally(NAMES);
            let end = f64::from(rows);
            let mut chart = ChartBuilder::on(&plot)
                .margin_right(24)
                .x_label_area_size(FOOT)
                .build_cartesian_2d(span(self.ends), end..0.0)?;
            chart
                .configure_mesh()
                .disable_y_mesh()
                .disable_y_axis()
                .light_line_style(TRANSPARENT)
                .bold_line_style(GRID.stroke_width(1))
                .axis_style(FAINT.stroke_width(1))
                .label_style(text(17, INK))
                .axis_desc_style(text(18, INK))
                .x_labels(6)
                .x_label_formatter(&plain)
                .x_desc(self.axis)
                .draw()?;
            let line = [(self.none, 0.0), (self.none, end)];
            chart.draw_series([PathElement::new(line, FAINT.stroke_width(2))])?;
            for (at, row) in self.rows.iter().enumerate() {
                let name = shortened(row.name.clone(), 26);
                let place = (20, at as i32 * ROW as i32 + 7);
                names.draw(&Text::new(name, place, text(18, INK)))?;
                let each = 0.7 / row.intervals.len().max(1) as f64;
                for (i, one) in row.intervals.iter().enumerate() {
                    let y = at as f64 + 0.15 + (i as f64 + 0.5) * each;
                    one.draw(&mut chart, y, 2)?;
                }
            }
            Ok(())
        })
    }
}
