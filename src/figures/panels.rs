//! Panels in a grid, each with curves over faint points.

use std::{ops::Range, path::Path};

use plotters::{
    coord::ranged1d::{AsRangedCoord, ValueFormatter},
    prelude::*,
};

use super::{
    axes::{Area, Axes, Points, dash, heading, key},
    style::{CurveColour, Drawn, png, short, span},
};
use crate::Result;

/// The number of points in a running median.
pub const MEDIAN_OF: usize = 31;

/// Panels in a row.
const COLUMNS: usize = 3;
/// The height of a row of panels, and of the space above and below the rows.
const ROW: u32 = 477;
const REST: u32 = 106;

/// One set of axes with its curves.
pub struct Panel {
    /// The name of the horizontal axis.
    pub x: &'static str,
    /// The name of the vertical axis.
    pub y: &'static str,
    /// The range of the horizontal axis.
    pub range: Range<f64>,
    /// The label of a place on the horizontal axis.
    pub x_label: fn(&f64) -> String,
    /// The scale of the heights.
    pub scale: HeightScale,
    /// The curves, those in front last.
    pub curves: Vec<Curve>,
}

/// A line over faint points.
pub struct Curve {
    /// The name; empty if the curve is alone.
    pub name: &'static str,
    /// Its colour.
    pub colour: CurveColour,
    /// The line.
    pub line: Vec<(f64, f64)>,
    /// The points behind it.
    pub points: Vec<(f64, f64)>,
}

/// The scale of the heights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeightScale {
    /// From -1 to 1 at most.
    Cosine,
    /// Linear and including 0; the most extreme two percent on each side may be cut off.
    Linear,
    /// Logarithmic; the lowest two percent may be cut off.
    Log,
}

impl Curve {
    /// `points` with their running median as the line; NaN is left out.
    pub fn with_running_median(
        name: &'static str,
        colour: CurveColour,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        let points = points.into_iter().filter(|(_, y)| y.is_finite());
        let points: Points = points.collect();
        let around = |i: usize| {
            let half = MEDIAN_OF / 2;
            let window = &points[i.saturating_sub(half)..(i + half + 1).min(points.len())];
            (points[i].0, median(window.iter().map(|(_, y)| *y)))
        };
        Self {
            name,
            colour,
            line: (0..points.len()).map(around).collect(),
            points,
        }
    }
}

/// The middle of `values`, the upper one of two; NaN if there are none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Draws `panels` under `title` and `note` to `path`, as PNG.
pub fn panels(path: &Path, title: &str, note: &str, panels: &[Panel]) -> Result<()> {
    let rows = panels.len().div_ceil(COLUMNS);
    png(path, (1800, REST + ROW * rows as u32), |root| {
        let root = root.margin(18, 14, 24, 30);
        let (head, rest) = root.split_vertically(74);
        heading(&head, title, note, 20, 38)?;
        let areas = rest.split_evenly((rows, COLUMNS));
        areas
            .iter()
            .zip(panels)
            .try_for_each(|(area, panel)| panel.draw(area))
    })
}

impl Panel {
    fn draw(&self, area: &Area) -> Drawn {
        let curves = self.curves.iter();
        let points = curves.flat_map(|curve| curve.points.iter().chain(&curve.line));
        let mut heights: Vec<f64> = points.map(|(_, y)| *y).collect();
        match self.scale {
            HeightScale::Cosine => {
                let range = span(heights.into_iter().chain([0.0]));
                self.draw_on(area, range.start.max(-1.0)..range.end.min(1.0))
            }
            HeightScale::Linear => {
                // A few extreme points must not flatten the rest.
                heights.sort_by(f64::total_cmp);
                let cut = heights.len() / 50;
                let most = &heights[cut..heights.len() - cut];
                self.draw_on(area, span(most.iter().copied().chain([0.0])))
            }
            HeightScale::Log => {
                heights.retain(|y| *y > 0.0);
                let mut logs: Vec<f64> = heights.into_iter().map(f64::log10).collect();
                logs.sort_by(f64::total_cmp);
                let mut logs = span(logs[logs.len() / 50..].iter().copied());
                if logs.end.floor() - logs.start.ceil() < 1.0 {
                    // The axis is labelled at powers of ten, of which there would be fewer than two.
                    logs = logs.start.floor()..logs.end.ceil();
                }
                let range = 10f64.powf(logs.start)..10f64.powf(logs.end);
                self.draw_on(area, range.log_scale())
            }
        }
    }

    fn draw_on<Y>(
        &self,
        area: &Area,
        heights: impl AsRangedCoord<CoordDescType = Y, Value = f64>,
    ) -> Drawn
    where
        Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .x_label_area_size(52)
            .y_label_area_size(84)
            .build_cartesian_2d(self.range.clone(), heights)?;
        let axes = Axes {
            x: self.x,
            y: self.y,
            labels: (6, 6),
            x_label: &self.x_label,
            y_label: &short,
            letters: (16, 17),
        };
        axes.draw(&mut chart)?;
        let y = chart.plotting_area().get_y_range();
        let within = |point: &&(f64, f64)| point.1 >= y.start && point.1 <= y.end;
        for curve in &self.curves {
            let style = curve.colour.rgb().mix(0.3).filled();
            let dots = curve.points.iter().filter(within);
            chart.draw_series(dots.map(|point| Circle::new(*point, 1, style)))?;
        }
        for curve in &self.curves {
            let colour = curve.colour.rgb();
            let line = curve.line.iter().filter(within).copied();
            let drawn = chart.draw_series(LineSeries::new(line, colour.stroke_width(3)))?;
            if !curve.name.is_empty() {
                drawn.label(curve.name).legend(move |at| dash(at, colour));
            }
        }
        match self.curves.iter().any(|curve| !curve.name.is_empty()) {
            true => key(&mut chart, SeriesLabelPosition::UpperRight, 8, 15),
            false => Ok(()),
        }
    }
}
