//! Dose-response: the effect of a change of optimiser at each level of a factor.

use settings::Words;
use stats::{Aggregate, Bootstrap, Measure};

use super::{
    comparison::{Assays, Comparison},
    contrasts::over_all_environments,
    differences::title,
    document::{Figure, ReportPanel, Section},
    format::{interval, p_value, signed},
    ladder::{HEAD, row},
    load::Results,
    names::split_common_start,
    verdict::{ALPHA, FEWEST_FOR_INFERENCE, FEWEST_SEEDS},
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
    let contrasts: Vec<&ContrastTable> = over_all_environments(results).collect();
    if contrasts.is_empty() {
        return Ok(section.nothing("This study has no contrast over all of its environments."));
    }
    let assays = Assays::of(results);
    let (mut rows, mut slopes, mut panels) = (Vec::new(), Vec::new(), Vec::new());
    let places = factors.iter();
    let places = places.flat_map(|factor| results.outcomes().iter().map(move |one| (factor, *one)));
    for (factor, outcome) in places {
        let levels = levels(results, factor);
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
                let found = comparison.evidence(cells, &[], &what)?;
                points.push((at as f64, found.difference.estimate));
                rows.push(row(contrast, place, outcome, &found));
            }
            slopes.extend(slope(&comparison, factor, &levels)?);
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
        caption: "The difference at each level of a factor, over all environments that have the factor, with its 95 % interval. \
                  Above 0, the first of the two optimisers does better."
            .into(),
        key: named.map(|(colour, one)| (one.name.clone(), colour)).collect(),
        panels,
    };
    let section = section.figure(figure);
    let section = match slopes.is_empty() {
        true => section,
        false => section
            .text(
                "A dial is judged by its slope: how much the effect grows from its first level to its last. If the levels \
                 are numbers above 0, the slope is along their logarithms; otherwise it is along their order. The growth \
                 of the probability of improvement decides; the growth of the difference is shown beside it.",
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

/// The row of a table that says how much a contrast's effect grows from the first to the last level; `None` with fewer
/// than two levels. It is the least-squares line through the effects at all levels.
fn slope(
    comparison: &Comparison,
    factor: &Factor,
    levels: &[(String, Vec<usize>)],
) -> Result<Option<Vec<String>>> {
    let Comparison {
        results,
        assays,
        contrast,
        outcome,
    } = *comparison;
    let informative = |(level, cells): &(String, Vec<usize>)| {
        let cells = assays.informative(outcome, &results.distinct(cells));
        (level.clone(), cells)
    };
    let levels = levels
        .iter()
        .map(informative)
        .filter(|(_, cells)| !cells.is_empty());
    let levels: Vec<(String, Vec<usize>)> = levels.collect();
    if levels.len() < 2 {
        return Ok(None);
    }
    let x = places(&levels);
    let cells: Vec<Vec<usize>> = levels.iter().map(|(_, cells)| cells.clone()).collect();
    let what = format!("slope {} {}", factor.key, contrast.name);
    let tested =
        |measure| comparison.weighted(&weights(&x), &cells, measure, &Bootstrap::default(), &what);
    let difference = tested(Measure::Sum(Aggregate::Iqm))?;
    let advantage = tested(Measure::Advantage)?;
    let seeds = cells.iter().map(|cells| results.common_seeds(cells).len());
    let seeds = seeds.min().unwrap_or_default();
    let known = seeds >= FEWEST_FOR_INFERENCE;
    let e = advantage.estimate;
    let finding = match () {
        () if seeds < FEWEST_SEEDS => "too few seeds",
        () if advantage.p < ALPHA && e.lo > 0.0 => "grows",
        () if advantage.p < ALPHA && e.hi < 0.0 => "falls",
        () => "not significant",
    };
    let text = |e: stats::Estimate| format!("{} {}", signed(e.point), interval(known, e));
    Ok(Some(vec![
        contrast.name.clone(),
        heading(factor, ""),
        outcome.word().into(),
        text(difference.estimate),
        text(e),
        match known {
            true => p_value(advantage.p),
            false => "-".into(),
        },
        finding.into(),
    ]))
}

/// The positions of the levels, from 0 for the first to 1 for the last: by their logarithms if they are numbers above 0
/// in increasing or decreasing order, otherwise evenly spaced.
fn places(levels: &[(String, Vec<usize>)]) -> Vec<f64> {
    let last = (levels.len() - 1) as f64;
    let evenly = || (0..levels.len()).map(|at| at as f64 / last).collect();
    let logs = levels.iter().map(|(level, _)| {
        let number = level.parse::<f64>().ok();
        number.filter(|x| *x > 0.0 && x.is_finite()).map(f64::ln)
    });
    let Some(logs) = logs.collect::<Option<Vec<f64>>>() else {
        return evenly();
    };
    let span = logs[logs.len() - 1] - logs[0];
    let ordered = logs.windows(2).all(|pair| (pair[1] - pair[0]) * span > 0.0);
    match ordered {
        true => logs.iter().map(|x| (x - logs[0]) / span).collect(),
        false => evenly(),
    }
}

/// The weights of the effects at these positions in the slope of the least-squares line through them.
fn weights(x: &[f64]) -> Vec<f64> {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let squares: f64 = x.iter().map(|x| (x - mean).powi(2)).sum();
    x.iter().map(|x| (x - mean) / squares).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_placed_by_their_logarithms_if_they_have_any() {
        let of = |levels: &[&str]| {
            let levels = levels.iter().map(|&level| (level.to_owned(), Vec::new()));
            places(&levels.collect::<Vec<_>>())
        };
        let thirds = of(&["1", "10", "1000"]);
        assert!(
            (thirds[1] - 1.0 / 3.0).abs() < 1e-12 && thirds[2] == 1.0,
            "{thirds:?}"
        );
        assert_eq!(of(&["100", "1"]), [0.0, 1.0]);
        assert_eq!(of(&["walk", "sine", "jump"]), [0.0, 0.5, 1.0]);
        assert_eq!(of(&["1", "4", "2"]), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn weights_are_those_of_least_squares() {
        let (x, line) = ([0.0, 0.25, 1.0], |x: f64| 3.0 - 2.0 * x);
        let slope: f64 = weights(&x).iter().zip(x).map(|(w, x)| w * line(x)).sum();
        assert!((slope + 2.0).abs() < 1e-12);
    }
}
