//! What was tried on the tuning seeds, what was chosen, and how much of that was luck.

use super::{
    curves,
    document::{Figure, Panel, Section},
    format::signed,
    load::Results,
};
use stats::{Bootstrap, Scores, Sensitivity, choose};

use crate::{
    Result,
    figures::{HorizontalAxis, IntervalStyle, Line, line_plot},
    numbers::count,
};

/// Two sections: how much the learning rate matters, and which settings were chosen.
pub fn tuning(results: &Results) -> Result<[Section; 2]> {
    let (sensitivity, chosen) = (
        Section::new("Learning rates"),
        Section::new("What was chosen"),
    );
    if results.tuning.iter().flatten().all(Vec::is_empty) {
        let why = "No optimiser of this experiment has a grid, so nothing was tuned.";
        return Ok([sensitivity.nothing(why), chosen.nothing(why)]);
    }
    Ok([
        self::sensitivity(results, sensitivity)?,
        self::chosen(results, chosen)?,
    ])
}

fn scores(results: &Results, cell: usize, arm: usize) -> Result<Vec<Scores>> {
    let label = results.experiment.cells[cell].label();
    let of = |runs: &Vec<_>| {
        let row = |run: &crate::study::rows::RunRow| (label.clone(), run.seed, run.score);
        Ok(Scores::new(runs.iter().map(row))?)
    };
    results.tuning[cell][arm].iter().map(of).collect()
}

/// The learning rates of an arm's trials, if the trials differ in nothing else.
fn rates(results: &Results, arm: usize) -> Option<Vec<f64>> {
    let grid = &results.experiment.top.optimisers[arm].grid;
    let alone = grid
        .iter()
        .all(|(key, values)| key == "lr" || values.0.len() == 1);
    let rates = grid.get("lr").filter(|rates| alone && rates.0.len() > 1)?;
    let mut sorted = rates.0.clone();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let distinct = sorted.len() == rates.0.len() && sorted[0] > 0.0;
    distinct.then(|| rates.0.clone())
}

fn sensitivity(results: &Results, section: Section) -> Result<Section> {
    let experiment = &results.experiment;
    let (bootstrap, rule) = (Bootstrap::default(), experiment.top.selection.aggregate());
    let (mut panels, mut rows) = (Vec::new(), Vec::new());
    for (c, cell) in experiment.cells.iter().enumerate() {
        let mut drawn = Vec::new();
        for (a, arm) in experiment.arms.iter().enumerate() {
            let Some(rates) = rates(results, a).filter(|_| arm.is_tuned()) else {
                continue;
            };
            let scores = scores(results, c, a)?;
            let grid: Vec<(f64, &Scores)> = rates.into_iter().zip(&scores).collect();
            let mut rng = results.rng(&format!("rates {} {}", cell.label(), arm.name));
            let found = Sensitivity::new(&grid, rule, &bootstrap, &mut rng)?;
            let points = found.points().iter().map(|point| (point.lr, point.score));
            drawn.push(Line {
                colour: a,
                points: points.collect(),
                intervals: match results.experiment.arms.len() <= curves::MANY {
                    true => IntervalStyle::Bars,
                    false => IntervalStyle::None,
                },
            });
            let plateau = found.plateau(0.1);
            let at_least = if plateau.open { "at least " } else { "" };
            rows.push(vec![
                results.names[c].clone(),
                arm.name.clone(),
                match found.best().lr {
                    lr if lr < 1e-3 => format!("{lr:e}"),
                    lr => format!("{lr}"),
                },
                found.best().score.to_string(),
                format!("{at_least}{:.1}", plateau.decades()),
            ]);
        }
        if !drawn.is_empty() {
            panels.push(Panel {
                title: results.names[c].clone(),
                svg: line_plot(&HorizontalAxis::Log("learning rate"), "score", &drawn, &[])?,
            });
        }
    }
    if panels.is_empty() {
        return Ok(section
            .nothing("No grid varies the learning rate alone, so there is no curve to draw."));
    }
    let intervals = match experiment.arms.len() <= curves::MANY {
        true => ", with 95 % bootstrap intervals, which say little when seeds are few",
        false => ", without intervals because there are so many optimisers",
    };
    let figure = Figure {
        caption: format!("The score on the tuning seeds at each learning rate{intervals}."),
        key: curves::key(results),
        panels,
    };
    let head = [
        "environment",
        "optimiser",
        "best lr",
        "its tuning score",
        "plateau, decades",
    ];
    Ok(section
        .figure(figure)
        .text("Plateau: the unbroken range of learning rates around the best one whose scores are within a tenth of its score.")
        .table(&head, rows))
}

fn chosen(results: &Results, section: Section) -> Result<Section> {
    let experiment = &results.experiment;
    let (bootstrap, rule) = (Bootstrap::default(), experiment.top.selection.aggregate());
    let (mut rows, mut edges) = (Vec::new(), Vec::new());
    for (c, cell) in experiment.cells.iter().enumerate() {
        for (a, arm) in experiment
            .arms
            .iter()
            .enumerate()
            .filter(|(_, arm)| arm.is_tuned())
        {
            let tuning = scores(results, c, a)?;
            let chosen = choose(&tuning.iter().collect::<Vec<_>>(), rule)?;
            let mut rng = results.rng(&format!("chosen {} {}", cell.label(), arm.name));
            let fresh = results.scores(a, &[c])?;
            let report = chosen.evaluate(&fresh, rule, &bootstrap, &mut rng)?;
            let trial = &results.trials[c][a][chosen.index()];
            if !trial.at_edge.is_empty() {
                edges.push(format!(
                    "{}, {}: {} is best at an end of its grid ({}); there may be a better value beyond it",
                    results.names[c],
                    arm.name,
                    trial.at_edge.replace(' ', " and "),
                    trial.setting
                ));
            }
            let bias = report.bias;
            rows.push(vec![
                results.names[c].clone(),
                arm.name.clone(),
                trial.setting.clone(),
                format!("{:.3}", trial.score),
                report.score.to_string(),
                format!(
                    "{} ({} to {})",
                    signed(bias.point),
                    signed(bias.lo),
                    signed(bias.hi)
                ),
                if trial.at_edge.is_empty() {
                    "no".into()
                } else {
                    trial.at_edge.clone()
                },
            ]);
        }
    }
    let section = section.text(
        "Every optimiser has the same tuning budget. The setting that was chosen on the tuning seeds was then run on other seeds. \
         The best of several noisy scores is partly luck; the bias is how much better it looked than it turned out to be.",
    );
    let section = match edges.is_empty() {
        true => section.text("No setting was chosen at an end of its grid."),
        false => section
            .text(format!(
                "Warning: of {}, {} at an end of a grid.",
                count(rows.len(), "choice"),
                match edges.len() {
                    1 => "1 is".into(),
                    n => format!("{n} are"),
                }
            ))
            .list(edges),
    };
    let head = [
        "environment",
        "optimiser",
        "chosen",
        "tuning score",
        "score on fresh seeds",
        "bias of the choice",
        "at an end",
    ];
    Ok(section.table(&head, rows))
}
