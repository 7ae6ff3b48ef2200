//! Intervals in rows, as drawings that are part of a page.

use std::path::Path;

use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
};
use stats::Estimate;

use super::{
    inline::{LETTER, LINE_COLOURS, SIZE, Spots, plain},
    style::{Drawn, FAINT, GRID, INK, SERIES, fitted, png, shortened, span, svg, text},
};
use crate::Result;

/// Named intervals in rows, as an SVG element. `axis` names the axis, which spans `ends`; the area up
/// to `margin` on either side of 0 is shaded.
pub fn forest_plot(
    rows: &[(String, Estimate)],
    axis: &str,
    margin: f64,
    ends: [f64; 2],
) -> Result<String> {
    let height = 110 + 96 * rows.len() as u32;
    let range = span(ends);
    svg((SIZE.0, height), |root| {
        let rows_end = rows.len() as f64;
        let mut chart = ChartBuilder::on(root)
            .margin(10)
            .margin_left(28)
            .margin_right(28)
            .x_label_area_size(84)
            .build_cartesian_2d(range, rows_end..0.0)?;
        if margin > 0.0 {
            let shade = [(-margin, 0.0), (margin, rows_end)];
            chart.draw_series([Rectangle::new(shade, GRID.filled())])?;
        }
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(2))
            .axis_style(FAINT.stroke_width(2))
            .label_style(text(LETTER, INK))
            .axis_desc_style(text(LETTER, INK))
            .x_labels(5)
            .x_label_formatter(&plain)
            .x_desc(axis)
            .draw()?;
        let zero = [(0.0, 0.0), (0.0, rows_end)];
        chart.draw_series([PathElement::new(zero, FAINT.stroke_width(3))])?;
        for (row, (name, e)) in rows.iter().enumerate() {
            let y = row as f64 + 0.72;
            let colour = SERIES[3];
            let bar = vec![(e.lo, y), (e.hi, y)];
            chart.draw_series([PathElement::new(bar, colour.stroke_width(6))])?;
            chart.draw_series([Circle::new((e.point, y), 10, colour.filled())])?;
            let corner = chart.backend_coord(&(e.point, row as f64));
            let (name, letter) = fitted(name.clone(), 44, LETTER);
            root.draw(&Text::new(name, (40, corner.1 + 14), text(letter, INK)))?;
        }
        Ok(())
    })
}

/// The room for the name of a row.
const NAME: u32 = 52;

/// A row of a [`GroupedForest`].
pub struct ForestRow {
    /// What it is called.
    pub name: String,
    /// Its intervals, from the top down.
    pub intervals: Vec<ForestInterval>,
}

/// An interval of a [`ForestRow`].
pub struct ForestInterval {
    /// What it is of.
    pub name: String,
    /// The number of its colour.
    pub colour: usize,
    /// The point and its interval.
    pub estimate: Estimate,
    /// Whether it decides something. Otherwise its point is hollow.
    pub decides: bool,
}

impl ForestInterval {
    /// Draws it at the height `y`; the hole of a point that decides nothing has a radius of twice `size`.
    pub(super) fn draw<DB: DrawingBackend>(
        &self,
        chart: &mut ChartContext<DB, Cartesian2d<RangedCoordf64, RangedCoordf64>>,
        y: f64,
        size: u32,
    ) -> Drawn
    where
        DB::ErrorType: 'static,
    {
        let (e, colour) = (&self.estimate, SERIES[self.colour % LINE_COLOURS]);
        let bar = vec![(e.lo, y), (e.hi, y)];
        chart.draw_series([PathElement::new(bar, colour.stroke_width(2 * size))])?;
        let point = (e.point, y);
        chart.draw_series([Circle::new(point, 3 * size, colour.filled())])?;
        if !self.decides {
            chart.draw_series([Circle::new(point, 2 * size, WHITE.filled())])?;
        }
        Ok(())
    }
}

/// Named rows of several intervals each. `axis` names the axis, which spans `ends`; a line stands at `none`, where there is
/// no effect.
pub struct GroupedForest<'a> {
    /// The rows.
    pub groups: &'a [ForestRow],
    /// What is measured.
    pub axis: &'a str,
    /// The value of no effect.
    pub none: f64,
    /// The ends of the axis.
    pub ends: [f64; 2],
}

impl GroupedForest<'_> {
    /// As an SVG element. A point under the pointer shows its values.
    pub fn svg(&self) -> Result<String> {
        let mut spots = Spots::default();
        let drawn = svg((SIZE.0, self.height()), |root| self.draw(root, &mut spots))?;
        Ok(spots.put_over(drawn))
    }

    /// As a PNG at `path`, under a title, some lines of text, and a key of the intervals' names with their colours.
    pub fn png(&self, path: &Path, title: &str, lines: &[String]) -> Result<()> {
        let key = self
            .groups
            .first()
            .map_or(&[][..], |group| &group.intervals);
        let head = 70 + 36 * lines.len() as u32 + 44;
        let size = (SIZE.0, head + self.height());
        png(path, size, |root| {
            root.fill(&WHITE)?;
            root.draw(&Text::new(
                shortened(title.to_owned(), 36),
                (40, 24),
                text(40, INK),
            ))?;
            for (i, line) in lines.iter().enumerate() {
                let at = (40, 76 + 36 * i as i32);
                root.draw(&Text::new(shortened(line.clone(), 70), at, text(22, INK)))?;
            }
            let mut x = 40;
            let y = head as i32 - 36;
            for ForestInterval { name, colour, .. } in key {
                let colour = SERIES[colour % LINE_COLOURS];
                let stroke = vec![(x, y + 12), (x + 30, y + 12)];
                root.draw(&PathElement::new(stroke, colour.stroke_width(6)))?;
                root.draw(&Text::new(name.clone(), (x + 40, y), text(22, INK)))?;
                x += 60 + 14 * name.chars().count() as i32;
            }
            let (_, below) = root.split_vertically(head);
            self.draw(&below, &mut Spots::default())
        })
    }

    /// The height of a row: its name, and its intervals below.
    fn row(&self) -> u32 {
        let most = self.groups.iter().map(|group| group.intervals.len()).max();
        NAME + 30 * most.unwrap_or(1) as u32
    }

    fn height(&self) -> u32 {
        110 + self.row() * self.groups.len() as u32
    }

    fn draw<DB>(&self, root: &DrawingArea<DB, Shift>, spots: &mut Spots) -> Drawn
    where
        DB: DrawingBackend,
        DB::ErrorType: 'static,
    {
        let rows_end = self.groups.len() as f64;
        let name = f64::from(NAME - 12) / f64::from(self.row());
        let mut chart = ChartBuilder::on(root)
            .margin(10)
            .margin_left(28)
            .margin_right(28)
            .x_label_area_size(84)
            .build_cartesian_2d(span(self.ends), rows_end..0.0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(2))
            .axis_style(FAINT.stroke_width(2))
            .label_style(text(LETTER, INK))
            .axis_desc_style(text(LETTER, INK))
            .x_labels(5)
            .x_label_formatter(&plain)
            .x_desc(self.axis)
            .draw()?;
        for (at, group) in self.groups.iter().enumerate() {
            let top = at as f64;
            // The line does not cross the row's name.
            let line = [(self.none, top + name), (self.none, top + 1.0)];
            chart.draw_series([PathElement::new(line, FAINT.stroke_width(3))])?;
            let each = (0.94 - name) / group.intervals.len().max(1) as f64;
            for (i, one) in group.intervals.iter().enumerate() {
                let y = top + name + (i as f64 + 0.5) * each;
                one.draw(&mut chart, y, 3)?;
                let e = &one.estimate;
                let title = format!("{}, {}: {e}", one.name, group.name);
                spots.add(chart.backend_coord(&(e.point, y)), &title);
            }
            let corner = chart.backend_coord(&(self.none, top));
            let (name, letter) = fitted(group.name.clone(), 48, LETTER);
            // Relative to the drawing area, whose place in the picture is not part of its own coordinates.
            let (_, above) = root.get_base_pixel();
            let at = (40, corner.1 - above + 6);
            root.draw(&Text::new(name, at, text(letter, INK)))?;
        }
        Ok(())
    }
}
