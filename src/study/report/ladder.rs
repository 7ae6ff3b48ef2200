//! What a change of the optimiser does on each rung of the ladder of controls.

use super::{
    contrasts::{evidence, whole},
    differences::{caption, forest},
    document::{Figure, Section},
    load::Results,
    shown::{p_value, signed},
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

/// Momentum's effect on each rung, and its change from the first.
pub fn ladder(results: &Results) -> Result<Section> {
    let section = Section::new("The ladder of controls");
    let mut rungs: Vec<&str> = Vec::new();
    for cell in &results.experiment.cells {
        if !rungs.contains(&cell.rung.as_str()) {
            rungs.push(&cell.rung);
        }
    }
    let [first, others @ ..] = &rungs[..] else {
        return Ok(section.text("This study has no rungs."));
    };
    if others.is_empty() {
        let why = format!("This study has one rung ({first}): no control to compare with.");
        return Ok(section.text(why));
    }
    let contrasts: Vec<&Contrast> = whole(results).collect();
    if contrasts.is_empty() {
        return Ok(section.text("This study has no contrast over all of its environments."));
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
            "The same change on each rung, from the most independent data to the most shifting. A rung less the first is \
             the interaction: how much more the change does there. P-values are not corrected for their number.",
        )
        .figure(figure)
        .table(&HEAD, rows))
}

/// What `contrast` does at `place`.
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
