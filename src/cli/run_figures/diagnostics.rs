//! The figure of a run's diagnostics.

use std::path::Path;

use crate::{
    Result,
    figures::{
        self, Curve, CurveColour, HeightScale, MEDIAN_OF, Panel, median, short, steps_label,
    },
    numbers::count,
    run::DiagnosticsRow,
};

/// Groups of gradient steps between two updates of the target network.
const PHASES: u64 = 10;

/// The unit that a run's rows count, and the run's length in it.
#[derive(Clone, Copy)]
pub(super) struct Course {
    pub name: &'static str,
    pub steps: u64,
}

/// Draws the diagnostics `rows` of the run called `title`.
pub(super) fn draw_diagnostics(
    path: &Path,
    title: &str,
    rows: &[DiagnosticsRow],
    course: Course,
) -> Result<()> {
    let title = format!("{title}: diagnostics");
    let momentum = rows.last().map_or(String::new(), |row| {
        let beta = row.momentum_beta;
        match row.momentum_is_hypothetical {
            true => format!("no momentum; the average with beta {beta} is hypothetical; "),
            false => format!("momentum of beta {beta}; "),
        }
    });
    let note = format!(
        "{momentum}{}, lines are medians of {MEDIAN_OF}",
        count(rows.len(), "look")
    );
    figures::panels(
        path,
        &title,
        &note,
        &[
            cosines(rows, course),
            staleness(rows, course),
            over_time(
                course,
                "signal / noise of a gradient",
                HeightScale::Linear,
                vec![curve(rows, "", CurveColour::Blue, |row| {
                    Some(row.signal / row.noise)
                })],
            ),
            autocorrelation(rows, course.steps),
            since_target(rows, course.steps),
            over_time(
                course,
                "drift of momentum's targets",
                HeightScale::Linear,
                vec![curve(rows, "", CurveColour::Orange, |row| row.target_drift)],
            ),
        ],
    )
}

fn over_time(course: Course, y: &'static str, scale: HeightScale, curves: Vec<Curve>) -> Panel {
    Panel {
        x: course.name,
        y,
        range: 0.0..course.steps as f64,
        x_label: steps_label,
        scale,
        curves,
    }
}

/// `value` over the run, where it was measured.
fn curve(
    rows: &[DiagnosticsRow],
    name: &'static str,
    colour: CurveColour,
    value: fn(&DiagnosticsRow) -> Option<f64>,
) -> Curve {
    let point = |row: &DiagnosticsRow| Some((row.step as f64, value(row)?));
    Curve::with_running_median(name, colour, rows.iter().filter_map(point))
}

fn cosines(rows: &[DiagnosticsRow], course: Course) -> Panel {
    let curves = vec![
        curve(rows, "this gradient", CurveColour::Faint, |row| {
            row.cos_momentum_gradient
        }),
        curve(
            rows,
            "the gradient of four minibatches",
            CurveColour::Blue,
            |row| row.cos_average_fresh,
        ),
        curve(rows, "its oracle", CurveColour::Green, |row| {
            row.cos_average_oracle
        }),
    ];
    over_time(
        course,
        "cosine of momentum and",
        HeightScale::Cosine,
        curves,
    )
}

fn staleness(rows: &[DiagnosticsRow], course: Course) -> Panel {
    fn relative(row: &DiagnosticsRow, norm: Option<f64>) -> Option<f64> {
        Some(norm? / row.fresh_norm)
    }
    let curves = vec![
        curve(rows, "parameters moved", CurveColour::Orange, |row| {
            relative(row, row.parameter_norm)
        }),
        curve(rows, "targets moved", CurveColour::Green, |row| {
            relative(row, row.target_norm)
        }),
        curve(rows, "data", CurveColour::Blue, |row| {
            relative(row, row.data_norm)
        }),
        curve(
            rows,
            "data, from the draw alone",
            CurveColour::Faint,
            |row| relative(row, row.data_norm_by_chance),
        ),
    ];
    over_time(course, "staleness / gradient", HeightScale::Log, curves)
}

/// The cosines of `row` by lag.
fn correlations(row: &DiagnosticsRow) -> [(f64, Option<f64>); 9] {
    [
        (1.0, row.autocorrelation_1),
        (2.0, row.autocorrelation_2),
        (4.0, row.autocorrelation_4),
        (8.0, row.autocorrelation_8),
        (16.0, row.autocorrelation_16),
        (32.0, row.autocorrelation_32),
        (64.0, row.autocorrelation_64),
        (128.0, row.autocorrelation_128),
        (256.0, row.autocorrelation_256),
    ]
}

/// The lags at which there is a cosine, each with its place among all of them.
fn lags(rows: &[DiagnosticsRow]) -> Vec<(usize, f64)> {
    let all = rows.last().map(correlations).into_iter().flatten();
    let measured = all.enumerate().filter(|(_, (_, cosine))| cosine.is_some());
    measured.map(|(place, (lag, _))| (place, lag)).collect()
}

/// The first and the second half of the run, with their names and colours.
fn halves(steps: u64) -> [(&'static str, CurveColour, std::ops::Range<u64>); 2] {
    let half = steps / 2;
    [
        ("first half of the run", CurveColour::Faint, 0..half),
        ("second half", CurveColour::Blue, half..u64::MAX),
    ]
}

fn autocorrelation(rows: &[DiagnosticsRow], steps: u64) -> Panel {
    let lags = lags(rows);
    let curves = halves(steps).map(|(name, colour, steps)| {
        let medians = lags.iter().map(|&(i, lag)| {
            let rows = rows.iter().filter(|row| steps.contains(&row.step));
            let cosines = rows.filter_map(|row| correlations(row)[i].1);
            (lag.log2(), median(cosines))
        });
        Curve {
            name,
            colour,
            line: medians.filter(|(_, y)| y.is_finite()).collect(),
            points: Vec::new(),
        }
    });
    Panel {
        x: "gradient steps apart (log)",
        y: "cosine of two gradients",
        range: 0.0..lags.last().map_or(1.0, |(_, lag)| lag.log2()),
        x_label: |x| short(&x.exp2().round()),
        scale: HeightScale::Cosine,
        curves: curves.into(),
    }
}

/// The norm of the gradient between two updates of the target network.
fn since_target(rows: &[DiagnosticsRow], steps: u64) -> Panel {
    let most = rows.iter().map(|row| row.since_target).max().unwrap_or(1);
    let width = (most + 1).div_ceil(PHASES);
    let curves = halves(steps).map(|(name, colour, steps)| {
        let within = || rows.iter().filter(|row| steps.contains(&row.step));
        let medians = (0..PHASES).map(|phase| {
            let rows = within().filter(|row| row.since_target / width == phase);
            let x = (phase * width) as f64 + (width - 1) as f64 / 2.0;
            (x, median(rows.map(|row| row.grad_norm)))
        });
        let point = |row: &DiagnosticsRow| (row.since_target as f64, row.grad_norm);
        Curve {
            name,
            colour,
            line: medians.filter(|(_, y)| y.is_finite()).collect(),
            points: within().map(point).collect(),
        }
    });
    Panel {
        x: "gradient steps since the target network's update",
        y: "norm of the gradient",
        range: 0.0..most.max(1) as f64,
        x_label: short,
        scale: HeightScale::Log,
        curves: curves.into(),
    }
}
