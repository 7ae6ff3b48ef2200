//! The optimisers that the questions are about, in the informative environments: a figure and a table to read first.

use settings::Words;

use super::{
    comparison::Assays,
    contrasts::ContrastResult,
    curves::curve,
    document::{Figure, ReportPanel, Section},
    format,
    load::Results,
};
use stats::{Aggregate, Bootstrap, Contrast, Estimate, Method};

use crate::{
    Result,
    figures::{HorizontalAxis, IntervalStyle, Line, labelled_line_plot},
    study::experiment::Score,
};

/// More lines than this in a panel cannot be told apart.
const MOST_ARMS: usize = 6;
/// More panels than this are too many for a glance.
const MOST_PANELS: usize = 6;
/// Resamples of each point of a band.
const RESAMPLES: usize = 1000;

/// The section with the figure and the table.
pub fn glance(results: &Results, contrasts: &[ContrastResult]) -> Result<Section> {
    let section = Section::new("At a glance").lead();
    let assays = Assays::of(results);
    let arms = arms(results, contrasts);
    let all = results.distinct(&results.cells());
    let informative = |cell: usize| {
        let by = |outcome: &Score| !assays.informative(*outcome, &[cell]).is_empty();
        results.outcomes().iter().any(by)
    };
    let mut cells: Vec<usize> = all
        .iter()
        .copied()
        .filter(|&cell| informative(cell))
        .collect();
    let none = cells.is_empty();
    if none {
        cells = all.clone();
    }
    let drawn = cells.len().min(MOST_PANELS);
    let more = match cells.len() - drawn {
        0 => String::new(),
        n => format!(" {n} more of them are in the appendix."),
    };
    // From the first to the last.
    let place = |i: usize| i * (cells.len() - 1) / (drawn - 1).max(1);
    let cells: Vec<usize> = (0..drawn).map(|i| cells[place(i)]).collect();
    let panels = cells.iter().map(|&cell| panel(results, cell, &arms));
    let which = match none {
        true => format!(
            "No environment is informative: a difference could not have shown in any.{more}"
        ),
        false => format!(
            "Only informative environments are drawn: those where a difference could have shown.{more}"
        ),
    };
    let intervals = match results.has_intervals() {
        true => ", with its 95 % interval",
        false => "; there are too few seeds for intervals",
    };
    let figure = Figure {
        caption: format!(
            "The interquartile mean over seeds of each evaluation{intervals}. Each optimiser has its best setting. \
             {which}"
        ),
        key: Vec::new(),
        panels: panels.collect::<Result<_>>()?,
    };
    let mut rows = Vec::new();
    for &cell in &cells {
        for &arm in &arms {
            rows.push(row(results, &assays, cell, arm)?);
        }
    }
    let mut head = vec!["environment", "optimiser"];
    head.extend(results.outcomes().iter().map(|outcome| match outcome {
        Score::Area => "area",
        Score::Final => "final return",
    }));
    head.extend(["chosen setting", "informative"]);
    Ok(section.figure(figure).table(&head, rows))
}

/// The optimisers of the contrasts that decide, then those of the other contrasts as far as there is room.
fn arms(results: &Results, contrasts: &[ContrastResult]) -> Vec<usize> {
    let mut arms = Vec::new();
    let (deciding, others): (Vec<_>, Vec<_>) = contrasts.iter().partition(|one| one.decides);
    for one in deciding.into_iter().chain(others) {
        for name in [&one.contrast.with, &one.contrast.without] {
            let arm = results.arm(name);
            if !arms.contains(&arm) && arms.len() < MOST_ARMS {
                arms.push(arm);
            }
        }
    }
    if arms.is_empty() {
        arms = (0..results.experiment.arms.len().min(MOST_ARMS)).collect();
    }
    arms.sort_unstable();
    arms
}

fn panel(results: &Results, cell: usize, arms: &[usize]) -> Result<ReportPanel> {
    let bootstrap = Bootstrap::new(RESAMPLES, 0.95, Method::Percentile)?;
    let line = |&arm: &usize| {
        Ok(Line {
            name: results.experiment.arms[arm].name.clone(),
            colour: arm,
            points: curve(results, cell, arm, Some(&bootstrap))?,
            intervals: IntervalStyle::Band,
        })
    };
    let lines = arms.iter().map(line).collect::<Result<Vec<_>>>()?;
    Ok(ReportPanel {
        title: results.names[cell].clone(),
        svg: labelled_line_plot(&HorizontalAxis::Steps, "evaluation", &lines, &[])?,
    })
}

fn row(results: &Results, assays: &Assays, cell: usize, arm: usize) -> Result<Vec<String>> {
    let of = &results.experiment.arms[arm];
    let label = results.experiment.cells[cell].label();
    let mut row = vec![results.names[cell].clone(), of.name.clone()];
    for &outcome in results.outcomes() {
        let tuned = results.scores(outcome, arm, &[cell])?;
        let what = format!("glance {label} {} {}", of.name, outcome.word());
        let mut rng = results.rng(&what);
        let estimate =
            Contrast::arm(&tuned).estimate(Aggregate::Iqm, &Bootstrap::default(), &mut rng);
        let n = results.runs(outcome, cell, arm).len();
        row.push(format::cell(Estimate { n, ..estimate }));
    }
    let informative: Vec<&str> = results
        .outcomes()
        .iter()
        .filter(|outcome| !assays.informative(**outcome, &[cell]).is_empty())
        .map(|outcome| outcome.word())
        .collect();
    let settings: Vec<String> = results
        .outcomes()
        .iter()
        .map(|&outcome| results.runs(outcome, cell, arm)[0].setting.clone())
        .collect();
    row.extend([
        match &settings[..] {
            [a, b] if a != b => format!("{a} (area), {b} (final)"),
            [first, ..] => first.clone(),
            [] => String::new(),
        },
        match informative.len() {
            0 => "no".into(),
            n if n == results.outcomes().len() => "yes".into(),
            _ => format!("by {}", informative.join(" and ")),
        },
    ]);
    Ok(row)
}
