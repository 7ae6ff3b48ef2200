//! What was tried on the tuning seeds, what was chosen, and how much of that was luck.

use settings::Words;

use super::{
    curves,
    differences::title,
    document::{Figure, ReportPanel, Section},
    format::{self, signed},
    load::Results,
    verdict::FEWEST_FOR_INFERENCE,
};
use stats::{
    Aggregate, Bootstrap, Contrast, Estimate, PerSetting, Scores, Sensitivity, choose, tuning_noise,
};

use crate::{
    Result,
    figures::{HorizontalAxis, IntervalStyle, Line, line_plot},
    numbers::count,
    study::assay::rates,
    study::{
        experiment::{Design, Score},
        rows::RunRow,
    },
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

/// The scores of each trial on the seeds that chose: the tuning seeds, or the report seeds in the grid design.
pub fn scores(results: &Results, outcome: Score, cell: usize, arm: usize) -> Result<Vec<Scores>> {
    let label = results.experiment.cells[cell].label();
    let of = |runs: &Vec<RunRow>| {
        let row = |run: &RunRow| (label.clone(), run.seed, results.score(outcome, cell, run));
        Ok(Scores::new(runs.iter().map(row))?)
    };
    let runs = match results.experiment.top.design {
        Design::TwoStage => &results.tuning[cell][arm],
        Design::Grid => &results.judged[cell][arm],
    };
    runs.iter().map(of).collect()
}

fn sensitivity(results: &Results, section: Section) -> Result<Section> {
    let experiment = &results.experiment;
    let (bootstrap, rule) = (Bootstrap::default(), experiment.top.selection.aggregate());
    let (mut panels, mut rows) = (Vec::new(), Vec::new());
    let places = results.cells().into_iter();
    let places = places.flat_map(|c| results.outcomes().iter().map(move |&outcome| (c, outcome)));
    for (c, outcome) in places {
        let cell = &experiment.cells[c];
        let mut drawn = Vec::new();
        for (a, arm) in experiment.arms.iter().enumerate() {
            let Some(rates) = rates(experiment, a).filter(|_| arm.is_tuned()) else {
                continue;
            };
            let scores = scores(results, outcome, c, a)?;
            let grid: Vec<(f64, &Scores)> = rates.into_iter().zip(&scores).collect();
            let what = format!("rates {} {}", cell.label(), arm.name);
            let mut rng = results.rng(&title(&what, results, outcome));
            let found = Sensitivity::new(&grid, rule, &bootstrap, &mut rng)?;
            let points = found.points().iter();
            let points = points.map(|point| {
                let known = point.score.n >= FEWEST_FOR_INFERENCE;
                (point.lr, format::drawn(known, point.score))
            });
            drawn.push(Line {
                name: arm.name.clone(),
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
                outcome.word().into(),
                arm.name.clone(),
                match found.best().lr {
                    lr if lr < 1e-3 => format!("{lr:e}"),
                    lr => format!("{lr}"),
                },
                format::cell(found.best().score),
                format!("{at_least}{:.1}", plateau.decades()),
            ]);
        }
        if !drawn.is_empty() {
            panels.push(ReportPanel {
                title: title(&results.names[c], results, outcome),
                svg: line_plot(&HorizontalAxis::Log("learning rate"), "score", &drawn, &[])?,
            });
        }
    }
    if panels.is_empty() {
        return Ok(section
            .nothing("No grid varies the learning rate alone, so there is no curve to draw."));
    }
    let intervals = match experiment.arms.len() <= curves::MANY {
        true => ", with 95 % bootstrap intervals where at least five seeds chose",
        false => ", without intervals because there are so many optimisers",
    };
    let figure = Figure {
        caption: format!("The score at each learning rate, on the seeds that chose{intervals}."),
        key: curves::key(results),
        panels,
    };
    let head = [
        "environment",
        "outcome",
        "optimiser",
        "best lr",
        "its score",
        "plateau, decades",
    ];
    Ok(section
        .figure(figure)
        .text("Plateau: the contiguous range of learning rates around the best one whose scores are within a tenth of the \
               best score.")
        .table(&head, rows))
}

fn chosen(results: &Results, section: Section) -> Result<Section> {
    let experiment = &results.experiment;
    let (mut rows, mut edges) = (Vec::new(), Vec::new());
    let places = results.cells().into_iter();
    let places = places.flat_map(|c| results.outcomes().iter().map(move |&outcome| (c, outcome)));
    for (c, outcome) in places {
        for (a, arm) in experiment
            .arms
            .iter()
            .enumerate()
            .filter(|(_, arm)| arm.is_tuned())
        {
            let trial = &results.tuned(outcome, c, a)[results.chosen(outcome, c, a)];
            let at_edge = results.at_edge(outcome, c, a);
            if !at_edge.is_empty() {
                edges.push(format!(
                    "{}, {}: {} is best at an end of its grid ({}); there may be a better value beyond it",
                    title(&results.names[c], results, outcome),
                    arm.name,
                    at_edge.replace(' ', " and "),
                    trial.setting
                ));
            }
            let Luck { score, bias, noise } = luck(results, outcome, c, a)?;
            rows.push(vec![
                results.names[c].clone(),
                outcome.word().into(),
                arm.name.clone(),
                trial.setting.clone(),
                format!("{:.3}", trial.score),
                format::cell(score),
                signed(bias),
                noise.map_or("included".into(), |noise| format!("{noise:.3}")),
                match at_edge {
                    "" => "no".into(),
                    keys => keys.to_owned(),
                },
            ]);
        }
    }
    let section = section.text(match experiment.top.design {
        Design::TwoStage => {
            "Every optimiser has the same tuning budget. The setting chosen on the tuning seeds was then run on other \
             seeds. The best of several noisy scores is partly luck; the bias is how much better it looked on the tuning \
             seeds than on the others. Tuning noise is the standard deviation that the choice adds to the score; intervals \
             do not include it."
        }
        Design::Grid => {
            "Every optimiser has the same tuning budget: every setting was run on every report seed. Each half of the \
             seeds is scored at the setting that the other half chose. The bias is how much better the best setting looks \
             on the seeds that choose it. Intervals include the noise of the choice."
        }
    });
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
        "outcome",
        "optimiser",
        "chosen",
        "score on the seeds that chose",
        "score on others",
        "bias of the choice",
        "tuning noise",
        "at an end",
    ];
    Ok(section.table(&head, rows))
}

/// How much of a chosen setting's score was luck.
struct Luck {
    /// On seeds that had no part in the choice.
    score: Estimate,
    /// How much better it looked.
    bias: f64,
    /// See [`noise`]; `None` if intervals include it.
    noise: Option<f64>,
}

fn luck(results: &Results, outcome: Score, cell: usize, arm: usize) -> Result<Luck> {
    let (bootstrap, rule) = (
        Bootstrap::default(),
        results.experiment.top.selection.aggregate(),
    );
    let label = results.experiment.cells[cell].label();
    let what = format!("chosen {label} {}", results.experiment.arms[arm].name);
    let mut rng = results.rng(&title(&what, results, outcome));
    let fresh = results.scores(outcome, arm, &[cell])?;
    if results.experiment.top.design == Design::Grid {
        let score = Contrast::arm(&fresh).estimate(Aggregate::Mean, &bootstrap, &mut rng);
        let best = &fresh.settings()[fresh.chosen()[0]];
        return Ok(Luck {
            bias: best.aggregate(Aggregate::Mean) - score.point,
            score,
            noise: None,
        });
    }
    let tuning = scores(results, outcome, cell, arm)?;
    let chosen = [&tuning[results.chosen(outcome, cell, arm)]];
    let report =
        choose(&chosen, rule)?.evaluate(&fresh.settings()[0], rule, &bootstrap, &mut rng)?;
    Ok(Luck {
        score: report.score,
        bias: report.bias.point,
        noise: Some(noise(results, outcome, cell, arm)?),
    })
}

/// The standard deviation that the choice of a setting adds to an arm's score; 0 if there was nothing to choose.
pub fn noise(results: &Results, outcome: Score, cell: usize, arm: usize) -> Result<f64> {
    let tuning = scores(results, outcome, cell, arm)?;
    if tuning.len() < 2 {
        return Ok(0.0);
    }
    let bootstrap = Bootstrap::new(1000, 0.95, Default::default())?;
    let label = results.experiment.cells[cell].label();
    let what = format!("noise {label} {}", results.experiment.arms[arm].name);
    let mut rng = results.rng(&title(&what, results, outcome));
    let rule = results.experiment.top.selection.aggregate();
    Ok(tuning_noise(
        &tuning.iter().collect::<Vec<_>>(),
        rule,
        &bootstrap,
        &mut rng,
    )?)
}
