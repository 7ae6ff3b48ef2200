//! What a change of the optimiser does on each rung of the ladder of controls, and at each level of a factor.

use super::{
    contrasts::effect,
    document::{Figure, Panel, Section},
    load::Results,
    shown::{p_value, signed},
    verdict::{ALPHA, FEWEST_SEEDS},
};
use crate::{
    Result,
    figures::{Across, Intervals, Line, lines},
    stats::Estimate,
    study::experiment::Contrast,
};

const HEAD: [&str; 7] = [
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
    let contrasts: Vec<&Contrast> = whole(results).collect();
    if rungs.len() < 2 || contrasts.is_empty() {
        let why = match rungs.len() < 2 {
            true => format!(
                "This study has one rung ({}): no control to compare with.",
                rungs.concat()
            ),
            false => "This study has no contrast over all of its environments.".into(),
        };
        return Ok(section.text(why));
    }
    let on = |rung: &str| -> Vec<usize> {
        let cells = &results.experiment.cells;
        results
            .cells()
            .into_iter()
            .filter(|&cell| cells[cell].rung == rung)
            .collect()
    };
    let levels: Vec<String> = rungs.iter().map(|&rung| rung.to_owned()).collect();
    let (mut rows, mut drawn) = (Vec::new(), Vec::new());
    let first = on(rungs[0]);
    for (colour, contrast) in contrasts.iter().enumerate() {
        let mut points = Vec::new();
        for (at, rung) in rungs.iter().enumerate() {
            let cells = on(rung);
            let what = format!("rung {rung} {}", contrast.name);
            let found = effect(results, contrast, &cells, &[], &what)?;
            points.push((at as f64, found.0));
            rows.push(row(
                contrast,
                (*rung).into(),
                found,
                few(results, &[&cells]),
            ));
            if at > 0 {
                let what = format!("{what}, change");
                let change = effect(results, contrast, &cells, &first, &what)?;
                rows.push(row(
                    contrast,
                    format!("{rung} less {}", rungs[0]),
                    change,
                    few(results, &[&cells, &first]),
                ));
            }
        }
        drawn.push(Line {
            colour,
            points,
            intervals: Intervals::Bars,
        });
    }
    let figure = figure("rung", &levels, &contrasts, &drawn)?;
    Ok(section
        .text(
            "The same change on each rung, from the most independent data to the most shifting; `less` is the \
             interaction: how much more it does there than on the first. Not corrected for their number.",
        )
        .figure(figure)
        .table(&HEAD, rows))
}

/// The effect at each level of each factor.
pub fn dose(results: &Results) -> Result<Section> {
    let section = Section::new("Dose-response");
    let factors = &results.experiment.top.factors;
    let contrasts: Vec<&Contrast> = whole(results).collect();
    if factors.is_empty() || contrasts.is_empty() {
        let why = match factors.is_empty() {
            true => "This study varies nothing but the optimiser: it has no factors.",
            false => "This study has no contrast over all of its environments.",
        };
        return Ok(section.text(why));
    }
    let (mut rows, mut panels) = (Vec::new(), Vec::new());
    for factor in factors {
        let level = |cell: &usize| {
            let cell = &results.experiment.cells[*cell];
            let found = cell.levels.iter().find(|(key, _)| *key == factor.key);
            let found = found.filter(|_| factor.is_for(&cell.environment));
            found.map(|(_, level)| level.clone())
        };
        let mut levels: Vec<String> = Vec::new();
        for found in results.cells().iter().filter_map(level) {
            if !levels.contains(&found) {
                levels.push(found);
            }
        }
        let mut drawn = Vec::new();
        for (colour, contrast) in contrasts.iter().enumerate() {
            let mut points = Vec::new();
            for (at, wanted) in levels.iter().enumerate() {
                let cells: Vec<usize> = results
                    .cells()
                    .into_iter()
                    .filter(|cell| level(cell).as_ref() == Some(wanted))
                    .collect();
                let what = format!("dose {}={wanted} {}", factor.key, contrast.name);
                let found = effect(results, contrast, &cells, &[], &what)?;
                points.push((at as f64, found.0));
                rows.push(row(
                    contrast,
                    format!("{}={wanted}", factor.key),
                    found,
                    few(results, &[&cells]),
                ));
            }
            drawn.push(Line {
                colour,
                points,
                intervals: Intervals::Bars,
            });
        }
        let (common, short) = shortened(&levels);
        let title = match (common.is_empty(), factor.environments.is_empty()) {
            (true, true) => factor.key.clone(),
            (true, false) => format!("{}: {}", factor.environments.join(", "), factor.key),
            (false, true) => format!("{}={common}", factor.key),
            (false, false) => format!(
                "{}: {}={common}",
                factor.environments.join(", "),
                factor.key
            ),
        };
        panels.extend(figure(&title, &short, &contrasts, &drawn)?.panels);
    }
    let figure = Figure {
        caption: "The difference at each level of a factor, over all environments that have it, with its 95 % interval."
            .into(),
        key: named(&contrasts),
        panels,
    };
    Ok(section
        .text("Each contrast at each level by itself; p-values are not corrected for their number.")
        .figure(figure)
        .table(&HEAD, rows))
}

/// What all `levels` begin with, up to a sign, and each without it: numbers stay whole.
fn shortened(levels: &[String]) -> (String, Vec<String>) {
    let whole = || (String::new(), levels.to_vec());
    let [first, rest @ ..] = levels else {
        return whole();
    };
    let agree = |other: &String| {
        let same = first.chars().zip(other.chars()).take_while(|(a, b)| a == b);
        same.map(|(a, _)| a.len_utf8()).sum::<usize>()
    };
    let Some(shared) = rest.iter().map(agree).min() else {
        return whole();
    };
    let Some(end) = first[..shared].rfind(['=', ':', '/', ',']) else {
        return whole();
    };
    let (common, _) = first.split_at(end + 1);
    let short = levels.iter().map(|level| level[end + 1..].to_owned());
    (common.into(), short.collect())
}

/// The contrasts that are about all environments.
fn whole(results: &Results) -> impl Iterator<Item = &Contrast> {
    let all = results.experiment.top.contrasts.iter();
    all.filter(|contrast| contrast.environments.is_empty() && contrast.less.is_empty())
}

fn named(contrasts: &[&Contrast]) -> Vec<(String, usize)> {
    let names = contrasts.iter().enumerate();
    names
        .map(|(colour, contrast)| (contrast.name.clone(), colour))
        .collect()
}

fn figure(
    title: &str,
    levels: &[String],
    contrasts: &[&Contrast],
    drawn: &[Line],
) -> Result<Figure> {
    Ok(Figure {
        caption: "The difference on each rung with its 95 % interval; above 0, what is in question does better.".into(),
        key: named(contrasts),
        panels: vec![Panel {
            title: title.into(),
            svg: lines(&Across::Levels(levels), "difference", drawn, &[0.0])?,
        }],
    })
}

fn row(contrast: &Contrast, place: String, (e, p): (Estimate, f64), few: bool) -> Vec<String> {
    let finding = match p < ALPHA {
        _ if few => "too few seeds",
        true if e.point > 0.0 => "better",
        true => "worse",
        false => "not significant",
    };
    vec![
        contrast.name.clone(),
        place,
        signed(e.point),
        format!("{} to {}", signed(e.lo), signed(e.hi)),
        p_value(p),
        finding.into(),
        e.n.to_string(),
    ]
}

/// Whether a side has too few seeds for a finding.
fn few(results: &Results, sides: &[&[usize]]) -> bool {
    let seeds = |side: &&[usize]| results.common_seeds(side).len();
    sides.iter().any(|side| seeds(side) < FEWEST_SEEDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_levels_share_is_said_once() {
        let short = |levels: &[&str]| {
            let levels: Vec<String> = levels.iter().map(|&level| level.into()).collect();
            shortened(&levels)
        };
        let (common, levels) = short(&["walk,rate=1", "walk,rate=16"]);
        assert_eq!(
            (common.as_str(), &levels[..]),
            ("walk,rate=", &["1".into(), "16".into()][..])
        );
        for levels in [&["500", "5000"][..], &["a=1"], &[], &["é=1", "è=1"]] {
            let (common, same) = short(levels);
            assert_eq!(
                (
                    common.as_str(),
                    same.iter().map(String::as_str).collect::<Vec<_>>()
                ),
                ("", levels.to_vec())
            );
        }
    }
}
