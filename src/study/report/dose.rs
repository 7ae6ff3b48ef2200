//! Dose-response: the effect of a change of optimiser at each level of a factor.

use super::{
    contrasts::{evidence, over_all_environments},
    document::{Figure, Panel, Section},
    ladder::{HEAD, row},
    load::Results,
    names::split_common_start,
};
use crate::{
    Result,
    figures::{HorizontalAxis, IntervalStyle, Line, line_plot},
    study::experiment::{Contrast, Factor},
};

/// The effect at each level of each factor.
pub fn dose(results: &Results) -> Result<Section> {
    let section = Section::new("Dose-response");
    let factors = &results.experiment.top.factors;
    if factors.is_empty() {
        return Ok(section.nothing("This study varies only the optimiser: it has no factors."));
    }
    let contrasts: Vec<&Contrast> = over_all_environments(results).collect();
    if contrasts.is_empty() {
        return Ok(section.nothing("This study has no contrast over all of its environments."));
    }
    let (mut rows, mut panels) = (Vec::new(), Vec::new());
    for factor in factors {
        let levels = levels(results, factor);
        let mut drawn = Vec::new();
        for (colour, contrast) in contrasts.iter().enumerate() {
            let mut points = Vec::new();
            for (at, (level, cells)) in levels.iter().enumerate() {
                let place = format!("{}={level}", factor.key);
                let what = format!("dose {place} {}", contrast.name);
                let found = evidence(results, contrast, cells, &[], &what)?;
                points.push((at as f64, found.effect));
                rows.push(row(contrast, place, &found));
            }
            drawn.push(Line {
                colour,
                points,
                intervals: IntervalStyle::Bars,
            });
        }
        let levels: Vec<String> = levels.into_iter().map(|(level, _)| level).collect();
        let (common, short) = split_common_start(&levels);
        panels.push(Panel {
            title: title(factor, &common),
            svg: line_plot(
                &HorizontalAxis::Levels(&short),
                "difference",
                &drawn,
                &[0.0],
            )?,
        });
    }
    let named = contrasts.iter().enumerate();
    let figure = Figure {
        caption: "The difference at each level of a factor, over all environments that have the factor, with its 95 % interval. \
                  Above 0, the first of the two optimisers does better."
            .into(),
        key: named.map(|(colour, one)| (one.name.clone(), colour)).collect(),
        panels,
    };
    Ok(section
        .text("Each contrast, at each level by itself. The p-values are not corrected for their number.")
        .figure(figure)
        .table(&HEAD, rows))
}

/// The factor's levels, each with its cells.
fn levels(results: &Results, factor: &Factor) -> Vec<(String, Vec<usize>)> {
    let mut levels: Vec<(String, Vec<usize>)> = Vec::new();
    for c in results.cells() {
        let cell = &results.experiment.cells[c];
        let found = cell.levels.iter().find(|(key, _)| *key == factor.key);
        let Some((_, level)) = found.filter(|_| factor.is_for(&cell.environment)) else {
            continue;
        };
        match levels.iter_mut().find(|(known, _)| known == level) {
            Some((_, cells)) => cells.push(c),
            None => levels.push((level.clone(), vec![c])),
        }
    }
    levels
}

fn title(factor: &Factor, common: &str) -> String {
    let of = match factor.environments.is_empty() {
        true => String::new(),
        false => format!("{}: ", factor.environments.join(", ")),
    };
    let common = match common.is_empty() {
        true => String::new(),
        false => format!("={common}"),
    };
    format!("{of}{}{common}", factor.key)
}
