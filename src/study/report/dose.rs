//! Dose-response: the effect of a change of optimiser at each level of a factor.

use settings::Words;

use super::{
    comparison::{Assays, Comparison},
    contrasts::over_all_environments,
    differences::title,
    document::{Figure, ReportPanel, Section},
    format::{interval, p_value, signed},
    ladder::{HEAD, row},
    load::Results,
    names::split_common_start,
    scope::{Dial, Scope},
};
use crate::{
    Result,
    figures::{HorizontalAxis, IntervalStyle, Line, line_plot},
    study::experiment::{ContrastTable, Factor},
};

/// The effect at each level of each factor.
pub fn dose(results: &Results) -> Result<Section> {
    let section = Section::new("Dose-response");
    let factors = &results.experiment.top.factors;
    if factors.is_empty() {
        return Ok(section.nothing("This study varies only the optimiser: it has no factors."));
    }
    let contrasts: Vec<&ContrastTable> = over_all_environments(results);
    if contrasts.is_empty() {
        return Ok(section.nothing("This study has no contrast over all of its environments."));
    }
    let assays = Assays::of(results);
    let (mut rows, mut slopes, mut panels) = (Vec::new(), Vec::new(), Vec::new());
    let places = factors.iter();
    let places = places.flat_map(|factor| results.outcomes().iter().map(move |one| (factor, *one)));
    for (factor, outcome) in places {
        let levels = levels(results, factor);
        let dial = dial(results, factor);
        let mut drawn = Vec::new();
        for (colour, contrast) in contrasts.iter().enumerate() {
            let comparison = Comparison {
                results,
                assays: &assays,
                contrast,
                outcome,
            };
            let mut points = Vec::new();
            for (at, (level, cells)) in levels.iter().enumerate() {
                let place = format!("{}={level}", factor.key);
                let what = format!("dose {place} {}", contrast.name);
                let found = comparison.evidence(&Scope::In(cells.clone()), &what)?;
                points.push((at as f64, found.difference.estimate));
                rows.push(row(contrast, place, outcome, &found));
            }
            if let Some(dial) = &dial {
                slopes.push(growth(&comparison, factor, dial)?);
            }
            drawn.push(Line {
                name: contrast.name.clone(),
                colour,
                points,
                intervals: IntervalStyle::Bars,
            });
        }
        let levels: Vec<String> = levels.into_iter().map(|(level, _)| level).collect();
        let (common, short) = split_common_start(&levels);
        panels.push(ReportPanel {
            title: title(&heading(factor, &common), results, outcome),
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
        caption: format!(
            "The difference at each level of a factor, over all environments that have the factor{}. Above 0, the first of \
             the two optimisers does better.",
            match results.has_intervals() {
                true => ", with its 95 % interval",
                false => "; there are too few seeds for intervals",
            }
        ),
        key: named
            .map(|(colour, one)| (one.name.clone(), colour))
            .collect(),
        panels,
    };
    let section = section.figure(figure);
    let section = match slopes.is_empty() {
        true => section,
        false => section
            .text(
                "A dial is judged by its slope: how much the effect grows from its first level to its last. If the levels \
                 are numbers above 0, the slope is along their logarithms; otherwise it is along their order. The growth \
                 of the probability of improvement decides; the growth of the difference is shown beside it. Only environments \
                 that are informative at every level count. These p-values are not corrected for their number.",
            )
            .table(&SLOPE_HEAD, slopes),
    };
    Ok(section
        .text("Each contrast at each level separately. The p-values are not corrected for their number.")
        .table(&HEAD, rows))
}

const SLOPE_HEAD: [&str; 7] = [
    "contrast",
    "dial",
    "outcome",
    "growth of the difference",
    "growth of the probability of improvement",
    "p",
    "finding",
];

/// The row of a table that says how much a contrast's effect grows along a dial.
fn growth(comparison: &Comparison, factor: &Factor, dial: &Scope) -> Result<Vec<String>> {
    let contrast = comparison.contrast;
    let what = format!("slope {} {}", factor.key, contrast.name);
    let found = comparison.evidence(dial, &what)?;
    let known = found.has_interval();
    let text = |e: stats::Estimate| format!("{} {}", signed(e.point), interval(known, e));
    Ok(vec![
        contrast.name.clone(),
        heading(factor, ""),
        comparison.outcome.word().into(),
        text(found.difference.estimate),
        text(found.advantage.estimate),
        match known {
            true => p_value(found.p),
            false => "-".into(),
        },
        found.in_words(),
    ])
}

/// The dial that the factor is, if it has two levels or more.
fn dial(results: &Results, factor: &Factor) -> Option<Scope> {
    let all = &results.experiment.cells;
    let has = |c: &usize| factor.is_for(&all[*c].environment);
    let cells: Vec<usize> = results.cells().into_iter().filter(has).collect();
    Dial::of(all, &factor.key, &cells).map(Scope::Along)
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

fn heading(factor: &Factor, common: &str) -> String {
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
