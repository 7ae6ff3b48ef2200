//! The effect of a change of optimiser on each rung of the ladder of controls.

use settings::Words;

use super::{
    comparison::{Assays, Comparison},
    contrasts::over_all_environments,
    differences::{ForestPanel, caption, forest, least_margin, probability, title},
    document::{Figure, Section},
    format::{interval, p_value, signed},
    load::Results,
    scope::Scope,
    verdict::Evidence,
};
use crate::{
    Result,
    study::experiment::{ContrastTable, Score},
};

/// The head of a table of [`row`]s.
pub const HEAD: [&str; 9] = [
    "contrast",
    "where",
    "outcome",
    "difference",
    "95 % interval",
    "probability of improvement",
    "p",
    "finding",
    "pairs",
];

/// Each contrast on each rung, and how much it differs from the first rung.
pub fn ladder(results: &Results) -> Result<Section> {
    let section = Section::new("The ladder of controls");
    let rungs = rungs(results);
    let [first, others @ ..] = &rungs[..] else {
        return Ok(section.nothing("This study has no rungs."));
    };
    if others.is_empty() {
        let why = format!(
            "This study has one rung ({first}), so there is no control to compare it with."
        );
        return Ok(section.nothing(why));
    }
    let contrasts: Vec<&ContrastTable> = over_all_environments(results);
    if contrasts.is_empty() {
        return Ok(section.nothing("This study has no contrast over all of its environments."));
    }
    let assays = Assays::of(results);
    let on = |rung: &str| -> Vec<usize> {
        let its = |cell: &usize| results.experiment.cells[*cell].rung == rung;
        results.cells().into_iter().filter(its).collect()
    };
    let (mut rows, mut drawn) = (Vec::new(), Vec::new());
    for contrast in contrasts {
        for &outcome in results.outcomes() {
            let comparison = Comparison {
                results,
                assays: &assays,
                contrast,
                outcome,
            };
            let (mut effects, mut margins) = (Vec::new(), Vec::new());
            for &rung in &rungs {
                let cells = on(rung);
                let what = format!("rung {rung} {}", contrast.name);
                let found = comparison.evidence(&Scope::In(cells.clone()), &what)?;
                effects.push((rung.to_owned(), found.difference.estimate));
                margins.push(found.margin);
                rows.push(row(contrast, rung.into(), outcome, &found));
                if rung != *first {
                    let what = format!("{what}, change");
                    let change = comparison.evidence(&Scope::less(cells, on(first)), &what)?;
                    let place = format!("{rung} minus {first}");
                    rows.push(row(contrast, place, outcome, &change));
                }
            }
            drawn.push(ForestPanel {
                title: title(&contrast.name, results, outcome),
                margin: least_margin(margins.into_iter()),
                rows: effects,
            });
        }
    }
    let figure = Figure {
        caption: caption(results, &drawn),
        key: Vec::new(),
        panels: forest(&drawn)?,
    };
    Ok(section
        .text(
            "The same change of optimiser on each rung, from the most independent data to the most shifting data. A rung \
             minus the first rung is the interaction: how much larger the effect is on that rung. It is judged by the \
             probability of improvement. The p-values are not corrected for their number.",
        )
        .figure(figure)
        .table(&HEAD, rows))
}

/// The rungs in the order of their first environments.
pub fn rungs(results: &Results) -> Vec<&str> {
    let mut rungs: Vec<&str> = Vec::new();
    for cell in &results.experiment.cells {
        if !rungs.contains(&cell.rung.as_str()) {
            rungs.push(&cell.rung);
        }
    }
    rungs
}

/// The row of a table that says what `contrast` does at `place`.
pub fn row(
    contrast: &ContrastTable,
    place: String,
    outcome: Score,
    found: &Evidence,
) -> Vec<String> {
    let e = found.difference.estimate;
    let advantage = found.advantage.estimate;
    vec![
        contrast.name.clone(),
        place,
        outcome.word().into(),
        signed(e.point),
        interval(found.has_interval(), e),
        match found.kind.compares_differences() {
            true => format!(
                "{} {}",
                signed(advantage.point),
                interval(found.has_interval(), advantage)
            ),
            false => probability(advantage),
        },
        match found.has_interval() {
            true => p_value(found.p),
            false => "-".into(),
        },
        found.in_words(),
        e.n.to_string(),
    ]
}
