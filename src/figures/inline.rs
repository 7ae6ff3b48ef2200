//! Drawings that are part of a page and use its colours, light or dark.

use std::ops::Range;

use plotters::{
    coord::{
        Shift,
        ranged1d::{AsRangedCoord, ValueFormatter},
        types::RangedCoordf64,
    },
    prelude::*,
};

use super::style::{Drawn, FAINT, GRID, INK, SERIES, fitted, short, span, steps_label, svg, text};
use stats::{Estimate, three_digits};

use crate::Result;

/// The number of lines with a separate colour. Lines with higher numbers share the colours and are dashed.
pub const LINE_COLOURS: usize = SERIES.len();

/// Twice the size on the page, because plotters rounds coordinates to whole numbers.
pub const SIZE: (u32, u32) = (800, 560);
/// The height of letters.
pub const LETTER: u32 = 32;

/// The width of a line, and of a faint one behind the others.
const WIDTH: u32 = 5;
const FAINT_WIDTH: u32 = 3;
/// The extra width of a line for each line that covers it, so that it shows on both sides, and the most lines that count.
const WIDER: u32 = 6;
const MOST_WIDER: usize = 3;
/// The radius of a spot that shows a point's values.
const SPOT: u32 = 12;
/// The room for names at the ends of lines.
const LABELS: u32 = 276;
/// The height of letters in them.
const NAME: u32 = 28;
/// Lines are near each other where they differ by this share of the vertical axis.
const NEAR: f64 = 0.004;

/// The labels of an axis.
type AxisLabel<'a> = Box<dyn Fn(&f64) -> String + 'a>;

/// What the horizontal axis shows.
pub enum HorizontalAxis<'a> {
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
    /// What it is called; shown beside a point under the pointer.
    pub name: String,
    /// The number of its colour.
    pub colour: usize,
    /// Its points from left to right.
    pub points: Vec<(f64, Estimate)>,
    /// How its intervals are drawn.
    pub intervals: IntervalStyle,
}

/// How intervals are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalStyle {
    /// As a band along the line.
    Band,
    /// As a bar through each point.
    Bars,
    /// As a bar through each point, with no line from point to point.
    Points,
    /// Not at all.
    None,
    /// Not at all, and the line is faint and behind the others.
    Behind,
}

/// A drawing of `lines`, as an SVG element. `vertical` names the vertical axis; a dashed line marks
/// each of the heights in `marked`. A point under the pointer shows its values.
pub fn line_plot(
    horizontal: &HorizontalAxis,
    vertical: &str,
    lines: &[Line],
    marked: &[f64],
) -> Result<String> {
    plot(horizontal, vertical, lines, marked, false)
}

/// A [`line_plot`] with the lines' names at their right ends, in place of a key.
pub fn labelled_line_plot(
    horizontal: &HorizontalAxis,
    vertical: &str,
    lines: &[Line],
    marked: &[f64],
) -> Result<String> {
    plot(horizontal, vertical, lines, marked, true)
}

fn plot(
    horizontal: &HorizontalAxis,
    vertical: &str,
    lines: &[Line],
    marked: &[f64],
    labelled: bool,
) -> Result<String> {
    let plot = LinePlot {
        horizontal,
        vertical,
        lines,
        marked,
        labelled,
    };
    let mut spots = Spots::default();
    let drawn = svg(SIZE, |root| plot.draw(root, &mut spots))?;
    Ok(spots.put_over(drawn))
}

/// Invisible circles over the points of a drawing. Browsers show their titles under the pointer.
#[derive(Default)]
pub struct Spots(String);

impl Spots {
    /// A spot at these coordinates.
    pub fn add(&mut self, (x, y): (i32, i32), title: &str) {
        let title = title.replace('&', "&amp;").replace('<', "&lt;");
        self.0 += &format!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{SPOT}\" fill-opacity=\"0\"><title>{title}</title></circle>\n"
        );
    }

    /// `drawn` with the circles over it.
    pub fn put_over(self, drawn: String) -> String {
        match drawn.rsplit_once("</svg>") {
            Some((drawing, rest)) => format!("{drawing}{}</svg>{rest}", self.0),
            None => drawn,
        }
    }
}

/// Lines with their axes.
struct LinePlot<'a> {
    horizontal: &'a HorizontalAxis<'a>,
    vertical: &'a str,
    lines: &'a [Line],
    marked: &'a [f64],
    labelled: bool,
}

impl LinePlot<'_> {
    fn points(&self) -> impl Iterator<Item = &(f64, Estimate)> {
        self.lines.iter().flat_map(|line| &line.points)
    }

    /// The range of heights that is drawn.
    fn heights(&self) -> Range<f64> {
        let drawn =
            |line: &&Line| !matches!(line.intervals, IntervalStyle::None | IntervalStyle::Behind);
        let ends = self.lines.iter().filter(drawn);
        let ends = ends.flat_map(|line| line.points.iter().flat_map(|(_, e)| [e.lo, e.hi]));
        let points = self.points().map(|(_, e)| e.point);
        span(points.chain(ends).chain(self.marked.iter().copied()))
    }

    /// The positions of the first and the last point.
    fn ends(&self) -> (f64, f64) {
        let start = (f64::INFINITY, f64::NEG_INFINITY);
        self.points()
            .fold(start, |(low, high), (x, _)| (low.min(*x), high.max(*x)))
    }

    fn draw(&self, root: &DrawingArea<SVGBackend, Shift>, spots: &mut Spots) -> Drawn {
        match self.horizontal {
            HorizontalAxis::Log(_) => {
                let logs = span(self.points().map(|(x, _)| x.log10()));
                let range = (10f64.powf(logs.start)..10f64.powf(logs.end)).log_scale();
                self.draw_over(root, range, spots)
            }
            HorizontalAxis::Levels(levels) => {
                self.draw_over(root, -0.5..levels.len() as f64 - 0.5, spots)
            }
            HorizontalAxis::Steps | HorizontalAxis::Number(_) => {
                let (low, high) = self.ends();
                // Points need room around them; a line reaches from side to side.
                let points = |line: &Line| line.intervals == IntervalStyle::Points;
                let range = match low < high && !self.lines.iter().any(points) {
                    true => low..high,
                    false => span([low, high]),
                };
                self.draw_over(root, range, spots)
            }
        }
    }

    fn draw_over<X>(
        &self,
        root: &DrawingArea<SVGBackend, Shift>,
        range: X,
        spots: &mut Spots,
    ) -> Drawn
    where
        X: AsRangedCoord<Value = f64>,
        X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let heights = self.heights();
        let mut chart = ChartBuilder::on(root)
            .margin(10)
            .margin_right(if self.labelled { LABELS } else { 28 })
            .x_label_area_size(84)
            .y_label_area_size(124)
            .build_cartesian_2d(range, heights.clone())?;
        let (description, labels): (&str, AxisLabel) = match self.horizontal {
            HorizontalAxis::Steps => ("steps", Box::new(steps_label)),
            HorizontalAxis::Log(what) | HorizontalAxis::Number(what) => (what, Box::new(plain)),
            HorizontalAxis::Levels(levels) => {
                let level = |x: &f64| match x.fract() == 0.0 && *x >= 0.0 {
                    true => levels.get(*x as usize).cloned().unwrap_or_default(),
                    false => String::new(),
                };
                ("", Box::new(level))
            }
        };
        let mut mesh = chart.configure_mesh();
        let ticks = match self.horizontal {
            HorizontalAxis::Levels(levels) => {
                mesh.disable_x_mesh();
                // Enough ticks for each level to get one.
                2 * levels.len() + 1
            }
            _ => 5,
        };
        mesh.light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(2))
            .axis_style(FAINT.stroke_width(2))
            .label_style(text(LETTER, INK))
            .axis_desc_style(text(LETTER, INK))
            .x_labels(ticks)
            .y_labels(6)
            .x_label_formatter(&*labels)
            .y_label_formatter(&plain)
            .x_desc(description)
            .y_desc(self.vertical)
            .draw()?;
        let (low, high) = match self.horizontal {
            HorizontalAxis::Levels(levels) => (-0.5, levels.len() as f64 - 0.5),
            _ => self.ends(),
        };
        for &y in self.marked.iter().filter(|y| heights.contains(y)) {
            let at = [(low, y), (high, y)];
            chart.draw_series(DashedLineSeries::new(at, 8, 8, FAINT.stroke_width(3)))?;
        }
        let behind = |line: &&Line| line.intervals == IntervalStyle::Behind;
        let (back, front): (Vec<_>, Vec<_>) = self.lines.iter().partition(behind);
        for line in back {
            line.draw(&mut chart, FAINT_WIDTH)?;
        }
        let near = NEAR * (heights.end - heights.start);
        for (i, line) in front.iter().enumerate() {
            let covers = front[i + 1..]
                .iter()
                .filter(|other| other.covers(line, near));
            let wider = covers.count().min(MOST_WIDER) as u32;
            line.draw(&mut chart, WIDTH + WIDER * wider)?;
            for &(x, e) in &line.points {
                let at = match self.horizontal {
                    HorizontalAxis::Steps => steps_label(&x),
                    _ => labels(&x),
                };
                let value = match e.lo < e.hi {
                    true => e.to_string(),
                    false => three_digits(e.point),
                };
                let title = format!("{} at {at}: {value}", line.name);
                spots.add(chart.backend_coord(&(x, e.point)), &title);
            }
        }
        if self.labelled {
            let ends = front.iter().filter_map(|line| {
                let (x, e) = line.points.last()?;
                Some((chart.backend_coord(&(*x, e.point)), *line))
            });
            draw_labels(root, ends.collect())?;
        }
        Ok(())
    }
}

/// Draws the names of lines beside their ends. Names that would be in each other's way are moved apart.
fn draw_labels(root: &DrawingArea<SVGBackend, Shift>, mut ends: Vec<((i32, i32), &Line)>) -> Drawn {
    ends.sort_by_key(|((_, y), _)| *y);
    let between = NAME as i32 + 4;
    let mut heights: Vec<i32> = ends.iter().map(|((_, y), _)| *y).collect();
    for i in 1..heights.len() {
        heights[i] = heights[i].max(heights[i - 1] + between);
    }
    // Back up from the lower end, so that none leaves the drawing.
    let lowest = SIZE.1 as i32 - 90;
    for i in (0..heights.len()).rev() {
        let below = heights.get(i + 1).map_or(lowest, |below| below - between);
        heights[i] = heights[i].min(below);
    }
    for (((x, _), line), y) in ends.into_iter().zip(heights) {
        let (name, letter) = fitted(line.name.clone(), 17, NAME);
        let style = text(letter, SERIES[line.colour % LINE_COLOURS]);
        root.draw(&Text::new(name, (x + 12, y - letter as i32 / 2), style))?;
    }
    Ok(())
}

impl Line {
    /// Whether this line hides `other` where it is drawn over it: they are `near` each other at half of the points or
    /// more.
    fn covers(&self, other: &Line, near: f64) -> bool {
        let close = |(a, b): &(&(f64, Estimate), &(f64, Estimate))| {
            a.0 == b.0 && (a.1.point - b.1.point).abs() <= near
        };
        let hidden = self.points.iter().zip(&other.points).filter(close).count();
        hidden > 0 && 2 * hidden >= other.points.len()
    }

    fn draw<'a, X>(
        &self,
        chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, RangedCoordf64>>,
        width: u32,
    ) -> Drawn
    where
        X: Ranged<ValueType = f64>,
    {
        let colour = SERIES[self.colour % LINE_COLOURS];
        let points = &self.points;
        match self.intervals {
            IntervalStyle::Band => {
                let upper = points.iter().map(|(x, e)| (*x, e.hi));
                let lower = points.iter().rev().map(|(x, e)| (*x, e.lo));
                let band: Vec<(f64, f64)> = upper.chain(lower).collect();
                chart.draw_series([Polygon::new(band, colour.mix(0.16))])?;
            }
            IntervalStyle::Bars | IntervalStyle::Points => {
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
            IntervalStyle::None | IntervalStyle::Behind => {}
        }
        if self.intervals == IntervalStyle::Points {
            return Ok(());
        }
        let path = points.iter().map(|(x, e)| (*x, e.point));
        let style = match self.intervals {
            IntervalStyle::Behind => colour.mix(0.4).stroke_width(width),
            _ => colour.stroke_width(width),
        };
        match self.colour < LINE_COLOURS {
            true => chart.draw_series(LineSeries::new(path, style)).map(drop)?,
            false => chart
                .draw_series(DashedLineSeries::new(path, 16, 10, style))
                .map(drop)?,
        }
        Ok(())
    }
}

/// A number on an axis. plotters may miss 0 by a rounding error.
pub fn plain(x: &f64) -> String {
    short(if x.abs() < 1e-12 { &0.0 } else { x })
}
