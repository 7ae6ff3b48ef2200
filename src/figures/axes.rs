//! What panels have in common: headings, axes, keys, and lines smoothed for the eye.

use std::array::IntoIter;

use plotters::{
    chart::ChartContext,
    coord::{Shift, ranged1d::ValueFormatter},
    element::DashedPathElement,
    prelude::*,
};

use super::{
    paper::Paper,
    style::{Drawn, FAINT, GRID, INK, text},
};

/// A part of a picture that is being drawn.
pub type Area<'a> = DrawingArea<Paper<'a>, Shift>;
/// The points of a line, from left to right.
pub type Points = Vec<(f64, f64)>;

/// The default number of labels on an axis.
pub const LABELS: usize = 11;

/// How a panel's axes are labelled.
pub struct Axes<'a> {
    /// The name of the horizontal axis; nothing is drawn if it is empty.
    pub x: &'a str,
    /// The name of the vertical axis; nothing is drawn if it is empty.
    pub y: &'a str,
    /// The approximate number of labels on each axis.
    pub labels: (usize, usize),
    /// The label of a place on the horizontal axis.
    pub x_label: &'a dyn Fn(&f64) -> String,
    /// The label of a place on the vertical axis.
    pub y_label: &'a dyn Fn(&f64) -> String,
    /// The size of labels and of the axes' names, in pixels.
    pub letters: (u32, u32),
}

impl Axes<'_> {
    /// Draws the axes, and the grid behind `chart`.
    pub fn draw<X, Y>(&self, chart: &mut ChartContext<Paper, Cartesian2d<X, Y>>) -> Drawn
    where
        X: Ranged<ValueType = f64> + ValueFormatter<f64>,
        Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let mut mesh = chart.configure_mesh();
        mesh.light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(FAINT)
            .label_style(text(self.letters.0, INK))
            .axis_desc_style(text(self.letters.1, INK))
            .x_labels(self.labels.0)
            .y_labels(self.labels.1)
            .x_label_formatter(self.x_label)
            .y_label_formatter(self.y_label);
        if !self.x.is_empty() {
            mesh.x_desc(self.x);
        }
        if !self.y.is_empty() {
            mesh.y_desc(self.y);
        }
        mesh.draw()?;
        Ok(())
    }
}

/// A title with a fainter note `below` it, both `left` pixels from the edge.
pub fn heading(area: &Area, title: &str, note: &str, left: i32, below: i32) -> Drawn {
    area.draw(&Text::new(title, (left, 0), text(28, INK)))?;
    area.draw(&Text::new(note, (left, below), text(18, FAINT)))?;
    Ok(())
}

/// The symbol for a line in a key.
pub fn dash((x, y): (i32, i32), colour: RGBColor) -> PathElement<(i32, i32)> {
    PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(3))
}

/// A dash of a dashed line, and the gap after it, in pixels.
const DASH: i32 = 8;
const GAP: i32 = 6;

/// A dashed line from one place to another.
pub fn dashed(
    ends: [(f64, f64); 2],
    style: ShapeStyle,
) -> DashedLineSeries<IntoIter<(f64, f64), 2>, i32> {
    DashedLineSeries::new(ends, DASH, GAP, style)
}

/// The sign for a dashed line in a key: two of its dashes.
pub fn dashes(
    (x, y): (i32, i32),
    style: ShapeStyle,
) -> DashedPathElement<IntoIter<(i32, i32), 2>, i32> {
    let ends = [(x, y), (x + 2 * DASH + GAP, y)];
    DashedPathElement::new(ends, DASH, GAP, style)
}

/// Draws the key of the lines that have a label, in letters of `size` pixels and `margin` pixels from
/// the corner.
pub fn key<'a, 'b: 'a, X, Y>(
    chart: &mut ChartContext<'a, Paper<'b>, Cartesian2d<X, Y>>,
    corner: SeriesLabelPosition,
    margin: u32,
    size: u32,
) -> Drawn
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    chart
        .configure_series_labels()
        .position(corner)
        .margin(margin)
        .background_style(WHITE.mix(0.85))
        .border_style(GRID)
        .label_font(text(size, INK))
        .draw()?;
    Ok(())
}

/// Replaces each point's height by the mean of it and up to `window - 1` points before it.
pub fn moving_mean(points: &[(f64, f64)], window: usize) -> Points {
    let mean = |i: usize| {
        let last = &points[(i + 1).saturating_sub(window)..=i];
        let sum: f64 = last.iter().map(|(_, y)| y).sum();
        (points[i].0, sum / last.len() as f64)
    };
    (0..points.len()).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moving_mean_looks_back() {
        let points = [(1.0, 2.0), (2.0, 4.0), (5.0, 9.0)];
        assert_eq!(
            moving_mean(&points, 2),
            [(1.0, 2.0), (2.0, 3.0), (5.0, 6.5)]
        );
        assert!(moving_mean(&[], 2).is_empty());
    }
}
