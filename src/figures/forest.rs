//! Intervals in rows, as drawings that are part of a page.

use plotters::prelude::*;
use stats::Estimate;

use super::{
    inline::{LETTER, LINE_COLOURS, SIZE, Spots, plain},
    style::{FAINT, GRID, INK, SERIES, shortened, span, svg, text},
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
            let name = shortened(name.clone(), 44);
            root.draw(&Text::new(name, (40, corner.1 + 14), text(LETTER, INK)))?;
        }
        Ok(())
    })
}

/// A row of a [`grouped_forest_plot`].
pub struct Group {
    /// What it is called.
    pub name: String,
    /// What its intervals are of, their colours, and themselves.
    pub intervals: Vec<(String, usize, Estimate)>,
}

/// Named rows of several intervals each, as an SVG element. `axis` names the axis, which spans `ends`; a line stands at
/// `none`, where there is no effect.
pub fn grouped_forest_plot(
    groups: &[Group],
    axis: &str,
    none: f64,
    ends: [f64; 2],
) -> Result<String> {
    let most = groups.iter().map(|group| group.intervals.len()).max();
    let row = 52 + 30 * most.unwrap_or(1) as u32;
    let height = 110 + row * groups.len() as u32;
    let name = 40.0 / f64::from(row);
    let mut spots = Spots::default();
    let drawn = svg((SIZE.0, height), |root| {
        let rows_end = groups.len() as f64;
        let mut chart = ChartBuilder::on(root)
            .margin(10)
            .margin_left(28)
            .margin_right(28)
            .x_label_area_size(84)
            .build_cartesian_2d(span(ends), rows_end..0.0)?;
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
        for (at, group) in groups.iter().enumerate() {
            let top = at as f64;
            // It does not cross the row's name.
            let middle = [(none, top + name), (none, top + 1.0)];
            chart.draw_series([PathElement::new(middle, FAINT.stroke_width(3))])?;
            let each = (0.94 - name) / group.intervals.len().max(1) as f64;
            for (i, (what, colour, e)) in group.intervals.iter().enumerate() {
                let y = top + name + (i as f64 + 0.5) * each;
                let colour = SERIES[colour % LINE_COLOURS];
                let bar = vec![(e.lo, y), (e.hi, y)];
                chart.draw_series([PathElement::new(bar, colour.stroke_width(6))])?;
                chart.draw_series([Circle::new((e.point, y), 9, colour.filled())])?;
                let title = format!("{what}, {}: {e}", group.name);
                spots.add(chart.backend_coord(&(e.point, y)), &title);
            }
            let corner = chart.backend_coord(&(none, top));
            let name = shortened(group.name.clone(), 44);
            root.draw(&Text::new(name, (40, corner.1 + 6), text(LETTER, INK)))?;
        }
        Ok(())
    })?;
    Ok(spots.put_over(drawn))
}
