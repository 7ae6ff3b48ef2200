//! Films of the growing paths, frame by frame.

use std::path::Path;

use plotters::prelude::*;

use super::{
    ground::{ground, map, marks, trace},
    surface::{DrawnDescent, DrawnSurface, SHADES, Tried, last_step, longest_first},
};
use crate::{
    Error, Result,
    figures::{
        axes::Area,
        film::{self, Shot},
        style::{Drawn, FAINT, INK, SERIES, over, shortened, text},
    },
};

const SIZE: (u32, u32) = (540, 320);

/// The number of shades if the ground moves: fewer, to keep the file small.
const SHADES_MOVING: usize = 10;

/// The number of frames if the ground is still, and if it moves.
const FRAMES: u64 = 60;
const FRAMES_MOVING: u64 = 90;

/// The number of points of a path that stay visible if the minimum moves.
const TRAIL: usize = 50;

/// Draws the growing paths to `path`, an animated GIF.
pub fn landscape_film(
    path: &Path,
    surface: &DrawnSurface,
    descents: &[DrawnDescent],
) -> Result<()> {
    let shots = shots(surface, descents).map_err(|error| Error::Figure {
        path: path.to_path_buf(),
        why: error.to_string(),
    })?;
    film::write(path, (SIZE.0 as u16, SIZE.1 as u16), &shots)
}

fn shots(surface: &DrawnSurface, descents: &[DrawnDescent]) -> Tried<Vec<Shot>> {
    let end = last_step(descents);
    let paths = longest_first(descents);
    let mut below = background(surface, descents, 0)?;
    let mut shots: Vec<Shot> = Vec::new();
    for step in film_steps(end, surface.moves) {
        if surface.moves {
            below = background(surface, descents, step)?;
        }
        let mut pixels = below.clone();
        over(&mut pixels, SIZE, |root| {
            let (left, right) = frame_parts(root);
            let mut map = map(&left, surface, 11)?;
            for (points, colour) in &paths {
                let reached = points.len().min(step as usize + 1);
                let trail = if surface.moves { TRAIL } else { usize::MAX };
                let from = reached.saturating_sub(trail);
                trace(&mut map, surface, &points[from..reached], 2, *colour)?;
            }
            marks(&mut map, surface, step, 4)?;
            let step = format!("step {step}");
            right.draw(&Text::new(step, (10, 30), text(13, FAINT)))?;
            Ok(())
        })?;
        let delay = if step == end { 200 } else { 8 };
        shots.push(Shot { pixels, delay });
    }
    Ok(shots)
}

/// The steps that a film shows: evenly spread if the minimum moves, otherwise denser among the early
/// steps, in which most happens.
fn film_steps(end: u64, moves: bool) -> Vec<u64> {
    let (frames, pace) = if moves {
        (FRAMES_MOVING, 1)
    } else {
        (FRAMES, 2)
    };
    let share = |frame: u64| (frame as f64 / frames as f64).powi(pace);
    let steps = (0..=frames).map(|frame| (end as f64 * share(frame)).round() as u64);
    let mut steps: Vec<u64> = steps.collect();
    steps.dedup();
    steps
}

/// What lies below the paths at step `t`.
fn background(surface: &DrawnSurface, descents: &[DrawnDescent], t: u64) -> Tried<Vec<u8>> {
    let mut pixels = vec![255; (SIZE.0 * SIZE.1 * 3) as usize];
    over(&mut pixels, SIZE, |root| {
        let (left, right) = frame_parts(root);
        let shades = if surface.moves { SHADES_MOVING } else { SHADES };
        ground(&left, surface, t, 11, 5, shades)?;
        names(&right, surface, descents)
    })?;
    Ok(pixels)
}

/// The parts of a frame for the map and for the key.
fn frame_parts<'a>(root: &Area<'a>) -> (Area<'a>, Area<'a>) {
    root.split_horizontally(416)
}

/// The names in their colours.
fn names(area: &Area, surface: &DrawnSurface, descents: &[DrawnDescent]) -> Drawn {
    area.draw(&Text::new(surface.name, (10, 9), text(16, INK)))?;
    for (i, (descent, colour)) in descents.iter().zip(SERIES.iter().cycle()).enumerate() {
        let y = 62 + 20 * i as i32;
        let line = vec![(10, y + 6), (22, y + 6)];
        area.draw(&PathElement::new(line, colour.stroke_width(3)))?;
        let name = shortened(descent.name.clone(), 13);
        area.draw(&Text::new(name, (28, y), text(13, INK)))?;
    }
    Ok(())
}
