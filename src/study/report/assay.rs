//! What the tuning seeds say about each environment: whether a difference could have shown, and the margin.

use settings::Words;

use super::{document::Section, format::signed, load::Results};
use crate::study::{
    assay::{Assay, MARGINS, assay},
    experiment::Score,
    rows::RunRow,
};

/// The assay of each cell by `outcome`.
pub fn assays(results: &Results, outcome: Score) -> Vec<Assay> {
    let arms = 0..results.experiment.arms.len();
    let of_cell = |cell: usize| {
        let means = arms
            .clone()
            .map(|arm| tuning_means(results, outcome, cell, arm));
        assay(&results.experiment, &means.collect::<Vec<_>>())
    };
    results.cells().into_iter().map(of_cell).collect()
}

/// The mean score of each trial on the tuning seeds.
pub fn tuning_means(results: &Results, outcome: Score, cell: usize, arm: usize) -> Vec<f64> {
    let mean = |runs: &Vec<RunRow>| {
        let scores = runs.iter().map(|run| results.score(outcome, cell, run));
        scores.sum::<f64>() / runs.len() as f64
    };
    results.tuning[cell][arm].iter().map(mean).collect()
}

/// The rule, as the report states it.
fn rule(results: &Results) -> String {
    let top = &results.experiment.top;
    let control = match top
        .contrasts
        .iter()
        .find(|one| Some(&one.name) == top.assay.positive_control.as_ref())
    {
        Some(one) => format!(", or {} (in {})", one.name, one.place()),
        None => String::new(),
    };
    let margin = match top.margin {
        Some(margin) => format!("The margin is {margin} everywhere, as the experiment says."),
        None => format!(
            "The margin is half of what half a decade of lr costs in the environment, and at least {}.",
            top.assay.least_margin
        ),
    };
    let counts = match top.assay.required {
        true => "Only informative environments count in findings about several environments.",
        false => "This experiment counts all environments, informative or not.",
    };
    format!(
        "An environment is informative if a difference could have shown there: the best optimiser scores at least {} above \
         chance, and half a decade of lr{control} makes a difference of at least {MARGINS} margins. {margin} The tuning \
         seeds decided all of this. {counts}",
        top.assay.learns
    )
}

/// What was decided about each cell.
pub fn section(results: &Results) -> Section {
    let mut rows = Vec::new();
    for &outcome in results.outcomes() {
        for (cell, assay) in assays(results, outcome).into_iter().enumerate() {
            let number = |x: Option<f64>| x.map_or("-".into(), signed);
            rows.push(vec![
                results.names[cell].clone(),
                outcome.word().into(),
                match &assay.best {
                    Some((best, arm)) => format!("{best:.3} ({arm})"),
                    None => "nothing was tuned".into(),
                },
                number(assay.half_decade),
                number(assay.control),
                format!("{:.3}", assay.margin),
                if assay.informative { "yes" } else { "no" }.into(),
            ]);
        }
    }
    let head = [
        "environment",
        "outcome",
        "best score",
        "half a decade of lr",
        "positive control",
        "margin",
        "informative",
    ];
    Section::new("Informative environments")
        .text(rule(results))
        .table(&head, rows)
}
