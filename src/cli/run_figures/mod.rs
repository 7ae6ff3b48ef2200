//! A run's rows as the series that its figures draw.

mod diagnostics;

use std::path::Path;

use settings::Value;

use self::diagnostics::{Course, draw_diagnostics};
use crate::{
    Result,
    figures::{
        self, Curve, CurveColour, Detail, HeightScale, LearningCurve, Panel, Picture, Pictures,
        Spread, short, steps_label,
    },
    numbers::count,
    run::{
        Configuration, EvaluationRow, Finished, RlOutcome, Status, ValueRow,
        order::OrderConfig,
        rl::{Config, Episode},
    },
};

/// The number of columns of updates that are drawn: the first that an algorithm measures.
const DETAILS: usize = 2;

/// The horizontal axis of a run without an environment.
const UPDATES: &str = "updates";

/// Draws the learning curve of the finished run `run` of `config`, in the environment `spec`, to `path`, as PNG.
pub fn learning_curve(
    path: &Path,
    config: &Config,
    run: &Finished<Config>,
    spec: &envs::EnvSpec,
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
    spec: &envs::EnvSpec,
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

fn title(outcome: &RlOutcome) -> String {
    let RlOutcome {
        env,
        optimiser,
        seed,
        ..
    } = outcome;
    format!("{env}, {optimiser}, seed {seed}")
}

fn note(outcome: &RlOutcome) -> String {
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
                colour: CurveColour::Blue,
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
        panel("score", HeightScale::Linear, |row| Some(row.score)),
        panel("error on held-out values", HeightScale::Log, |row| {
            Some(row.error)
        }),
        panel("loss", HeightScale::Log, |row| row.loss),
    ];
    figures::panels(path, title, &note, &panels)
}

/// Draws `episode` to `files` and returns their names.
pub fn draw_episode(files: &Pictures, episode: Episode) -> Result<String> {
    let pictures = episode.pictures.into_iter().map(|picture| Picture {
        size: picture.size,
        pixels: picture.pixels,
    });
    figures::episode(files, pictures.collect())
}
