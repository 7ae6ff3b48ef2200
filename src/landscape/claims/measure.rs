//! The quantities that are measured on a path.

use super::claim::Measurement;
use crate::{
    Result,
    landscape::{
        descent::{DescentPath, PathPoint},
        surface::Surface,
        tune::Tuner,
    },
};

/// These numbers, measured on `surface`.
pub(super) fn on<const N: usize>(
    surface: &'static str,
    numbers: [Measurement; N],
) -> Vec<Measurement> {
    numbers.map(|number| number.on(surface)).into()
}

/// `measure` of each reported path of `spec` on `surface`.
pub(super) fn each(
    tuner: &mut Tuner,
    surface: &str,
    spec: &str,
    measure: impl Fn(&DescentPath) -> f64,
) -> Result<Vec<f64>> {
    let paths = tuner.paths(Surface::named(surface)?, spec)?;
    Ok(paths.iter().map(measure).collect())
}

/// The mean objective of one optimiser over that of another, seed by seed; each is a name and a spec.
pub(super) fn objective(
    tuner: &mut Tuner,
    surface: &'static str,
    over: (&str, &str),
    under: (&str, &str),
) -> Result<Measurement> {
    let description = format!("mean objective, {} / {}", over.0, under.0);
    let over = each(tuner, surface, over.1, DescentPath::mean_value)?;
    let under = each(tuner, surface, under.1, DescentPath::mean_value)?;
    Ok(Measurement::ratio(description, &over, &under).on(surface))
}

/// Steps until `reached` holds; one more than the path has if it never does.
pub(super) fn steps_until(path: &DescentPath, reached: impl Fn(&PathPoint) -> bool) -> f64 {
    let arrived = path.points.iter().position(reached);
    arrived.unwrap_or(path.points.len()) as f64
}

/// Steps until the objective is below `share` of what it was at the start.
pub(super) fn steps_to_share(path: &DescentPath, share: f64) -> f64 {
    let start = path.points[0].value;
    steps_until(path, |point| point.value < share * start)
}

/// The distance that parameter `i` moved in step `t`.
pub(super) fn moved(path: &DescentPath, i: usize, t: usize) -> f64 {
    (path.points[t].at[i] - path.points[t - 1].at[i]).abs()
}

/// The longest step of parameter `i` over its first.
pub(super) fn growth(path: &DescentPath, i: usize) -> f64 {
    let longest = (1..path.points.len()).map(|t| moved(path, i, t));
    longest.fold(0.0, f64::max) / moved(path, i, 1)
}

/// The root mean square step of the noisy parameter over that of the quiet one.
pub(super) fn noisy_share(path: &DescentPath) -> f64 {
    let size = |i| {
        let squares = (1..path.points.len()).map(|t| moved(path, i, t).powi(2));
        squares.sum::<f64>().sqrt()
    };
    size(1) / size(0)
}

/// The step per unit of gradient in the last quarter of the path, over that in the second quarter.
///
/// Not the first quarter, in which averages that start at zero are still filling.
pub(super) fn late_over_early(path: &DescentPath) -> f64 {
    let steps = path.points.len() - 1;
    let mean = |quarter: usize| {
        let range = quarter * steps / 4 + 1..=(quarter + 1) * steps / 4;
        let (mut moves, mut seen) = (0.0, 0.0);
        for t in range {
            for i in 0..2 {
                moves += moved(path, i, t);
                seen += path.points[t].seen[i].abs();
            }
        }
        moves / seen
    };
    mean(3) / mean(1)
}
