//! Environments on one scale: how long they remember, how far they shift, how much of them is seen.

use std::path::Path;

use plotters::{
    coord::ranged1d::{AsRangedCoord, ValueFormatter},
    prelude::*,
};

use super::{
    axes::{Area, Axes, LABELS, heading},
    paper::Paper,
    style::{Drawn, FAINT, GRID, INK, SERIES, png, short, shortened, steps_label, text},
};
use stats::Estimate;

use crate::Result;

const WIDTH: u32 = 1500;
/// The height of the curves above.
const CURVES: u32 = 430;
/// The height of a row of the dots below.
const ROW: u32 = 30;
/// The width of the names next to the dots.
const NAMES: u32 = 500;
/// The number of letters of a name that fit.
const LETTERS: usize = 56;
const AXIS: u32 = 50;
const HEAD: u32 = 66;

/// An environment under a policy, measured.
pub struct MeasuredEnvironment {
    /// The name.
    pub name: String,
    /// The name of the policy.
    pub policy: String,
    /// The number of its kind, which determines its colour if there are too many environments for one
    /// colour each.
    pub kind: usize,
    /// The autocorrelation of observations by lag in steps; empty if none ever changes.
    pub autocorrelation: Vec<(usize, Estimate)>,
    /// Distinct states by steps.
    pub states: Vec<(usize, Estimate)>,
    /// Autocorrelation times in steps, drawn in this order.
    pub times: Vec<Dot>,
    /// Distances from early to late data, drawn in this order.
    pub distances: Vec<Dot>,
}

/// A number with its interval.
pub struct Dot {
    /// The number.
    pub estimate: Estimate,
    /// What the number measures.
    pub data: MeasuredData,
    /// Whether it is a lower bound.
    pub at_least: bool,
}

/// What a number measures, which determines how it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasuredData {
    /// Observations: filled.
    Observations,
    /// Observations, swings included: small.
    Swings,
    /// Rewards: hollow.
    Rewards,
}

/// Draws `environments`, each measured over `streams` streams of `steps` steps, to `path`, as PNG.
pub fn describe(
    path: &Path,
    environments: &[MeasuredEnvironment],
    streams: usize,
    steps: usize,
) -> Result<()> {
    let dots = ROW * environments.len() as u32;
    let size = (WIDTH, HEAD + CURVES + 80 + dots + AXIS + 24);
    png(path, size, |root| {
        let root = root.margin(14, 10, 16, 30);
        let (head, rest) = root.split_vertically(HEAD);
        let note = note(environments, streams, steps);
        heading(&head, "How far from i.i.d.?", &note, 4, 36)?;
        let (curves, dots) = rest.split_vertically(CURVES);
        let (left, right) = curves.split_horizontally(WIDTH / 2 - 20);
        autocorrelation(&left, environments)?;
        states(&right, environments)?;
        let (names, dots) = dots.split_horizontally(NAMES);
        self::names(&names, environments)?;
        let (left, right) = dots.split_horizontally((WIDTH - NAMES) / 2);
        times(&left, environments)?;
        distances(&right, environments)
    })
}

fn note(environments: &[MeasuredEnvironment], streams: usize, steps: usize) -> String {
    let Some(first) = environments.first() else {
        return String::new();
    };
    let steps = steps_label(&(steps as f64));
    let policy = match one_policy(environments) {
        true => format!(", policy {}", shortened(first.policy.clone(), LETTERS)),
        false => String::new(),
    };
    let key = match environments.len() > SERIES.len() {
        true => "a colour for each kind of environment",
        false => "the names below are the key",
    };
    format!(
        "mean over {streams} independent streams of {steps} steps, with its 95 % interval{policy}; {key}"
    )
}

fn one_policy(environments: &[MeasuredEnvironment]) -> bool {
    environments
        .iter()
        .all(|one| one.policy == environments[0].policy)
}

/// A colour for each environment, or for each kind of environment if there are too many.
fn colours(environments: &[MeasuredEnvironment]) -> Vec<RGBColor> {
    if environments.len() <= SERIES.len() {
        return SERIES[..environments.len()].to_vec();
    }
    let colour = |one: &MeasuredEnvironment| SERIES[one.kind % SERIES.len()];
    environments.iter().map(colour).collect()
}

fn autocorrelation(area: &Area, environments: &[MeasuredEnvironment]) -> Drawn {
    let points = || environments.iter().flat_map(|one| &one.autocorrelation);
    let most = points().map(|(lag, _)| *lag).max().unwrap_or(1).max(2) as f64;
    let lowest = points().map(|(_, rho)| rho.lo).fold(-0.1, f64::min);
    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(AXIS)
        .y_label_area_size(70)
        .build_cartesian_2d((1.0..most).log_scale(), lowest..1.02)?;
    let axes = Axes {
        x: "lag in steps",
        y: "autocorrelation of observations",
        labels: (LABELS, LABELS),
        x_label: &steps_label,
        y_label: &linear,
        letters: (16, 17),
    };
    axes.draw(&mut chart)?;
    for (one, colour) in environments.iter().zip(colours(environments)) {
        curve(&mut chart, &one.autocorrelation, colour)?;
    }
    Ok(())
}

fn states(area: &Area, environments: &[MeasuredEnvironment]) -> Drawn {
    let points = || environments.iter().flat_map(|one| &one.states);
    let last = points().map(|(step, _)| *step).max().unwrap_or(2) as f64;
    let most = points().map(|(_, states)| states.hi).fold(2.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .margin_left(10)
        .x_label_area_size(AXIS)
        .y_label_area_size(80)
        .build_cartesian_2d((1.0..last).log_scale(), (1.0..most).log_scale())?;
    let axes = Axes {
        x: "steps",
        y: "distinct states seen",
        labels: (LABELS, LABELS),
        x_label: &steps_label,
        y_label: &steps_label,
        letters: (16, 17),
    };
    axes.draw(&mut chart)?;
    for (one, colour) in environments.iter().zip(colours(environments)) {
        curve(&mut chart, &one.states, colour)?;
    }
    Ok(())
}

/// A line with its interval as a band.
fn curve<X, Y>(
    chart: &mut ChartContext<Paper, Cartesian2d<X, Y>>,
    points: &[(usize, Estimate)],
    colour: RGBColor,
) -> Drawn
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    let above = points.iter().map(|(x, e)| (*x as f64, e.hi));
    let below = points.iter().rev().map(|(x, e)| (*x as f64, e.lo));
    let band: Vec<(f64, f64)> = above.chain(below).collect();
    chart.draw_series([Polygon::new(band, colour.mix(0.15))])?;
    let line = points.iter().map(|(x, e)| (*x as f64, e.point));
    chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
    Ok(())
}

/// A number on a linear axis. plotters may miss 0 by a rounding error.
fn linear(x: &f64) -> String {
    short(if x.abs() < 1e-9 { &0.0 } else { x })
}

/// The distance of the rows of dots from the top.
const TOP: i32 = 76;

fn names(area: &Area, environments: &[MeasuredEnvironment]) -> Drawn {
    let alone = one_policy(environments);
    for (i, (one, colour)) in environments.iter().zip(colours(environments)).enumerate() {
        let y = TOP + (ROW * i as u32 + ROW / 2) as i32;
        let dash = vec![(4, y), (24, y)];
        area.draw(&PathElement::new(dash, colour.stroke_width(4)))?;
        let policy = match alone {
            true => String::new(),
            false => shortened(format!(", {}", one.policy), LETTERS / 2),
        };
        let left = LETTERS - policy.chars().count();
        let name = shortened(one.name.clone(), left) + &policy;
        area.draw(&Text::new(name, (34, y - 4), text(16, INK)))?;
    }
    Ok(())
}

fn times(area: &Area, environments: &[MeasuredEnvironment]) -> Drawn {
    let rows: Vec<&[Dot]> = environments.iter().map(|one| &one.times[..]).collect();
    let title = [
        "autocorrelation time in steps",
        "filled: observations, small: with swings, hollow: rewards, triangle: longer",
    ];
    let range = (0.9..highest(&rows, 10.0) * 1.5).log_scale();
    dots(area, title, range, &rows, &colours(environments))
}

fn distances(area: &Area, environments: &[MeasuredEnvironment]) -> Drawn {
    let rows: Vec<&[Dot]> = environments.iter().map(|one| &one.distances[..]).collect();
    let most = highest(&rows, 0.1);
    let title = [
        "distance from early to late data",
        "0: one distribution, 1: fully apart",
    ];
    let range = -0.02 * most..most * 1.05;
    dots(area, title, range, &rows, &colours(environments))
}

/// The end of the longest interval, but at least `least`.
fn highest(rows: &[&[Dot]], least: f64) -> f64 {
    let ends = rows.iter().copied().flatten().map(|dot| dot.estimate.hi);
    ends.fold(least, f64::max)
}

fn dots<X>(
    area: &Area,
    title: [&str; 2],
    range: impl AsRangedCoord<CoordDescType = X, Value = f64>,
    rows: &[&[Dot]],
    colours: &[RGBColor],
) -> Drawn
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    area.draw(&Text::new(title[0], (6, 24), text(17, INK)))?;
    area.draw(&Text::new(title[1], (6, 47), text(14, FAINT)))?;
    let mut chart = ChartBuilder::on(area)
        .margin_top(TOP)
        .margin_right(16)
        .x_label_area_size(AXIS)
        .build_cartesian_2d(range, rows.len() as f64..0.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(FAINT)
        .label_style(text(16, INK))
        .disable_y_mesh()
        .x_labels(6)
        .x_label_formatter(&linear)
        .draw()?;
    for (i, (row, colour)) in rows.iter().zip(colours).enumerate() {
        let y = i as f64 + 0.5;
        for dot in *row {
            let Estimate { point, lo, hi, .. } = dot.estimate;
            let bar = PathElement::new(vec![(lo, y), (hi, y)], colour.stroke_width(2));
            chart.draw_series([bar])?;
            let at = (point, y);
            let size = if dot.data == MeasuredData::Swings {
                3
            } else {
                5
            };
            let hollow = dot.data == MeasuredData::Rewards;
            let inside = if hollow { WHITE } else { *colour };
            let styles = [inside.filled(), colour.stroke_width(2)];
            if dot.at_least {
                chart.draw_series(styles.map(|s| TriangleMarker::new(at, size + 3, s)))?;
            } else {
                chart.draw_series(styles.map(|s| Circle::new(at, size, s)))?;
            }
        }
    }
    Ok(())
}
