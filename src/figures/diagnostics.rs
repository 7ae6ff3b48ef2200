//! A run's diagnostics at a glance: momentum against the gradient, how stale it is and why, how much
//! of a gradient is signal, and what the target network's updates do.

use std::path::Path;

use plotters::{
    coord::{
        Shift,
        ranged1d::{AsRangedCoord, ValueFormatter},
    },
    prelude::*,
};

use super::style::{
    BLUE, Drawn, FAINT, GREEN, GRID, INK, ORANGE, png, short, span, steps_label, text,
};
use crate::{
    Result,
    run::{DiagnosticsRow, Finished, rl::Config},
};

/// Lines of the file of which the curves show the median.
const SMOOTHING: usize = 31;
/// Groups of gradient steps between two updates of the target network.
const PHASES: usize = 10;

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
type Points = Vec<(f64, f64)>;

/// A line of a panel.
struct Curve {
    name: &'static str,
    colour: RGBColor,
    points: Points,
    /// Faint points behind it.
    cloud: Points,
}

/// What a panel's axes are.
struct Axes<'a> {
    x: &'a str,
    y: &'a str,
    range: std::ops::Range<f64>,
    x_label: &'a dyn Fn(&f64) -> String,
}

/// Draws the diagnostics of the finished run `run` of `config` to `path`, as PNG.
pub fn diagnostics(path: &Path, config: &Config, run: &Finished<Config>) -> Result<()> {
    let rows = run.diagnostics()?;
    let outcome = &run.outcome;
    let title = format!(
        "{}, {}, seed {}: diagnostics",
        outcome.env, outcome.optimiser, outcome.seed
    );
    let momentum = rows.last().map_or(String::new(), |row| {
        let beta = row.momentum_beta;
        match row.momentum_is_hypothetical {
            true => format!(
                "it has no momentum: shown is an average with beta {beta} that it does not use; "
            ),
            false => format!("momentum of beta {beta}; "),
        }
    });
    let note = format!(
        "{momentum}{} looks, lines are medians of {SMOOTHING}",
        rows.len()
    );
    let steps = Axes {
        x: "environment steps",
        y: "",
        range: 0.0..config.run.steps as f64,
        x_label: &steps_label,
    };
    let of = |name, colour, value: fn(&DiagnosticsRow) -> Option<f64>| {
        over_time(&rows, name, colour, value)
    };
    png(path, (1800, 1060), |root| {
        let root = root.margin(18, 14, 24, 30);
        let (head, rest) = root.split_vertically(74);
        head.draw(&Text::new(title.as_str(), (20, 0), text(28, INK)))?;
        head.draw(&Text::new(note, (20, 38), text(18, FAINT)))?;
        let panels = rest.split_evenly((2, 3));

        let cosines = [
            of("this gradient", FAINT, |row| row.cos_momentum_gradient),
            of("the gradient of four minibatches", BLUE, |row| {
                row.cos_average_fresh
            }),
            of("its oracle", GREEN, |row| row.cos_average_oracle),
        ];
        panel(
            &panels[0],
            &steps.named("cosine of momentum and"),
            &cosines,
            Scale::Cosine,
        )?;

        let parts = [
            of("parameters moved", ORANGE, |row| {
                relative(row, row.parameter_norm)
            }),
            of("targets moved", GREEN, |row| relative(row, row.target_norm)),
            of("data", BLUE, |row| relative(row, row.data_norm)),
            of("data, by the draw alone", FAINT, |row| {
                relative(row, row.data_norm_by_chance)
            }),
        ];
        panel(
            &panels[1],
            &steps.named("staleness / gradient"),
            &parts,
            Scale::Log,
        )?;

        let noise = [of("", BLUE, |row| Some(row.signal / row.noise))];
        panel(
            &panels[2],
            &steps.named("signal / noise of a gradient"),
            &noise,
            Scale::Linear,
        )?;

        let lags = Axes {
            x: "gradient steps apart (log)",
            y: "cosine of two gradients",
            range: 0.0..lags(&rows).last().map_or(1.0, |lag| lag.log2()),
            x_label: &|x| short(&x.exp2().round()),
        };
        panel(
            &panels[3],
            &lags,
            &autocorrelation(&rows, config),
            Scale::Cosine,
        )?;

        let most = rows.iter().map(|row| row.since_target).max().unwrap_or(1);
        let phases = Axes {
            x: "gradient steps since the target network's update",
            y: "norm of the gradient",
            range: 0.0..most.max(1) as f64,
            x_label: &short,
        };
        panel(
            &panels[4],
            &phases,
            &by_phase(&rows, config, most),
            Scale::Log,
        )?;

        let drift = [of("", ORANGE, |row| row.target_drift)];
        panel(
            &panels[5],
            &steps.named("drift of momentum's targets"),
            &drift,
            Scale::Linear,
        )
    })
}

impl<'a> Axes<'a> {
    fn named(&self, y: &'a str) -> Self {
        Axes {
            y,
            range: self.range.clone(),
            ..*self
        }
    }
}

fn relative(row: &DiagnosticsRow, norm: Option<f64>) -> Option<f64> {
    Some(norm? / row.fresh_norm)
}

/// The values of `value` over the run, and their running median.
fn over_time(
    rows: &[DiagnosticsRow],
    name: &'static str,
    colour: RGBColor,
    value: fn(&DiagnosticsRow) -> Option<f64>,
) -> Curve {
    let points = rows
        .iter()
        .filter_map(|row| Some((row.step as f64, value(row)?)));
    let cloud: Points = points.filter(|(_, y)| y.is_finite()).collect();
    let around = |i: usize| {
        let half = SMOOTHING / 2;
        let window = &cloud[i.saturating_sub(half)..(i + half + 1).min(cloud.len())];
        (cloud[i].0, median(window.iter().map(|(_, y)| *y)))
    };
    Curve {
        name,
        colour,
        points: (0..cloud.len()).map(around).collect(),
        cloud,
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The cosines by lag that `row` has.
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

/// The lags of which there is a cosine.
fn lags(rows: &[DiagnosticsRow]) -> Vec<f64> {
    let last = rows.last().map(correlations);
    let there = last
        .into_iter()
        .flatten()
        .filter(|(_, cosine)| cosine.is_some());
    there.map(|(lag, _)| lag).collect()
}

/// The first and the second half of the run.
fn halves(config: &Config) -> [(&'static str, RGBColor, std::ops::Range<u64>); 2] {
    let half = config.run.steps / 2;
    [
        ("first half of the run", FAINT, 0..half),
        ("second half", BLUE, half..u64::MAX),
    ]
}

fn autocorrelation(rows: &[DiagnosticsRow], config: &Config) -> [Curve; 2] {
    halves(config).map(|(name, colour, steps)| {
        let within = |row: &&DiagnosticsRow| steps.contains(&row.step);
        let medians = lags(rows).into_iter().enumerate().map(|(i, lag)| {
            let rows = rows.iter().filter(within);
            let cosines = rows.filter_map(|row| correlations(row)[i].1);
            (lag.log2(), median(cosines))
        });
        Curve {
            name,
            colour,
            points: medians.filter(|(_, y)| y.is_finite()).collect(),
            cloud: Vec::new(),
        }
    })
}

fn by_phase(rows: &[DiagnosticsRow], config: &Config, most: u64) -> [Curve; 2] {
    let width = (most + 1).div_ceil(PHASES as u64);
    halves(config).map(|(name, colour, steps)| {
        let within = || rows.iter().filter(|row| steps.contains(&row.step));
        let point = |row: &DiagnosticsRow| (row.since_target as f64, row.grad_norm);
        let medians = (0..PHASES as u64).map(|phase| {
            let own = within().filter(|row| row.since_target / width == phase);
            let x = (phase * width) as f64 + (width - 1) as f64 / 2.0;
            (x, median(own.map(|row| row.grad_norm)))
        });
        Curve {
            name,
            colour,
            points: medians.filter(|(_, y)| y.is_finite()).collect(),
            cloud: within().map(point).collect(),
        }
    })
}

/// How a panel's values are laid out.
enum Scale {
    /// From -1 to 1 at most.
    Cosine,
    Linear,
    Log,
}

fn panel(area: &Area, axes: &Axes, curves: &[Curve], scale: Scale) -> Drawn {
    let shown = || {
        let all = curves.iter().flat_map(|c| c.cloud.iter().chain(&c.points));
        all.map(|(_, y)| *y)
    };
    match scale {
        Scale::Cosine => chart(area, axes, curves, clamp(span(shown().chain([0.0])))),
        Scale::Linear => {
            // A few extreme looks must not flatten the rest.
            let mut all: Vec<f64> = shown().collect();
            all.sort_by(f64::total_cmp);
            let least = all.len() / 50;
            let most = all.len() - least;
            chart(
                area,
                axes,
                curves,
                span(all[least..most].iter().copied().chain([0.0])),
            )
        }
        Scale::Log => {
            let logs = shown().filter(|y| *y > 0.0).map(f64::log10);
            let mut all: Vec<f64> = logs.collect();
            all.sort_by(f64::total_cmp);
            let least = all.len() / 50;
            let logs = span(all[least..].iter().copied());
            let range = 10f64.powf(logs.start)..10f64.powf(logs.end);
            chart(area, axes, curves, range.log_scale())
        }
    }
}

fn clamp(range: std::ops::Range<f64>) -> std::ops::Range<f64> {
    range.start.max(-1.0)..range.end.min(1.0)
}

fn chart<Y>(
    area: &Area,
    axes: &Axes,
    curves: &[Curve],
    range: impl AsRangedCoord<CoordDescType = Y, Value = f64>,
) -> Drawn
where
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .x_label_area_size(52)
        .y_label_area_size(84)
        .build_cartesian_2d(axes.range.clone(), range)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(FAINT)
        .label_style(text(16, INK))
        .axis_desc_style(text(17, INK))
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(axes.x_label)
        .x_desc(axes.x)
        .y_label_formatter(&short)
        .y_desc(axes.y)
        .draw()?;
    let y = chart.plotting_area().get_y_range();
    let within = |point: &&(f64, f64)| point.1 >= y.start && point.1 <= y.end;
    for Curve { colour, cloud, .. } in curves {
        let dots = cloud.iter().filter(within);
        chart.draw_series(dots.map(|point| Circle::new(*point, 1, colour.mix(0.3).filled())))?;
    }
    for Curve {
        name,
        colour,
        points,
        ..
    } in curves
    {
        let line = points.iter().filter(within).copied();
        let drawn = chart.draw_series(LineSeries::new(line, colour.stroke_width(3)))?;
        if !name.is_empty() {
            let colour = *colour;
            drawn.label(*name).legend(move |(x, y)| {
                PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(3))
            });
        }
    }
    if curves.iter().any(|curve| !curve.name.is_empty()) {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .margin(8)
            .background_style(WHITE.mix(0.85))
            .border_style(GRID)
            .label_font(text(15, INK))
            .draw()?;
    }
    Ok(())
}
