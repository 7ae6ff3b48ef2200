//! A run's rows as the series that its figures draw.

use std::path::Path;

use settings::Value;

use crate::{
    Result,
    figures::{
        self, Colour, Curve, Detail, LearningCurve, MEDIAN_OF, Panel, Picture, Pictures, Scale,
        Spread, median, short, steps_label,
    },
    numbers::count,
    run::{
        Configuration, DiagnosticsRow, EvaluationRow, Finished, Outcome, Status, ValueRow,
        order::OrderConfig,
        rl::{Config, Episode},
    },
};

/// The number of columns of updates that are drawn: the first that an algorithm measures.
const DETAILS: usize = 2;

/// The horizontal axis of a run without an environment.
const UPDATES: &str = "updates";

/// Groups of gradient steps between two updates of the target network.
const PHASES: u64 = 10;

/// Draws the learning curve of the finished run `run` of `config`, in the environment `spec`, to `path`, as PNG.
pub fn learning_curve(
    path: &Path,
    config: &Config,
    run: &Finished<Config>,
    spec: &envs::Spec,
) -> Result<()> {
    let (episodes, updates) = (run.episodes()?, run.updates()?);
    let evaluation = |row: &EvaluationRow| Spread {
        step: row.step,
        mean: row.mean_return,
        range: (row.min_return, row.max_return),
    };
    let returns = episodes.iter();
    let columns = config
        .algorithm
        .update_columns()
        .iter()
        .take(DETAILS)
        .enumerate();
    let detail = |(column, name): (usize, &&'static str)| {
        let measured = updates
            .iter()
            .filter_map(|row| row.measured.get(column).map(|x| (row, *x)));
        let points: Vec<(f64, f64)> = measured.map(|(row, x)| (row.step as f64, x)).collect();
        Detail {
            name,
            marked: passed_bound(config, spec, name, &points),
            points,
        }
    };
    let curve = LearningCurve {
        title: title(&run.outcome),
        note: note(&run.outcome),
        steps: config.run.steps,
        episodes: returns
            .map(|row| (row.step as f64, row.episode_return))
            .collect(),
        evaluations: run.evaluations()?.iter().map(evaluation).collect(),
        evaluation_episodes: config.run.eval_episodes,
        threshold: spec.reward_threshold,
        details: columns.map(detail).collect(),
    };
    figures::learning_curve(path, &curve)
}

/// The largest or smallest possible discounted return, if the measured values `points` pass it: the largest or
/// smallest reward at every step for ever, `r / (1 - gamma)`.
fn passed_bound(
    config: &Config,
    spec: &envs::Spec,
    name: &str,
    points: &[(f64, f64)],
) -> Option<(f64, String)> {
    let gamma = config.agent.get("gamma").and_then(Value::as_number)?;
    if name != "mean_q" || gamma >= 1.0 {
        return None;
    }
    let bound = |reward: f32| f64::from(reward) / (1.0 - gamma);
    // An episode may end at once, with nothing.
    let (least, greatest) = (spec.rewards.0.min(0.0), spec.rewards.1.max(0.0));
    let values = || points.iter().map(|(_, value)| *value);
    let reward = if values().any(|value| value > bound(greatest)) {
        greatest
    } else if values().any(|value| value < bound(least)) {
        least
    } else {
        return None;
    };
    let height = bound(reward);
    let name = format!(
        "{} / (1 - gamma) = {}",
        short(&reward.into()),
        short(&height)
    );
    Some((height, name))
}

fn title(outcome: &Outcome) -> String {
    let Outcome {
        env,
        optimiser,
        seed,
        ..
    } = outcome;
    format!("{env}, {optimiser}, seed {seed}")
}

fn note(outcome: &Outcome) -> String {
    match outcome.status {
        Status::Finished => format!(
            "last evaluation {:.1}, best {:.1} at {} steps",
            outcome.final_return,
            outcome.best_return,
            steps_label(&(outcome.best_step as f64))
        ),
        Status::Diverged => format!("diverged after {}", count(outcome.steps, "step")),
    }
}

/// Draws the diagnostics of the finished run `run` of `config` to `path`, as PNG: momentum against the gradient, how stale
/// it is and why, how much of a gradient is signal, and what the target network's updates do.
pub fn diagnostics(path: &Path, config: &Config, run: &Finished<Config>) -> Result<()> {
    let rows = run.diagnostics()?;
    let course = Course {
        name: "environment steps",
        steps: config.run.steps,
    };
    draw_diagnostics(path, &title(&run.outcome), &rows, course)
}

/// Draws the figures of the finished run `run` of `config` that are not there: its curve, and its diagnostics if it has
/// any.
pub fn order_figures(config: &OrderConfig, run: &Finished<OrderConfig>) -> Result<()> {
    let outcome = &run.outcome;
    let of = format!(
        "{}, {} ({}), {}, seed {}",
        outcome.env, outcome.order, outcome.targets, outcome.optimiser, outcome.seed
    );
    let [curve, diagnostics] = [0, 1].map(|i| run.path.join(OrderConfig::LAYOUT.figures[i]));
    if !curve.exists() {
        value_error(&curve, config, run, &of)?;
    }
    if config.run.diagnostics > 0 && !diagnostics.exists() {
        let course = Course {
            name: UPDATES,
            steps: config.run.updates(),
        };
        draw_diagnostics(&diagnostics, &of, &run.diagnostics()?, course)?;
    }
    Ok(())
}

fn value_error(
    path: &Path,
    config: &OrderConfig,
    run: &Finished<OrderConfig>,
    title: &str,
) -> Result<()> {
    let rows = run.values()?;
    let outcome = &run.outcome;
    let panel = |y, scale, value: fn(&ValueRow) -> Option<f64>| {
        let point = |row: &ValueRow| Some((row.update as f64, value(row)?));
        Panel {
            x: UPDATES,
            y,
            range: 0.0..config.run.updates() as f64,
            x_label: steps_label,
            scale,
            curves: vec![Curve {
                name: "",
                colour: Colour::Blue,
                line: rows.iter().filter_map(point).collect(),
                points: Vec::new(),
            }],
        }
    };
    let note = match outcome.status {
        Status::Finished => format!(
            "the last score is {:.3}; 0 is the best constant, 1 is a tenth of its error",
            outcome.score
        ),
        Status::Diverged => format!("diverged after {}", count(outcome.updates, "update")),
    };
    let panels = [
        panel("score", Scale::Linear, |row| Some(row.score)),
        panel("error on held-out values", Scale::Log, |row| {
            Some(row.error)
        }),
        panel("loss", Scale::Log, |row| row.loss),
    ];
    figures::panels(path, title, &note, &panels)
}

/// The unit that a run's rows count, and the run's length in it.
#[derive(Clone, Copy)]
struct Course {
    name: &'static str,
    steps: u64,
}

/// Draws the diagnostics `rows` of the run called `title`.
fn draw_diagnostics(
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
                Scale::Linear,
                vec![curve(rows, "", Colour::Blue, |row| {
                    Some(row.signal / row.noise)
                })],
            ),
            autocorrelation(rows, course.steps),
            since_target(rows, course.steps),
            over_time(
                course,
                "drift of momentum's targets",
                Scale::Linear,
                vec![curve(rows, "", Colour::Orange, |row| row.target_drift)],
            ),
        ],
    )
}

fn over_time(course: Course, y: &'static str, scale: Scale, curves: Vec<Curve>) -> Panel {
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
    colour: Colour,
    value: fn(&DiagnosticsRow) -> Option<f64>,
) -> Curve {
    let point = |row: &DiagnosticsRow| Some((row.step as f64, value(row)?));
    Curve::with_running_median(name, colour, rows.iter().filter_map(point))
}

fn cosines(rows: &[DiagnosticsRow], course: Course) -> Panel {
    let curves = vec![
        curve(rows, "this gradient", Colour::Faint, |row| {
            row.cos_momentum_gradient
        }),
        curve(
            rows,
            "the gradient of four minibatches",
            Colour::Blue,
            |row| row.cos_average_fresh,
        ),
        curve(rows, "its oracle", Colour::Green, |row| {
            row.cos_average_oracle
        }),
    ];
    over_time(course, "cosine of momentum and", Scale::Cosine, curves)
}

fn staleness(rows: &[DiagnosticsRow], course: Course) -> Panel {
    fn relative(row: &DiagnosticsRow, norm: Option<f64>) -> Option<f64> {
        Some(norm? / row.fresh_norm)
    }
    let curves = vec![
        curve(rows, "parameters moved", Colour::Orange, |row| {
            relative(row, row.parameter_norm)
        }),
        curve(rows, "targets moved", Colour::Green, |row| {
            relative(row, row.target_norm)
        }),
        curve(rows, "data", Colour::Blue, |row| {
            relative(row, row.data_norm)
        }),
        curve(rows, "data, from the draw alone", Colour::Faint, |row| {
            relative(row, row.data_norm_by_chance)
        }),
    ];
    over_time(course, "staleness / gradient", Scale::Log, curves)
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

/// The lags at which there is a cosine.
fn lags(rows: &[DiagnosticsRow]) -> Vec<f64> {
    let all = rows.last().map(correlations).into_iter().flatten();
    let measured = all.filter(|(_, cosine)| cosine.is_some());
    measured.map(|(lag, _)| lag).collect()
}

/// The first and the second half of the run, with their names and colours.
fn halves(steps: u64) -> [(&'static str, Colour, std::ops::Range<u64>); 2] {
    let half = steps / 2;
    [
        ("first half of the run", Colour::Faint, 0..half),
        ("second half", Colour::Blue, half..u64::MAX),
    ]
}

fn autocorrelation(rows: &[DiagnosticsRow], steps: u64) -> Panel {
    let lags = lags(rows);
    let curves = halves(steps).map(|(name, colour, steps)| {
        let medians = lags.iter().enumerate().map(|(i, lag)| {
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
        range: 0.0..lags.last().map_or(1.0, |lag| lag.log2()),
        x_label: |x| short(&x.exp2().round()),
        scale: Scale::Cosine,
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
        scale: Scale::Log,
        curves: curves.into(),
    }
}

/// Draws `episode` to `files` and returns their names.
pub fn draw_episode(files: &Pictures, episode: Episode) -> Result<String> {
    let pictures = episode.pictures.into_iter().map(|picture| Picture {
        size: picture.size,
        pixels: picture.pixels,
    });
    figures::episode(files, pictures.collect())
}
