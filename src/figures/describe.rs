//! Environments on one scale: how long they remember, how far they shift, how much of them is seen.

use std::path::Path;

use plotters::{
    coord::{
        Shift,
        ranged1d::{AsRangedCoord, ValueFormatter},
    },
    prelude::*,
};
use stats::{Estimate, two_sample::Change};

use super::style::{Drawn, FAINT, GRID, INK, SERIES, png, short, shortened, steps_label, text};
use crate::{
    Result,
    study::describe::{Description, Memory},
};

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

const WIDTH: u32 = 1500;
/// The curves above.
const CURVES: u32 = 430;
/// A line of the dots below.
const LINE: u32 = 30;
/// The names beside the dots.
const NAMES: u32 = 500;
/// Letters of a name that fit.
const LETTERS: usize = 56;
const AXIS: u32 = 50;
const HEAD: u32 = 66;

/// Draws `descriptions` to `path`, as PNG.
pub fn describe(path: &Path, descriptions: &[Description]) -> Result<()> {
    let dots = LINE * descriptions.len() as u32;
    let size = (WIDTH, HEAD + CURVES + 80 + dots + AXIS + 24);
    png(path, size, |root| {
        let root = root.margin(14, 10, 16, 30);
        let (head, rest) = root.split_vertically(HEAD);
        head.draw(&Text::new("How far from i.i.d.?", (4, 0), text(28, INK)))?;
        let note = descriptions.first().map_or(String::new(), |first| {
            let steps = steps_label(&(first.settings.steps as f64));
            let who = match one_policy(descriptions) {
                true => format!(", policy {}", shortened(first.policy.clone(), LETTERS)),
                false => String::new(),
            };
            let key = match descriptions.len() > SERIES.len() {
                true => "a colour for each kind of environment",
                false => "the names below are the key",
            };
            format!(
                "mean over {} independent streams of {steps} steps, with its 95 % interval{who}; {key}",
                first.settings.streams
            )
        });
        head.draw(&Text::new(note, (4, 36), text(18, FAINT)))?;
        let (curves, dots) = rest.split_vertically(CURVES);
        let (left, right) = curves.split_horizontally(WIDTH / 2 - 20);
        correlation(&left, descriptions)?;
        coverage(&right, descriptions)?;
        let (names, dots) = dots.split_horizontally(NAMES);
        self::names(&names, descriptions)?;
        let (left, right) = dots.split_horizontally((WIDTH - NAMES) / 2);
        times(&left, descriptions)?;
        changes(&right, descriptions)
    })
}

fn one_policy(descriptions: &[Description]) -> bool {
    descriptions
        .iter()
        .all(|d| d.policy == descriptions[0].policy)
}

/// A colour for each description, or where there are too many for each kind of environment.
fn colours(descriptions: &[Description]) -> Vec<RGBColor> {
    if descriptions.len() <= SERIES.len() {
        return SERIES[..descriptions.len()].to_vec();
    }
    let kind = |d: &Description| {
        let name = d.env.split('?').next().unwrap_or_default();
        let entry = envs::registry().iter().find(|entry| entry.name == name);
        entry.map_or(0, |entry| entry.kind as usize)
    };
    let colour = |d| SERIES[kind(d) % SERIES.len()];
    descriptions.iter().map(colour).collect()
}

/// The autocorrelation of observations by lag.
fn correlation(area: &Area, descriptions: &[Description]) -> Drawn {
    let colours = colours(descriptions);
    let all = || descriptions.iter().filter_map(|d| d.observations.as_ref());
    let points = || all().flat_map(|memory| &memory.correlation);
    let most = points().map(|(lag, _)| *lag).max().unwrap_or(1).max(2) as f64;
    let lowest = points().map(|(_, rho)| rho.lo).fold(-0.1, f64::min);
    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(AXIS)
        .y_label_area_size(70)
        .build_cartesian_2d((1.0..most).log_scale(), lowest..1.02)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(FAINT)
        .label_style(text(16, INK))
        .axis_desc_style(text(17, INK))
        .x_label_formatter(&steps_label)
        .y_label_formatter(&linear)
        .x_desc("lag in steps")
        .y_desc("autocorrelation of observations")
        .draw()?;
    for (i, memory) in descriptions.iter().map(|d| &d.observations).enumerate() {
        let points = memory.iter().flat_map(|memory| &memory.correlation);
        curve(
            &mut chart,
            points.map(|(lag, e)| (*lag as f64, *e)),
            colours[i],
        )?;
    }
    Ok(())
}

/// Distinct states by steps.
fn coverage(area: &Area, descriptions: &[Description]) -> Drawn {
    let colours = colours(descriptions);
    let points = || descriptions.iter().flat_map(|d| &d.coverage);
    let last = points().map(|(step, _)| *step).max().unwrap_or(2) as f64;
    let most = points().map(|(_, states)| states.hi).fold(2.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .margin_left(10)
        .x_label_area_size(AXIS)
        .y_label_area_size(80)
        .build_cartesian_2d((1.0..last).log_scale(), (1.0..most).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(FAINT)
        .label_style(text(16, INK))
        .axis_desc_style(text(17, INK))
        .x_label_formatter(&steps_label)
        .y_label_formatter(&steps_label)
        .x_desc("steps")
        .y_desc("distinct states seen")
        .draw()?;
    for (i, description) in descriptions.iter().enumerate() {
        let points = description.coverage.iter();
        curve(
            &mut chart,
            points.map(|(step, e)| (*step as f64, *e)),
            colours[i],
        )?;
    }
    Ok(())
}

/// A line with its interval as a band.
fn curve<X, Y>(
    chart: &mut ChartContext<BitMapBackend, Cartesian2d<X, Y>>,
    points: impl Iterator<Item = (f64, Estimate)>,
    colour: RGBColor,
) -> Drawn
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    let points: Vec<(f64, Estimate)> = points.collect();
    let above = points.iter().map(|(x, e)| (*x, e.hi));
    let below = points.iter().rev().map(|(x, e)| (*x, e.lo));
    let band: Vec<(f64, f64)> = above.chain(below).collect();
    chart.draw_series([Polygon::new(band, colour.mix(0.15))])?;
    let line = points.iter().map(|(x, e)| (*x, e.point));
    chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
    Ok(())
}

/// A number on a linear axis, whose zero the axis' own arithmetic misses.
fn linear(x: &f64) -> String {
    short(if x.abs() < 1e-9 { &0.0 } else { x })
}

/// Where the lines of the dots are, from the top.
const TOP: i32 = 76;

fn names(area: &Area, descriptions: &[Description]) -> Drawn {
    let colours = colours(descriptions);
    let alone = one_policy(descriptions);
    for (i, description) in descriptions.iter().enumerate() {
        let y = TOP + (LINE * i as u32 + LINE / 2) as i32;
        let dash = vec![(4, y), (24, y)];
        area.draw(&PathElement::new(dash, colours[i].stroke_width(4)))?;
        let Description { env, policy, .. } = description;
        let policy = match alone {
            true => String::new(),
            false => shortened(format!(", {policy}"), LETTERS / 2),
        };
        let left = LETTERS - policy.chars().count();
        let name = shortened(env.clone(), left) + &policy;
        area.draw(&Text::new(name, (34, y - 4), text(16, INK)))?;
    }
    Ok(())
}

/// A number with its interval.
struct Dot {
    estimate: Estimate,
    of: Of,
    /// Whether the true number is beyond.
    beyond: bool,
}

/// What a number is of, and so how it is drawn: filled, small, hollow.
#[derive(PartialEq)]
enum Of {
    Observations,
    Swings,
    Rewards,
}

/// The autocorrelation times.
fn times(area: &Area, descriptions: &[Description]) -> Drawn {
    let dot = |memory: &Memory, estimate: Estimate, of| Dot {
        estimate,
        of,
        beyond: memory.too_short(estimate),
    };
    let line = |d: &Description| -> Vec<Dot> {
        let rewards = d.rewards.iter().map(|m| dot(m, m.time, Of::Rewards));
        let swings = d
            .observations
            .iter()
            .map(|m| dot(m, m.swing_time, Of::Swings));
        let observations = d
            .observations
            .iter()
            .map(|m| dot(m, m.time, Of::Observations));
        rewards.chain(swings).chain(observations).collect()
    };
    let lines: Vec<Vec<Dot>> = descriptions.iter().map(line).collect();
    let most = lines.iter().flatten().map(|dot| dot.estimate.hi);
    let range = 0.9..most.fold(10.0, f64::max) * 1.5;
    let title = [
        "autocorrelation time in steps",
        "filled: observations, small: with swings, hollow: rewards, triangle: longer",
    ];
    dots(
        area,
        title,
        range.log_scale(),
        &lines,
        &colours(descriptions),
    )
}

/// The distances from early to late.
fn changes(area: &Area, descriptions: &[Description]) -> Drawn {
    let dot = |change: &Change, of| Dot {
        estimate: change.coefficient,
        of,
        beyond: false,
    };
    let line = |d: &Description| -> Vec<Dot> {
        let rewards = d.rewards_change.iter().map(|c| dot(c, Of::Rewards));
        let observations = d
            .observations_change
            .iter()
            .map(|c| dot(c, Of::Observations));
        rewards.chain(observations).collect()
    };
    let lines: Vec<Vec<Dot>> = descriptions.iter().map(line).collect();
    let most = lines.iter().flatten().map(|dot| dot.estimate.hi);
    let most = most.fold(0.1, f64::max);
    let title = [
        "distance from early to late data",
        "0: one distribution, 1: wholly apart",
    ];
    let range = -0.02 * most..most * 1.05;
    dots(area, title, range, &lines, &colours(descriptions))
}

fn dots<X>(
    area: &Area,
    title: [&str; 2],
    range: impl AsRangedCoord<CoordDescType = X, Value = f64>,
    lines: &[Vec<Dot>],
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
        .build_cartesian_2d(range, lines.len() as f64..0.0)?;
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
    for (i, (line, colour)) in lines.iter().zip(colours).enumerate() {
        let y = i as f64 + 0.5;
        for Dot {
            estimate,
            of,
            beyond,
        } in line
        {
            let Estimate { point, lo, hi, .. } = *estimate;
            let bar = PathElement::new(vec![(lo, y), (hi, y)], colour.stroke_width(2));
            chart.draw_series([bar])?;
            let at = (point, y);
            let size = if *of == Of::Swings { 3 } else { 5 };
            let inside = if *of == Of::Rewards { WHITE } else { *colour };
            let styles = [inside.filled(), colour.stroke_width(2)];
            if *beyond {
                chart.draw_series(styles.map(|s| TriangleMarker::new(at, size + 3, s)))?;
            } else {
                chart.draw_series(styles.map(|s| Circle::new(at, size, s)))?;
            }
        }
    }
    Ok(())
}
