//! A card as a document.

use settings::Words;
use stats::{Aggregate, Bootstrap, Contrast, Estimate};

use super::{
    forest, opponents,
    standing::{Against, Standing},
};
use crate::{
    Result,
    figures::{ForestInterval, ForestRow, HorizontalAxis, IntervalStyle, Line, line_plot},
    study::{
        assay::rates,
        card::LR_STEPS,
        experiment::Score,
        report::{
            assay::tuning_means,
            cost,
            document::{Document, Figure, ReportPanel, Section},
            format::{interval, signed},
            load::Results,
        },
    },
};

/// The document.
pub fn page(results: &Results, standing: &Standing) -> Result<Document> {
    let sections = vec![
        glance(standing)?,
        environments(results, standing)?,
        learning_rates(results, standing)?,
        cost(results, standing),
        rules(results),
    ];
    Ok(Document::new(
        format!("Report card: {}", standing.name),
        sections,
    ))
}

/// How it does against each baseline over all regimes, a line each.
pub fn overall(standing: &Standing) -> Vec<String> {
    let line = |baseline| {
        let Estimate { point, lo, hi, .. } = standing.against(baseline)?.overall(Score::Area)?;
        Some(format!(
            "better than {baseline} with probability {point:.2} ({lo:.2} to {hi:.2})"
        ))
    };
    opponents(&standing.name).filter_map(line).collect()
}

/// The rows of the figure: a regime with an interval for each baseline, by the first outcome.
pub fn groups(standing: &Standing) -> Vec<ForestRow> {
    let Some(first) = standing.against.first() else {
        return Vec::new();
    };
    let group = |(at, (regime, _)): (usize, &(String, _))| {
        let interval = |(colour, one): (usize, &Against)| {
            let (_, evidence) = &one.regimes[at].1[0];
            ForestInterval {
                name: format!("over {}", one.baseline),
                colour: colour + 1,
                estimate: evidence.improvement(),
                decides: evidence.finding().decides(),
            }
        };
        ForestRow {
            name: regime.clone(),
            intervals: standing.against.iter().enumerate().map(interval).collect(),
        }
    };
    first.regimes.iter().enumerate().map(group).collect()
}

fn glance(standing: &Standing) -> Result<Section> {
    let groups = groups(standing);
    let key = standing.against.iter().enumerate();
    let figure = Figure {
        caption: format!(
            "The probability that a run has a larger area under its learning curve than the baseline's run with the same seed, \
             with its 95 % interval. 0.5 is no difference. A hollow point is undecided. Each optimiser has the best of its \
             {LR_STEPS} learning rates."
        ),
        key: key
            .map(|(i, one)| (format!("over {}", one.baseline), i + 1))
            .collect(),
        panels: vec![ReportPanel {
            title: format!("{} by regime", standing.name),
            svg: forest(&groups).svg()?,
        }],
    };
    let mut rows = Vec::new();
    for one in &standing.against {
        for (regime, by_outcome) in &one.regimes {
            for (outcome, evidence) in by_outcome {
                let e = evidence.difference.estimate;
                let p = evidence.improvement();
                rows.push(vec![
                    one.baseline.to_owned(),
                    regime.clone(),
                    outcome.word().into(),
                    signed(e.point),
                    interval(evidence.has_interval(), e),
                    format!("{:.2} ({:.2} to {:.2})", p.point, p.lo, p.hi),
                    evidence.in_words(),
                ]);
            }
        }
        for (outcome, p) in &one.overall {
            rows.push(vec![
                one.baseline.to_owned(),
                "all regimes".into(),
                outcome.word().into(),
                String::new(),
                String::new(),
                format!("{:.2} ({:.2} to {:.2})", p.point, p.lo, p.hi),
                String::new(),
            ]);
        }
    }
    let head = [
        "compared with",
        "regime",
        "outcome",
        "difference",
        "95 % interval",
        "probability of improvement",
        "finding",
    ];
    Ok(Section::new("At a glance")
        .lead()
        .text(format!(
            "Over all regimes: {}.",
            overall(standing).join("; ")
        ))
        .figure(figure)
        .table(&head, rows))
}

fn environments(results: &Results, standing: &Standing) -> Result<Section> {
    let arm = results.arm(&standing.name);
    let mut rows = Vec::new();
    for cell in results.cells() {
        for &outcome in results.outcomes() {
            let score = |arm: usize| -> Result<String> {
                let tuned = results.scores(outcome, arm, &[cell])?;
                let what = format!("card {cell} {arm} {}", outcome.word());
                let mut rng = results.rng(&what);
                let bootstrap = Bootstrap::default();
                let e = Contrast::arm(&tuned).estimate(Aggregate::Iqm, &bootstrap, &mut rng);
                Ok(e.to_string())
            };
            let runs = results.runs(outcome, cell, arm);
            rows.push(vec![
                results.names[cell].clone(),
                outcome.word().into(),
                score(arm)?,
                score(results.arm("adam"))?,
                match results.at_edge(outcome, cell, arm) {
                    "" => runs[0].setting.clone(),
                    _ => format!("{} (an end of its range)", runs[0].setting),
                },
                format!("{} of {}", results.diverged(outcome, cell, arm), runs.len()),
            ]);
        }
    }
    let head = [
        "environment",
        "outcome",
        "score, IQM",
        "adam's score",
        "chosen setting",
        "diverged",
    ];
    Ok(Section::new("Each environment")
        .text("Normalised scores: 0 is chance and 1 a good agent, and for regression to values 1 is the agent they are of.")
        .table(&head, rows))
}

fn learning_rates(results: &Results, standing: &Standing) -> Result<Section> {
    let mut names = vec![standing.name.clone()];
    names.extend(standing.against("adam").map(|_| "adam".to_owned()));
    let mut panels = Vec::new();
    for cell in results.cells() {
        let line = |(colour, name): (usize, &String)| {
            let arm = results.arm(name);
            let rates = rates(&results.experiment, arm)?;
            let means = tuning_means(results, Score::Area, cell, arm);
            let point = |(rate, point): (f64, f64)| {
                let (lo, hi, n) = (point, point, 1);
                (rate, Estimate { point, lo, hi, n })
            };
            Some(Line {
                name: name.clone(),
                colour: colour + 1,
                points: rates.into_iter().zip(means).map(point).collect(),
                intervals: IntervalStyle::None,
            })
        };
        let lines: Vec<Line> = names.iter().enumerate().filter_map(line).collect();
        panels.push(ReportPanel {
            title: results.names[cell].clone(),
            svg: line_plot(&HorizontalAxis::Log("learning rate"), "score", &lines, &[])?,
        });
    }
    let key = names.iter().enumerate();
    Ok(Section::new("Learning rates").figure(Figure {
        caption: "The mean score (area) on the tuning seeds at each learning rate that was tried."
            .into(),
        key: key.map(|(i, name)| (name.clone(), i + 1)).collect(),
        panels,
    }))
}

fn cost(results: &Results, standing: &Standing) -> Section {
    let mut names = vec![standing.name.as_str()];
    for opponent in opponents(&standing.name) {
        names.push(opponent);
    }
    let about = format!(
        "Of the report runs, environment and agent included: {}. Times are processor seconds, and differ between machines.",
        standing.diverged()
    );
    cost::in_brief(results, about, &names)
}

fn rules(results: &Results) -> Section {
    let top = &results.experiment.top;
    Section::new("How it was done")
        .appendix()
        .text(top.analysis.clone())
        .text("The rules of the card, and why they are so, are in docs/card.md.")
        .text(format!(
            "Tuning seeds: {}. Report seeds: {}.",
            top.seeds.tuning.0.len(),
            top.seeds.report.0.len()
        ))
}
