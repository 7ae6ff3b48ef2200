//! Drawings and tables of the differences that an experiment asks about, as a whole and in each environment.

use super::{
    contrasts::{CellDifference, ContrastResult, place},
    document::{Figure, Panel, Section},
    format::{p_value, seeds, signed},
    load::Results,
};
use stats::Estimate;

use crate::{Result, figures::forest_plot};

/// The name of the axis of a drawing of differences.
const AXIS: &str = "difference of the score";

/// Each contrast as a whole.
pub fn contrasts(results: &Results, contrasts: &[ContrastResult]) -> Result<Section> {
    let section = Section::new("Contrasts");
    if contrasts.is_empty() {
        return Ok(section.nothing("The experiment has no contrasts."));
    }
    let margin = results.experiment.top.margin;
    let whole = |one: &ContrastResult| (one.contrast.name.clone(), one.evidence.effect);
    let rows = contrasts.iter().map(whole).collect();
    let panels = forest(vec![("Each contrast".into(), rows)], margin)?;
    let head = [
        "contrast",
        "of",
        "in",
        "difference",
        "95 % interval",
        "p",
        "p, corrected",
        "finding",
        "claim",
        "probability of improvement",
        "pairs",
        "seeds to find the margin",
        "seeds to equate",
    ];
    let section = section
        .text(
            "Differences of interquartile means on the same seeds. Their intervals come from resampling the seeds, for all \
             optimisers and environments at once. The p-values of the contrasts that do not decide have Holm's correction.",
        )
        .figure(Figure {
            caption: caption(margin),
            key: Vec::new(),
            panels,
        })
        .table(&head, contrasts.iter().map(row).collect());
    Ok(match same_runs(results) {
        Some(text) => section.text(text),
        None => section,
    })
}

/// Each contrast in each of its environments.
pub fn each_environment(results: &Results, contrasts: &[ContrastResult]) -> Result<Section> {
    let section = Section::new("Each environment");
    if contrasts.is_empty() {
        return Ok(section.nothing("The experiment has no contrasts."));
    }
    let margin = results.experiment.top.margin;
    let drawn = contrasts
        .iter()
        .map(|one| (one.contrast.name.clone(), by_environment(results, one)));
    let rows = contrasts.iter().flat_map(|one| {
        one.cells.iter().map(|cell| {
            let e = cell.difference;
            vec![
                one.contrast.name.clone(),
                name(results, cell),
                signed(e.point),
                match e.n > 1 {
                    true => format!("{} to {}", signed(e.lo), signed(e.hi)),
                    false => "-".into(),
                },
                cell.p.map_or("-".into(), p_value),
                cell.finding().to_owned(),
                e.n.to_string(),
            ]
        })
    });
    let head = [
        "contrast",
        "environment",
        "mean difference",
        "95 % interval",
        "p, corrected",
        "finding",
        "pairs",
    ];
    Ok(section
        .text("Mean differences with paired t tests, with Holm's correction within each contrast.")
        .figure(Figure {
            caption: caption(margin),
            key: Vec::new(),
            panels: forest(drawn.collect(), margin)?,
        })
        .table(&head, rows.collect()))
}

/// A panel for each of the titled groups of rows. All panels have the same axis.
pub fn forest(groups: Vec<(String, Vec<(String, Estimate)>)>, margin: f64) -> Result<Vec<Panel>> {
    let rows = || groups.iter().flat_map(|(_, rows)| rows);
    let low = rows().map(|(_, e)| e.lo).fold(-margin, f64::min);
    let high = rows().map(|(_, e)| e.hi).fold(margin, f64::max);
    let panel = |(title, rows): &(String, Vec<(String, Estimate)>)| {
        Ok(Panel {
            title: title.clone(),
            svg: forest_plot(rows, AXIS, margin, [low, high])?,
        })
    };
    groups.iter().map(panel).collect()
}

/// The caption of a figure of differences.
pub fn caption(margin: f64) -> String {
    let shaded = match margin > 0.0 {
        true => format!(" The margin of {margin} is shaded."),
        false => String::new(),
    };
    format!(
        "Differences with their 95 % intervals. To the right of 0, the first of the two optimisers does better.{shaded}"
    )
}

fn by_environment(results: &Results, one: &ContrastResult) -> Vec<(String, Estimate)> {
    let row = |cell: &CellDifference| (name(results, cell), cell.difference);
    one.cells.iter().map(row).collect()
}

fn name(results: &Results, cell: &CellDifference) -> String {
    let side = if cell.subtracted { " (subtracted)" } else { "" };
    format!("{}{side}", results.names[cell.cell])
}

fn row(one: &ContrastResult) -> Vec<String> {
    let e = one.evidence.effect;
    let [detect, equate] = one
        .seeds_needed
        .as_ref()
        .map_or(["-".to_owned(), "-".to_owned()], |needed| {
            [needed.to_detect, needed.to_equate].map(seeds)
        });
    let claim = one.verdict().map_or("no claim".into(), |verdict| {
        let decides = if one.decides { " (decides)" } else { "" };
        format!("{}{decides}", verdict.word())
    });
    vec![
        one.contrast.name.clone(),
        format!("{} less {}", one.contrast.with, one.contrast.without),
        place(one.contrast),
        signed(e.point),
        format!("{} to {}", signed(e.lo), signed(e.hi)),
        p_value(one.p),
        match one.decides {
            true => "-".into(),
            false => p_value(one.evidence.p),
        },
        one.finding.to_string(),
        claim,
        one.improvement.map_or("-".into(), |one| one.to_string()),
        e.n.to_string(),
        detect,
        equate,
    ]
}

/// A sentence that says which cells have the same runs, if any do.
fn same_runs(results: &Results) -> Option<String> {
    let again = results
        .cells()
        .into_iter()
        .filter(|&c| results.same_as[c] != c);
    let named: Vec<String> = again
        .map(|c| {
            format!(
                "{} is {}",
                results.names[c], results.names[results.same_as[c]]
            )
        })
        .collect();
    (!named.is_empty()).then(|| {
        format!(
            "Some environments have the same runs, which count once when environments are taken together: {}.",
            named.join("; ")
        )
    })
}
