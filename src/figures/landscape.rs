//! A surface seen from above with the optimisers' paths over it, still and moving.

use std::{ops::Range, path::Path};

use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
};

use super::{
    clip::inside,
    film::{self, Shot},
    style::{Drawn as Done, FAINT, GRID, INK, SERIES, over, png, short, shortened, text},
};
use crate::{
    Error, Result,
    landscape::{OptimiserPaths, Point, Surface},
};

/// Shades between the lowest and the highest ground, and fewer in a film whose ground moves, for its size.
const SHADES: usize = 18;
const FEWER_SHADES: usize = 10;
const LOW: RGBColor = RGBColor(252, 253, 254);
const HIGH: RGBColor = RGBColor(193, 204, 220);
/// The lines between shades.
const CONTOUR: RGBColor = RGBColor(172, 184, 202);

/// Paths that a figure can tell apart.
pub const MOST_PATHS: usize = SERIES.len();

/// Where the objective's logarithmic axis ends.
const LEAST: f64 = 1e-10;

/// Points of a path that a film keeps where the minimum moves.
const TRAIL: usize = 50;

/// Of the key below a figure.
const COLUMNS: usize = 4;
const ROW: u32 = 26;

const FILM: (u32, u32) = (540, 320);
/// Frames of a film, more of them where the ground moves too.
const FRAMES: [u64; 2] = [60, 90];

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
type Map<'a, 'b> = ChartContext<'a, BitMapBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws `surface` with every path on it, and the objective along each, to `path` as PNG.
pub fn landscape(path: &Path, surface: &Surface, drawn: &[OptimiserPaths]) -> Result<()> {
    let rows = (drawn.len() + 1).div_ceil(COLUMNS) as u32;
    png(path, (1320, 662 + ROW * rows), |root| {
        let root = root.margin(16, 12, 16, 20);
        let (head, rest) = root.split_vertically(78);
        head.draw(&Text::new(surface.name, (8, 0), text(26, INK)))?;
        let summary = match (surface.is_random(), surface.averaged) {
            (false, _) => String::from(surface.summary),
            (true, false) => format!("{}; paths of one seed", surface.summary),
            (true, true) => format!("{}; each path the mean of all seeds", surface.summary),
        };
        head.draw(&Text::new(summary, (8, 32), text(16, INK)))?;
        head.draw(&Text::new(surface.formula, (8, 54), text(15, FAINT)))?;
        let (figures, key) = rest.split_vertically(544);
        let (left, right) = figures.split_horizontally(690);
        let end = last_step(drawn);
        ground(&left, surface, end, 16, 8, SHADES)?;
        let mut map = map(&left, surface, 16)?;
        moving_minimum(&mut map, surface, end)?;
        for (points, colour) in longest_first(drawn) {
            trace(&mut map, surface, &points, 2, colour)?;
        }
        marks(&mut map, surface, end, 6)?;
        objective(&right, drawn)?;
        legend(&key, drawn)
    })
}

/// Draws the paths as they grow to `path`, an animated GIF.
pub fn landscape_film(path: &Path, surface: &Surface, drawn: &[OptimiserPaths]) -> Result<()> {
    let shots = shots(surface, drawn).map_err(|error| Error::Figure {
        path: path.to_path_buf(),
        why: error.to_string(),
    })?;
    film::write(path, (FILM.0 as u16, FILM.1 as u16), &shots)
}

type Tried<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn shots(surface: &Surface, drawn: &[OptimiserPaths]) -> Tried<Vec<Shot>> {
    let end = last_step(drawn);
    let paths = longest_first(drawn);
    let still = !surface.is_shifting();
    let mut below = background(surface, drawn, 0)?;
    let mut shots: Vec<Shot> = Vec::new();
    for step in film_steps(end, still) {
        if !still {
            below = background(surface, drawn, step)?;
        }
        let mut pixels = below.clone();
        over(&mut pixels, FILM, |root| {
            let (left, right) = frame_parts(root);
            let mut map = map(&left, surface, 11)?;
            for (points, colour) in &paths {
                let reached = points.len().min(step as usize + 1);
                let trail = if still { usize::MAX } else { TRAIL };
                let from = reached.saturating_sub(trail);
                trace(&mut map, surface, &points[from..reached], 2, *colour)?;
            }
            marks(&mut map, surface, step, 4)?;
            right.draw(&Text::new(
                format!("step {step}"),
                (10, 30),
                text(13, FAINT),
            ))?;
            Ok(())
        })?;
        let delay = if step == end { 200 } else { 8 };
        shots.push(Shot { pixels, delay });
    }
    Ok(shots)
}

/// The steps that a film shows: evenly spread where the minimum moves, else more of the early ones, in
/// which most happens.
fn film_steps(end: u64, still: bool) -> Vec<u64> {
    let pace = if still { 2 } else { 1 };
    let frames = FRAMES[usize::from(!still)];
    let share = |frame: u64| (frame as f64 / frames as f64).powi(pace);
    let steps = (0..=frames).map(|frame| (end as f64 * share(frame)).round() as u64);
    let mut steps: Vec<u64> = steps.collect();
    steps.dedup();
    steps
}

/// What lies below the paths at step `t`.
fn background(surface: &Surface, drawn: &[OptimiserPaths], t: u64) -> Tried<Vec<u8>> {
    let mut pixels = vec![255; (FILM.0 * FILM.1 * 3) as usize];
    over(&mut pixels, FILM, |root| {
        let (left, right) = frame_parts(root);
        let shades = [SHADES, FEWER_SHADES][usize::from(surface.is_shifting())];
        ground(&left, surface, t, 11, 5, shades)?;
        film_key(&right, surface, drawn)
    })?;
    Ok(pixels)
}

fn last_step(drawn: &[OptimiserPaths]) -> u64 {
    let steps = drawn.iter().map(|drawn| drawn.paths[0].last().step);
    steps.max().unwrap_or(0)
}

/// The paths to show with their colours, the longest first, so that a path that goes to and fro does not
/// hide the others.
fn longest_first(drawn: &[OptimiserPaths]) -> Vec<(Vec<Point>, RGBColor)> {
    let shown = drawn.iter().map(OptimiserPaths::displayed);
    let mut paths: Vec<_> = shown.zip(SERIES.iter().copied().cycle()).collect();
    let length = |points: &[Point]| -> f64 {
        let steps = points.windows(2).map(|pair| (pair[0].at, pair[1].at));
        steps.map(|(a, b)| (b[0] - a[0]).hypot(b[1] - a[1])).sum()
    };
    paths.sort_by(|(a, _), (b, _)| length(b).total_cmp(&length(a)));
    paths
}

/// The map's part of a frame, and the key's.
fn frame_parts<'a>(root: &Area<'a>) -> (Area<'a>, Area<'a>) {
    root.split_horizontally(416)
}

/// The names in their colours.
fn film_key(area: &Area, surface: &Surface, drawn: &[OptimiserPaths]) -> Done {
    area.draw(&Text::new(surface.name, (10, 9), text(16, INK)))?;
    for (i, (drawn, colour)) in drawn.iter().zip(SERIES.iter().cycle()).enumerate() {
        let y = 62 + 20 * i as i32;
        let line = vec![(10, y + 6), (22, y + 6)];
        area.draw(&PathElement::new(line, colour.stroke_width(3)))?;
        let name = shortened(drawn.name(), 13);
        area.draw(&Text::new(name, (28, y), text(13, INK)))?;
    }
    Ok(())
}

/// A chart over the part of `surface` that is drawn, its labels in letters of `size`.
fn map<'a, 'b>(area: &'a Area<'b>, surface: &Surface, size: u32) -> Tried<Map<'a, 'b>> {
    let [(left, right), (bottom, top)] = surface.domain;
    Ok(ChartBuilder::on(area)
        .margin(size)
        .x_label_area_size(2 * size)
        .y_label_area_size(3 * size)
        .build_cartesian_2d(left..right, bottom..top)?)
}

/// The ground at step `t`, in quiet shades: logarithmic, as the valleys are what matters.
fn ground(area: &Area, surface: &Surface, t: u64, size: u32, labels: usize, shades: usize) -> Done {
    let mut chart = map(area, surface, size)?;
    let plane = chart.plotting_area().strip_coord_spec();
    let (width, height) = plane.dim_in_pixel();
    let [(left, right), (bottom, top)] = surface.domain;
    let value = |i: u32, j: u32| {
        let x = left + (right - left) * (f64::from(i) + 0.5) / f64::from(width);
        let y = top - (top - bottom) * (f64::from(j) + 0.5) / f64::from(height);
        surface.value([x, y], t)
    };
    let values: Vec<f64> = (0..=height)
        .flat_map(|j| (0..=width).map(move |i| (i, j)))
        .map(|(i, j)| value(i, j))
        .collect();
    let shade = Shades::of(&values, shades);
    let at = |i: u32, j: u32| shade.of_value(values[(j * (width + 1) + i) as usize]);
    for j in 0..height {
        for i in 0..width {
            let here = at(i, j);
            let edge = here != at(i + 1, j) || here != at(i, j + 1);
            let colour = if edge { CONTOUR } else { shade.colour(here) };
            plane.draw_pixel((i as i32, j as i32), &colour)?;
        }
    }
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(FAINT)
        .label_style(text(size, INK))
        .x_labels(labels)
        .y_labels(labels)
        .x_label_formatter(&short)
        .y_label_formatter(&short)
        .draw()?;
    Ok(())
}

/// How objectives become shades.
struct Shades {
    count: usize,
    unit: f64,
    highest: f64,
}

impl Shades {
    fn of(values: &[f64], count: usize) -> Self {
        let mut values = values.to_vec();
        let middle = values.len() / 2;
        let (_, median, above) = values.select_nth_unstable_by(middle, f64::total_cmp);
        let unit = (*median * 0.05).max(f64::MIN_POSITIVE);
        let highest = above.iter().fold(*median, |a, b| a.max(*b));
        let highest = (highest / unit).ln_1p();
        Self {
            count,
            unit,
            highest,
        }
    }

    fn of_value(&self, value: f64) -> usize {
        let share = (value / self.unit).ln_1p() / self.highest;
        ((share * self.count as f64) as usize).min(self.count - 1)
    }

    fn colour(&self, shade: usize) -> RGBColor {
        let share = shade as f64 / (self.count - 1) as f64;
        let mix = |low: u8, high: u8| {
            (f64::from(low) + share * (f64::from(high) - f64::from(low))).round() as u8
        };
        RGBColor(mix(LOW.0, HIGH.0), mix(LOW.1, HIGH.1), mix(LOW.2, HIGH.2))
    }
}

/// The path through `points`, and a dot where it ends.
fn trace(map: &mut Map, surface: &Surface, points: &[Point], width: u32, colour: RGBColor) -> Done {
    let [x, y] = surface.domain;
    let mut line = points.iter().map(|point| (point.at[0], point.at[1]));
    for part in inside(line.clone(), x, y) {
        map.draw_series(segments(&part, colour, width))?;
    }
    let shown = |(a, b): &(f64, f64)| (x.0..=x.1).contains(a) && (y.0..=y.1).contains(b);
    let end = line.next_back().filter(shown);
    map.draw_series(end.map(|end| Circle::new(end, 2 * width, colour.filled())))?;
    Ok(())
}

/// A line piece by piece: as one, plotters gives it a spike wherever it turns back.
fn segments(
    line: &[(f64, f64)],
    colour: RGBColor,
    width: u32,
) -> impl Iterator<Item = PathElement<(f64, f64)>> {
    let style = colour.stroke_width(width);
    line.windows(2)
        .map(move |pair| PathElement::new(pair.to_vec(), style))
}

/// The start, a ring, and the minimum at step `t`, a cross.
fn marks(map: &mut Map, surface: &Surface, t: u64, size: i32) -> Done {
    let [x, y] = surface.start;
    map.draw_series([
        Circle::new((x, y), size, WHITE.filled()),
        Circle::new((x, y), size, INK.stroke_width(2)),
    ])?;
    let [x, y] = surface.minimum(t);
    map.draw_series([
        Cross::new((x, y), size + 1, WHITE.stroke_width(5)),
        Cross::new((x, y), size, INK.stroke_width(2)),
    ])?;
    Ok(())
}

/// The way that the minimum goes.
fn moving_minimum(map: &mut Map, surface: &Surface, end: u64) -> Done {
    if surface.is_shifting() {
        let way = (0..=end).map(|t| surface.minimum(t)).map(|[x, y]| (x, y));
        map.draw_series(DashedLineSeries::new(
            way,
            4,
            5,
            INK.mix(0.6).stroke_width(1),
        ))?;
    }
    Ok(())
}

/// The objective along every path.
fn objective(area: &Area, drawn: &[OptimiserPaths]) -> Done {
    let curves: Vec<Vec<f64>> = drawn.iter().map(OptimiserPaths::mean_objective).collect();
    let end = last_step(drawn).max(1) as f64;
    let Range {
        start: low,
        end: high,
    } = range(curves.iter().flatten().copied());
    let seeds = drawn.iter().map(|drawn| drawn.paths.len()).max();
    let what = match seeds {
        Some(seeds) if seeds > 1 => format!("objective, mean of {seeds} seeds"),
        _ => "objective".into(),
    };
    let mut chart = ChartBuilder::on(area)
        .margin(16)
        .x_label_area_size(46)
        .y_label_area_size(76)
        .build_cartesian_2d(0.0..end, (low..high).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(FAINT)
        .label_style(text(15, INK))
        .axis_desc_style(text(16, INK))
        .x_labels(7)
        .y_labels(8)
        .x_label_formatter(&short)
        .y_label_formatter(&short)
        .x_desc("steps")
        .y_desc(what)
        .draw()?;
    for (curve, colour) in curves.iter().zip(SERIES.iter().cycle()) {
        let line = curve.iter().map(|value| value.clamp(low, high));
        let line: Vec<_> = (0..).map(f64::from).zip(line).collect();
        chart.draw_series(segments(&line, *colour, 2))?;
    }
    Ok(())
}

/// From the power of ten below `values` to the one above, within what is worth showing.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values.fold((f64::INFINITY, LEAST), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let (low, high) = (low.clamp(LEAST, high / 2.0).log10(), high.log10());
    10f64.powf(low.floor())..10f64.powf(high.ceil())
}

/// Every optimiser in its colour, with its lr.
fn legend(area: &Area, drawn: &[OptimiserPaths]) -> Done {
    let width = area.dim_in_pixel().0 as i32 / COLUMNS as i32;
    let cell = |i: usize| {
        let (column, row) = ((i % COLUMNS) as i32, (i / COLUMNS) as i32);
        (24 + column * width, 4 + row * ROW as i32)
    };
    for (i, (drawn, colour)) in drawn.iter().zip(SERIES.iter().cycle()).enumerate() {
        let (x, y) = cell(i);
        let line = vec![(x, y + 7), (x + 22, y + 7)];
        area.draw(&PathElement::new(line, colour.stroke_width(4)))?;
        let name = shortened(drawn.name(), 22);
        let mut entry = format!("{name}, lr {}", short(&drawn.tuned.lr()));
        if drawn.tuned.edge.is_some() {
            entry += " (grid's end)";
        }
        if drawn.diverged() {
            entry += ", diverged";
        }
        area.draw(&Text::new(entry, (x + 32, y), text(16, INK)))?;
    }
    let (x, y) = cell(drawn.len());
    area.draw(&Circle::new((x + 6, y + 7), 6, INK.stroke_width(2)))?;
    area.draw(&Text::new("start", (x + 20, y), text(16, INK)))?;
    area.draw(&Cross::new((x + 86, y + 7), 6, INK.stroke_width(2)))?;
    area.draw(&Text::new("minimum", (x + 100, y), text(16, INK)))?;
    Ok(())
}
