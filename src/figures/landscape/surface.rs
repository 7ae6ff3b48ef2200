//! A surface and the paths over it, in the form that figures take.

use plotters::style::RGBColor;

use crate::figures::style::SERIES;

/// The most paths in a figure, because each has a separate colour.
pub const MOST_PATHS: usize = SERIES.len();

/// Shades between the lowest and the highest ground.
pub const SHADES: usize = 18;

/// A surface to draw.
pub struct DrawnSurface<'a> {
    /// The name.
    pub name: &'a str,
    /// What the surface shows, and which paths these are.
    pub summary: &'a str,
    /// The objective as a formula.
    pub formula: &'a str,
    /// The part that is drawn: from and to, for x and for y.
    pub domain: [(f64, f64); 2],
    /// Where every path starts.
    pub start: [f64; 2],
    /// The objective at a point, at a step.
    pub value: &'a dyn Fn([f64; 2], u64) -> f64,
    /// Where the minimum is at a step.
    pub minimum: &'a dyn Fn(u64) -> [f64; 2],
    /// Whether the minimum moves.
    pub moves: bool,
}

/// An optimiser's path over a surface.
pub struct DrawnDescent {
    /// The optimiser's name.
    pub name: String,
    /// A note next to the name in the key.
    pub note: String,
    /// The position after each step, starting with the start.
    pub points: Vec<[f64; 2]>,
    /// The objective after each step, starting with the start.
    pub objective: Vec<f64>,
    /// The objective is the mean over this many seeds.
    pub seeds: usize,
}

/// What drawing returns, with something drawn.
pub type Tried<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The last step of the longest path.
pub fn last_step(descents: &[DrawnDescent]) -> u64 {
    let steps = descents
        .iter()
        .map(|one| one.points.len().saturating_sub(1));
    steps.max().unwrap_or(0) as u64
}

/// The paths with their colours, the longest first, so that a path that oscillates does not hide the
/// others.
pub fn longest_first(descents: &[DrawnDescent]) -> Vec<(&[[f64; 2]], RGBColor)> {
    let paths = descents.iter().map(|one| &one.points[..]);
    let mut paths: Vec<_> = paths.zip(SERIES.iter().copied().cycle()).collect();
    let length = |points: &[[f64; 2]]| -> f64 {
        let steps = points.windows(2).map(|pair| (pair[0], pair[1]));
        steps.map(|(a, b)| (b[0] - a[0]).hypot(b[1] - a[1])).sum()
    };
    paths.sort_by(|(a, _), (b, _)| length(b).total_cmp(&length(a)));
    paths
}
