//! How well optimisers do over all environments together.

use super::{
    curves,
    document::{Figure, ReportPanel, Section},
    format,
    load::Results,
    verdict::FEWEST_FOR_INFERENCE,
};
use stats::{Aggregate, Bootstrap, Counted, Scores, three_digits};

use crate::{
    Result,
    figures::{HorizontalAxis, IntervalStyle, Line, line_plot},
};

const AGGREGATES: [Aggregate; 4] = [
    Aggregate::Iqm,
    Aggregate::Mean,
    Aggregate::Median,
    Aggregate::OptimalityGap { gamma: 1.0 },
];

/// Performance profiles, and aggregates of each optimiser's scores.
pub fn profiles(results: &Results) -> Result<Section> {
    let arms = &results.experiment.arms;
    let outcome = results.outcomes()[0];
    let all = (0..arms.len())
        .map(|arm| Ok(results.scores(outcome, arm, &results.cells())?.scores()))
        .collect::<Result<Vec<_>>>()?;
    // Profiles are over the seeds that all environments have.
    let known = results.common_seeds(&results.cells()).len() >= FEWEST_FOR_INFERENCE;
    let thresholds = thresholds(&all);
    let banded = arms.len() <= curves::MANY && known;
    let bootstrap = Bootstrap::default();
    let (mut drawn, mut rows) = (Vec::new(), Vec::new());
    for (arm, scores) in all.iter().enumerate() {
        let name = &arms[arm].name;
        let mut rng = results.rng(&format!("profile {name}"));
        let shares = scores.profile(Counted::Runs, &thresholds, &bootstrap, &mut rng)?;
        let shares = shares.into_iter().map(|e| format::drawn(known, e));
        drawn.push(Line {
            name: name.clone(),
            colour: arm,
            points: thresholds.iter().copied().zip(shares).collect(),
            intervals: if banded {
                IntervalStyle::Band
            } else {
                IntervalStyle::None
            },
        });
        let mut row = vec![name.clone()];
        row.extend(AGGREGATES.iter().map(|aggregate| {
            let mut rng = results.rng(&format!("aggregate {name} {aggregate:?}"));
            let estimate = scores.estimate(*aggregate, &bootstrap, &mut rng);
            match known {
                true => estimate.to_string(),
                false => three_digits(estimate.point),
            }
        }));
        row.push(scores.runs().to_string());
        rows.push(row);
    }
    let bands = match known {
        true if banded => "bands: the 95 % interval at each score separately",
        true => "no bands, because there are so many optimisers",
        false => "no bands, because there are so few seeds",
    };
    let intervals = match known {
        true => " The intervals are 95 % stratified bootstrap intervals.",
        false => "",
    };
    let across = HorizontalAxis::Number("normalised score");
    let figure = Figure {
        caption: format!(
            "The share of runs above each score, averaged over environments ({bands})."
        ),
        key: curves::key(results),
        panels: vec![ReportPanel {
            title: "All environments together".into(),
            svg: line_plot(&across, "share of runs above", &drawn, &[])?,
        }],
    };
    let head = [
        "optimiser",
        "IQM",
        "mean",
        "median",
        "optimality gap",
        "runs",
    ];
    Ok(Section::new("Performance profiles")
        .text(format!(
            "All environments together, with scores normalised so that chance scores 0 and a good agent 1.{intervals} The \
             optimality gap is how far runs fall short of 1, so lower is better."
        ))
        .figure(figure)
        .table(&head, rows))
}

/// Evenly spaced from chance to a good agent, and beyond if scores go further.
fn thresholds(all: &[Scores]) -> Vec<f64> {
    let tasks = || all.iter().flat_map(Scores::tasks);
    let scores = || tasks().flat_map(|task| task.scores().iter().copied());
    let (low, high) = (scores().fold(0.0, f64::min), scores().fold(1.0, f64::max));
    (0..=50)
        .map(|i| low + (high - low) * f64::from(i) / 50.0)
        .collect()
}
