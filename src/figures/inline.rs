//! Drawings that stand within a page and take its colours, light or dark.

use std::ops::Range;

use plotters::{
    coord::{
        Shift,
        ranged1d::{AsRangedCoord, ValueFormatter},
    },
    prelude::*,
};

use super::style::{Drawn, FAINT, GRID, INK, SERIES, short, span, steps_label, svg, text};
use crate::{Result, stats::Estimate};

/// Colours that tell lines apart; a line whose number is beyond them is dashed as well.
pub const COLOURS: usize = SERIES.len();

/// Twice what is shown, for coordinates are whole numbers.
const SIZE: (u32, u32) = (800, 560);
const LABEL: u32 = 32;

/// What a place on an axis is called.
type Label<'a> = Box<dyn Fn(&f64) -> String + 'a>;

/// What stands along the horizontal axis.
pub enum Across<'a> {
    /// Environment steps.
    Steps,
    /// A hyper-parameter on a logarithmic scale.
    Log(&'a str),
    /// A number.
    Number(&'a str),
    /// Levels, at 0, 1, ...
    Levels(&'a [String]),
}

/// Points with their intervals.
pub struct Line {
    /// The number of its colour.
    pub colour: usize,
    /// Its points from left to right.
    pub points: Vec<(f64, Estimate)>,
    /// How its intervals are drawn.
    pub intervals: Intervals,
}

/// How intervals are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intervals {
    /// As a band along the line.
    Band,
    /// As a bar through each point.
    Bars,
    /// As a bar through each point, with no line from point to point.
    Points,
    /// Not at all.
    None,
    /// Not at all, and the line stands behind the others.
    Behind,
}

/// A drawing of `lines`, as an SVG element; `marked` heights have lines of their own.
pub fn lines(across: &Across, up: &str, lines: &[Line], marked: &[f64]) -> Result<String> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let drawn = |line: &Line| !matches!(line.intervals, Intervals::None | Intervals::Behind);
    let ends = lines.iter().filter(|line| drawn(line));
    let ends = ends.flat_map(|line| line.points.iter().flat_map(|(_, e)| [e.lo, e.hi]));
    let heights = points()
        .map(|(_, e)| e.point)
        .chain(ends)
        .chain(marked.iter().copied());
    let heights = span(heights);
    svg(SIZE, |root| match across {
        Across::Log(_) => {
            let logs = span(points().map(|(x, _)| x.log10()));
            let range = (10f64.powf(logs.start)..10f64.powf(logs.end)).log_scale();
            draw(root, range, heights, across, up, lines, marked)
        }
        Across::Levels(levels) => {
            let range = -0.5..levels.len() as f64 - 0.5;
            draw(root, range, heights, across, up, lines, marked)
        }
        Across::Steps | Across::Number(_) => {
            let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
            for (x, _) in points() {
                (low, high) = (low.min(*x), high.max(*x));
            }
            // A point has room around it, a line reaches from side to side.
            let points = lines.iter().any(|line| line.intervals == Intervals::Points);
            let range = match low < high && !points {
                true => low..high,
                false => span([low, high]),
            };
            draw(root, range, heights, across, up, lines, marked)
        }
    })
}

fn draw<X>(
    root: &DrawingArea<SVGBackend, Shift>,
    range: X,
    heights: Range<f64>,
    across: &Across,
    up: &str,
    lines: &[Line],
    marked: &[f64],
) -> Drawn
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(root)
        .margin(10)
        .margin_right(28)
        .x_label_area_size(84)
        .y_label_area_size(124)
        .build_cartesian_2d(range, heights.clone())?;
    let (description, labels): (&str, Label) = match across {
        Across::Steps => ("steps", Box::new(steps_label)),
        Across::Log(what) | Across::Number(what) => (what, Box::new(plain)),
        Across::Levels(levels) => {
            let level = |x: &f64| match x.fract() == 0.0 && *x >= 0.0 {
                true => levels.get(*x as usize).cloned().unwrap_or_default(),
                false => String::new(),
            };
            ("", Box::new(level))
        }
    };
    let mut mesh = chart.configure_mesh();
    if let Across::Levels(_) = across {
        mesh.disable_x_mesh();
    }
    let ticks = match across {
        // So that each level is a tick.
        Across::Levels(levels) => 2 * levels.len() + 1,
        _ => 5,
    };
    mesh.light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(2))
        .axis_style(FAINT.stroke_width(2))
        .label_style(text(LABEL, INK))
        .axis_desc_style(text(LABEL, INK))
        .x_labels(ticks)
        .y_labels(6)
        .x_label_formatter(&*labels)
        .y_label_formatter(&plain)
        .x_desc(description)
        .y_desc(up)
        .draw()?;
    let ends: Vec<f64> = lines
        .iter()
        .flat_map(|line| &line.points)
        .map(|(x, _)| *x)
        .collect();
    let (low, high) = match across {
        Across::Levels(levels) => (-0.5, levels.len() as f64 - 0.5),
        _ => (
            ends.iter().copied().fold(f64::INFINITY, f64::min),
            ends.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ),
    };
    for &y in marked.iter().filter(|y| heights.contains(y)) {
        let at = [(low, y), (high, y)];
        chart.draw_series(DashedLineSeries::new(at, 8, 8, FAINT.stroke_width(3)))?;
    }
    let behind = |line: &&Line| line.intervals == Intervals::Behind;
    let (back, front): (Vec<_>, Vec<_>) = lines.iter().partition(behind);
    for line in back.into_iter().chain(front) {
        let colour = SERIES[line.colour % COLOURS];
        let points = &line.points;
        match line.intervals {
            Intervals::Band => {
                let upper = points.iter().map(|(x, e)| (*x, e.hi));
                let lower = points.iter().rev().map(|(x, e)| (*x, e.lo));
                let band: Vec<(f64, f64)> = upper.chain(lower).collect();
                chart.draw_series([Polygon::new(band, colour.mix(0.16))])?;
            }
            Intervals::Bars | Intervals::Points => {
                let bars = points.iter().map(|(x, e)| {
                    let ends = vec![(*x, e.lo), (*x, e.hi)];
                    PathElement::new(ends, colour.mix(0.5).stroke_width(4))
                });
                chart.draw_series(bars)?;
                let dots = points
                    .iter()
                    .map(|(x, e)| Circle::new((*x, e.point), 8, colour.filled()));
                chart.draw_series(dots)?;
            }
            Intervals::None | Intervals::Behind => {}
        }
        if line.intervals == Intervals::Points {
            continue;
        }
        let path = points.iter().map(|(x, e)| (*x, e.point));
        let style = match line.intervals {
            Intervals::Behind => colour.mix(0.4).stroke_width(3),
            _ => colour.stroke_width(5),
        };
        match line.colour < COLOURS {
            true => chart.draw_series(LineSeries::new(path, style)).map(drop)?,
            false => chart
                .draw_series(DashedLineSeries::new(path, 16, 10, style))
                .map(drop)?,
        }
    }
    Ok(())
}

/// A number on an axis, whose own arithmetic may miss 0 by a rounding.
fn plain(x: &f64) -> String {
    short(if x.abs() < 1e-12 { &0.0 } else { x })
}

/// Intervals below each other with their names, as an SVG element; `margin` either side of 0 is shaded.
pub fn intervals(rows: &[(String, Estimate)], across: &str, margin: f64) -> Result<String> {
    let height = 110 + 96 * rows.len() as u32;
    let ends = rows.iter().flat_map(|(_, e)| [e.lo, e.hi]);
    let range = span(ends.chain([-margin, margin]));
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
            .label_style(text(LABEL, INK))
            .axis_desc_style(text(LABEL, INK))
            .x_labels(5)
            .x_label_formatter(&plain)
            .x_desc(across)
            .draw()?;
        let zero = [(0.0, 0.0), (0.0, rows_end)];
        chart.draw_series([PathElement::new(zero, FAINT.stroke_width(3))])?;
        for (row, (name, e)) in rows.iter().enumerate() {
            let y = row as f64 + 0.72;
            let colour = SERIES[3];
            let ends = vec![(e.lo, y), (e.hi, y)];
            chart.draw_series([PathElement::new(ends, colour.stroke_width(6))])?;
            chart.draw_series([Circle::new((e.point, y), 10, colour.filled())])?;
            let corner = chart.backend_coord(&(e.point, row as f64));
            let name = super::style::shortened(name.clone(), 44);
            root.draw(&Text::new(name, (40, corner.1 + 14), text(LABEL, INK)))?;
        }
        Ok(())
    })
}
