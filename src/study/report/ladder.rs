//! The effect of a change of optimiser on each rung of the ladder of controls.

use super::{
    contrasts::{evidence, over_all_environments},
    differences::{caption, forest},
    document::{Figure, Section},
    format::{p_value, signed},
    load::Results,
    verdict::Evidence,
};
use crate::{Result, study::experiment::Contrast};

/// The head of a table of [`row`]s.
pub const HEAD: [&str; 7] = [
    "contrast",
    "where",
    "difference",
    "95 % interval",
    "p",
    "finding",
    "pairs",
];

/// Each contrast on each rung, and how much it differs from the first rung.
pub fn ladder(results: &Results) -> Result<Section> {
    let section = Section::new("The ladder of controls");
    let mut rungs: Vec<&str> = Vec::new();
    for cell in &results.experiment.cells {
        if !rungs.contains(&cell.rung.as_str()) {
            rungs.push(&cell.rung);
        }
    }
    let [first, others @ ..] = &rungs[..] else {
        return Ok(section.nothing("This study has no rungs."));
    };
    if others.is_empty() {
        let why = format!(
            "This study has one rung ({first}), so there is no control to compare it with."
        );
        return Ok(section.nothing(why));
    }
    let contrasts: Vec<&Contrast> = over_all_environments(results).collect();
    if contrasts.is_empty() {
        return Ok(section.nothing("This study has no contrast over all of its environments."));
    }
    let on = |rung: &str| -> Vec<usize> {
        let its = |cell: &usize| results.experiment.cells[*cell].rung == rung;
        results.cells().into_iter().filter(its).collect()
    };
    let (mut rows, mut drawn) = (Vec::new(), Vec::new());
    for contrast in contrasts {
        let mut effects = Vec::new();
        for &rung in &rungs {
            let cells = on(rung);
            let what = format!("rung {rung} {}", contrast.name);
            let found = evidence(results, contrast, &cells, &[], &what)?;
            effects.push((rung.to_owned(), found.effect));
            rows.push(row(contrast, rung.into(), &found));
            if rung != *first {
                let what = format!("{what}, change");
                let change = evidence(results, contrast, &cells, &on(first), &what)?;
                rows.push(row(contrast, format!("{rung} less {first}"), &change));
            }
        }
        drawn.push((contrast.name.clone(), effects));
    }
    let margin = results.experiment.top.margin;
    let figure = Figure {
        caption: caption(margin),
        key: Vec::new(),
        panels: forest(drawn, margin)?,
    };
    Ok(section
        .text(
            "The same change of optimiser on each rung, from the most independent data to the most shifting data. A rung less \
             the first rung is the interaction: how much more the change does there. The p-values are not corrected for their \
             number.",
        )
        .figure(figure)
        .table(&HEAD, rows))
}

/// The row of a table that says what `contrast` does at `place`.
pub fn row(contrast: &Contrast, place: String, found: &Evidence) -> Vec<String> {
    let e = found.effect;
    vec![
        contrast.name.clone(),
        place,
        signed(e.point),
        format!("{} to {}", signed(e.lo), signed(e.hi)),
        p_value(found.p),
        found.finding().to_string(),
        e.n.to_string(),
    ]
}
