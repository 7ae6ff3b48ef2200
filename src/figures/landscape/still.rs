//! A surface with whole paths over it, and the objective along each.

use std::{ops::Range, path::Path};

use plotters::prelude::*;

use super::{
    ground::{ground, map, marks, segments, trace, way_of_the_minimum},
    surface::{DrawnDescent, DrawnSurface, SHADES, last_step, longest_first},
};
use crate::{
    Result,
    figures::{
        axes::{Area, Axes},
        style::{Drawn, FAINT, INK, SERIES, png, short, shortened, text},
    },
};

/// The lower end of the objective's logarithmic axis.
const LEAST: f64 = 1e-10;

/// Columns of the key below a figure, and the height of its rows.
const COLUMNS: usize = 4;
const ROW: u32 = 26;

/// Draws `surface` with every path on it, and the objective along each, to `path` as PNG.
pub fn landscape(path: &Path, surface: &DrawnSurface, descents: &[DrawnDescent]) -> Result<()> {
    let rows = (descents.len() + 1).div_ceil(COLUMNS) as u32;
    png(path, (1320, 662 + ROW * rows), |root| {
        let root = root.margin(16, 12, 16, 20);
        let (head, rest) = root.split_vertically(78);
        head.draw(&Text::new(surface.name, (8, 0), text(26, INK)))?;
        head.draw(&Text::new(surface.summary, (8, 32), text(16, INK)))?;
        head.draw(&Text::new(surface.formula, (8, 54), text(15, FAINT)))?;
        let (figures, key) = rest.split_vertically(544);
        let (left, right) = figures.split_horizontally(690);
        let end = last_step(descents);
        ground(&left, surface, end, 16, 8, SHADES)?;
        let mut map = map(&left, surface, 16)?;
        way_of_the_minimum(&mut map, surface, end)?;
        for (points, colour) in longest_first(descents) {
            trace(&mut map, surface, points, 2, colour)?;
        }
        marks(&mut map, surface, end, 6)?;
        objective(&right, descents)?;
        legend(&key, descents)
    })
}

/// The objective along every path.
fn objective(area: &Area, descents: &[DrawnDescent]) -> Drawn {
    let values = descents.iter().flat_map(|one| &one.objective).copied();
    let Range {
        start: low,
        end: high,
    } = decades(values);
    let end = last_step(descents).max(1) as f64;
    let seeds = descents.iter().map(|one| one.seeds).max();
    let y = match seeds {
        Some(seeds) if seeds > 1 => format!("objective, mean of {seeds} seeds"),
        _ => "objective".into(),
    };
    let mut chart = ChartBuilder::on(area)
        .margin(16)
        .x_label_area_size(46)
        .y_label_area_size(76)
        .build_cartesian_2d(0.0..end, (low..high).log_scale())?;
    let axes = Axes {
        x: "steps",
        y: &y,
        labels: (7, 8),
        x_label: &short,
        y_label: &short,
        letters: (15, 16),
    };
    axes.draw(&mut chart)?;
    for (one, colour) in descents.iter().zip(SERIES.iter().cycle()) {
        let line = one.objective.iter().map(|value| value.clamp(low, high));
        let line: Vec<_> = (0..).map(f64::from).zip(line).collect();
        chart.draw_series(segments(&line, *colour, 2))?;
    }
    Ok(())
}

/// From the power of ten below `values` to the one above, limited to a useful range.
fn decades(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values.fold((f64::INFINITY, LEAST), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let (low, high) = (low.clamp(LEAST, high / 2.0).log10(), high.log10());
    10f64.powf(low.floor())..10f64.powf(high.ceil())
}

/// Each optimiser in its colour, and the meaning of the marks.
fn legend(area: &Area, descents: &[DrawnDescent]) -> Drawn {
    let width = area.dim_in_pixel().0 as i32 / COLUMNS as i32;
    let cell = |i: usize| {
        let (column, row) = ((i % COLUMNS) as i32, (i / COLUMNS) as i32);
        (24 + column * width, 4 + row * ROW as i32)
    };
    for (i, (one, colour)) in descents.iter().zip(SERIES.iter().cycle()).enumerate() {
        let (x, y) = cell(i);
        let line = vec![(x, y + 7), (x + 22, y + 7)];
        area.draw(&PathElement::new(line, colour.stroke_width(4)))?;
        let entry = shortened(one.name.clone(), 22) + &one.note;
        area.draw(&Text::new(entry, (x + 32, y), text(16, INK)))?;
    }
    let (x, y) = cell(descents.len());
    area.draw(&Circle::new((x + 6, y + 7), 6, INK.stroke_width(2)))?;
    area.draw(&Text::new("start", (x + 20, y), text(16, INK)))?;
    area.draw(&Cross::new((x + 86, y + 7), 6, INK.stroke_width(2)))?;
    area.draw(&Text::new("minimum", (x + 100, y), text(16, INK)))?;
    Ok(())
}
