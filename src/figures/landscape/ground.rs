//! A surface seen from above, and the paths and marks on it.

use plotters::{coord::types::RangedCoordf64, prelude::*};

use super::surface::{DrawnSurface, Tried};
use crate::figures::{
    axes::Area,
    clip::inside,
    paper::Paper,
    style::{Drawn, FAINT, INK, short, text},
};

/// The lowest and the highest ground.
const LOW: RGBColor = RGBColor(252, 253, 254);
const HIGH: RGBColor = RGBColor(193, 204, 220);
/// The lines between shades.
const CONTOUR: RGBColor = RGBColor(172, 184, 202);

/// A chart over the part of a surface that is drawn.
pub type Map<'a, 'b> = ChartContext<'a, Paper<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The map of `surface`, with margins for labels in letters of `size` pixels.
pub fn map<'a, 'b>(area: &'a Area<'b>, surface: &DrawnSurface, size: u32) -> Tried<Map<'a, 'b>> {
    let [(left, right), (bottom, top)] = surface.domain;
    Ok(ChartBuilder::on(area)
        .margin(size)
        .x_label_area_size(3 * size)
        .y_label_area_size(4 * size)
        .build_cartesian_2d(left..right, bottom..top)?)
}

/// The ground at step `t`, in muted shades. They are logarithmic because the valleys matter most.
pub fn ground(
    area: &Area,
    surface: &DrawnSurface,
    t: u64,
    size: u32,
    labels: usize,
    shades: usize,
) -> Drawn {
    let mut chart = map(area, surface, size)?;
    let plane = chart.plotting_area().strip_coord_spec();
    let (width, height) = plane.dim_in_pixel();
    let [(left, right), (bottom, top)] = surface.domain;
    let value = |i: u32, j: u32| {
        let x = left + (right - left) * (f64::from(i) + 0.5) / f64::from(width);
        let y = top - (top - bottom) * (f64::from(j) + 0.5) / f64::from(height);
        (surface.value)([x, y], t)
    };
    let values: Vec<f64> = (0..=height)
        .flat_map(|j| (0..=width).map(move |i| (i, j)))
        .map(|(i, j)| value(i, j))
        .collect();
    let shades = Shades::new(&values, shades);
    let at = |i: u32, j: u32| shades.of(values[(j * (width + 1) + i) as usize]);
    for j in 0..height {
        for i in 0..width {
            let here = at(i, j);
            let edge = here != at(i + 1, j) || here != at(i, j + 1);
            let colour = if edge { CONTOUR } else { shades.colour(here) };
            plane.draw_pixel((i as i32, j as i32), &colour)?;
        }
    }
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(FAINT)
        .label_style(text(size, INK))
        .axis_desc_style(text(size, INK))
        .x_desc("x")
        .y_desc("y")
        .x_labels(labels)
        .y_labels(labels)
        .x_label_formatter(&short)
        .y_label_formatter(&short)
        .draw()?;
    Ok(())
}

/// The mapping from objectives to shades.
struct Shades {
    count: usize,
    unit: f64,
    highest: f64,
}

impl Shades {
    fn new(values: &[f64], count: usize) -> Self {
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

    /// The number of the shade of `value`.
    fn of(&self, value: f64) -> usize {
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

/// The path through `points`, with a dot where it ends.
pub fn trace(
    map: &mut Map,
    surface: &DrawnSurface,
    points: &[[f64; 2]],
    width: u32,
    colour: RGBColor,
) -> Drawn {
    let [x, y] = surface.domain;
    let mut line = points.iter().map(|at| (at[0], at[1]));
    for part in inside(line.clone(), x, y) {
        map.draw_series(segments(&part, colour, width))?;
    }
    let on_map = |(a, b): &(f64, f64)| (x.0..=x.1).contains(a) && (y.0..=y.1).contains(b);
    let end = line.next_back().filter(on_map);
    map.draw_series(end.map(|end| Circle::new(end, 2 * width, colour.filled())))?;
    Ok(())
}

/// Draws a line piece by piece: plotters draws a spike wherever a single line turns back.
pub fn segments(
    line: &[(f64, f64)],
    colour: RGBColor,
    width: u32,
) -> impl Iterator<Item = PathElement<(f64, f64)>> {
    let style = colour.stroke_width(width);
    line.windows(2)
        .map(move |pair| PathElement::new(pair.to_vec(), style))
}

/// Marks the start with a ring, and the minimum at step `t` with a cross.
pub fn marks(map: &mut Map, surface: &DrawnSurface, t: u64, size: i32) -> Drawn {
    let [x, y] = surface.start;
    map.draw_series([
        Circle::new((x, y), size, WHITE.filled()),
        Circle::new((x, y), size, INK.stroke_width(2)),
    ])?;
    let [x, y] = (surface.minimum)(t);
    map.draw_series([
        Cross::new((x, y), size + 1, WHITE.stroke_width(5)),
        Cross::new((x, y), size, INK.stroke_width(2)),
    ])?;
    Ok(())
}

/// The path of a moving minimum in `end` steps.
pub fn way_of_the_minimum(map: &mut Map, surface: &DrawnSurface, end: u64) -> Drawn {
    if surface.moves {
        let way = (0..=end).map(|t| (surface.minimum)(t)).map(|[x, y]| (x, y));
        let style = INK.mix(0.6).stroke_width(1);
        map.draw_series(DashedLineSeries::new(way, 4, 5, style))?;
    }
    Ok(())
}
