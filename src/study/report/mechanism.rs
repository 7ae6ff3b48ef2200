//! The mechanism of momentum: how stale it is, what makes it stale, and whether its effect varies with
//! its staleness.

use serde::Serialize;

use super::{
    comparison::{Assays, Comparison},
    contrasts::{pairs_once, sides},
    document::{Figure, ReportPanel, Section},
    format::{self, signed},
    load::Results,
    scope::Scope,
    verdict::FEWEST_FOR_INFERENCE,
};
use stats::{Bootstrap, Estimate, Slope, three_digits};

use crate::{
    Result,
    figures::{HorizontalAxis, IntervalStyle, Line, line_plot},
    files::rounded,
    study::{experiment::ContrastTable, mechanism::Mechanism, rows::RunRow},
};

/// A line is fitted through no fewer cells than this.
const FEWEST_CELLS: usize = 5;

/// Something that diagnostics measure in a run.
#[derive(Clone, Copy)]
struct DiagnosticMeasure {
    /// Its key in the file.
    key: &'static str,
    /// Its name in tables.
    name: &'static str,
    /// Whether momentum's effect is compared with it from cell to cell.
    fitted: bool,
    value: fn(&Mechanism) -> Option<f64>,
}

/// Every measure, in the order of the tables.
const MEASURES: [DiagnosticMeasure; 10] = [
    STALENESS,
    measure("parameter_push", "push by moved weights", true, |m| {
        m.parameter_push
    }),
    measure("target_push", "push by moved targets", true, |m| {
        m.target_push
    }),
    measure("data_push", "push by other data", true, |m| {
        Some(m.data_push? - m.data_push_by_chance?)
    }),
    measure(
        "cos_momentum_gradient",
        "cosine of momentum and gradient",
        false,
        |m| m.cos_momentum_gradient,
    ),
    measure(
        "autocorrelation_1",
        "gradients' autocorrelation, lag 1",
        true,
        |m| m.autocorrelation_1,
    ),
    measure("autocorrelation_8", "lag 8", false, |m| m.autocorrelation_8),
    measure("signal_to_noise", "signal to noise", true, |m| {
        m.signal_to_noise
    }),
    measure(
        "norm_after_target",
        "norm after a target update",
        false,
        |m| m.norm_after_target,
    ),
    measure("age_mean", "mean age, steps", false, |m| m.age_mean),
];

const STALENESS: DiagnosticMeasure = measure("staleness", "staleness", true, |m| {
    Some(1.0 - m.cos_average_oracle?)
});

const fn measure(
    key: &'static str,
    name: &'static str,
    fitted: bool,
    value: fn(&Mechanism) -> Option<f64>,
) -> DiagnosticMeasure {
    DiagnosticMeasure {
        key,
        name,
        fitted,
        value,
    }
}

/// A line through a contrast of momentum and a measure, from cell to cell.
pub struct MechanismFit<'a> {
    contrast: &'a ContrastTable,
    measure: DiagnosticMeasure,
    cells: usize,
    /// Whether there are enough seeds for an interval.
    has_interval: bool,
    slope: Slope,
}

/// A line of `mechanism_fit.csv`.
#[derive(Serialize)]
pub struct FitRow<'a> {
    contrast: &'a str,
    measure: &'static str,
    cells: usize,
    slope: f64,
    slope_lo: Option<f64>,
    slope_hi: Option<f64>,
    spearman: Option<f64>,
}

impl MechanismFit<'_> {
    /// Its line in the file.
    pub fn row(&self) -> FitRow<'_> {
        let Slope { slope, spearman } = self.slope;
        FitRow {
            contrast: &self.contrast.name,
            measure: self.measure.key,
            cells: self.cells,
            slope: rounded(slope.point),
            slope_lo: self.has_interval.then(|| rounded(slope.lo)),
            slope_hi: self.has_interval.then(|| rounded(slope.hi)),
            spearman: spearman.map(rounded),
        }
    }
}

/// Every contrast of momentum against every measure that enough cells have.
pub fn fits(results: &Results) -> Result<Vec<MechanismFit<'_>>> {
    let mut fits = Vec::new();
    for (contrast, cells) in of_momentum(results) {
        for measure in MEASURES.into_iter().filter(|one| one.fitted) {
            let pairs = |&cell: &usize| pairs(results, contrast, cell, measure);
            let mut groups: Vec<Vec<(f64, f64)>> = cells.iter().map(pairs).collect();
            groups.retain(|group| !group.is_empty());
            if groups.len() < FEWEST_CELLS {
                continue;
            }
            let what = format!("mechanism {} {}", contrast.name, measure.key);
            let mut rng = results.rng(&what);
            // There is no line if the measure is the same everywhere.
            if let Some(slope) = Slope::new(&groups, &Bootstrap::default(), &mut rng)? {
                fits.push(MechanismFit {
                    contrast,
                    measure,
                    cells: groups.len(),
                    has_interval: groups
                        .iter()
                        .all(|group| group.len() >= FEWEST_FOR_INFERENCE),
                    slope,
                });
            }
        }
    }
    Ok(fits)
}

/// The section with what was measured in each cell, and what momentum's effect varies with.
pub fn mechanism(results: &Results, fits: &[MechanismFit]) -> Result<Section> {
    let section = Section::new("Mechanism");
    if results.mechanism.is_empty() {
        return Ok(section.nothing(
            "None of these runs logged diagnostics (`diagnostics = 200` in [rl.run] makes runs log them). This report \
             therefore says nothing about the mechanism: neither staleness nor the angle between momentum and gradient is \
             known.",
        ));
    }
    let section = section.text(
        "Means over seeds, with 95 % bootstrap intervals where there are enough seeds. Momentum is an average of past gradients. Its oracle is the same \
         average with every past minibatch evaluated again at today's weights and targets, and staleness is 1 minus the \
         cosine of the two. Weights, targets and data have changed since the past gradients, and each change accounts for \
         a part of the average. A push is how far such a part points along today's gradient, in units of that gradient and \
         over a whole run; if it is below 0, the part points backwards. The push that chance alone would give is \
         subtracted from the push by other data. For an optimiser without momentum, the average is hypothetical, with beta \
         0.9.",
    );
    let section = match runs_without_diagnostics(results) {
        0 => section,
        n => section.text(format!(
            "Runs that ended before their first diagnostics, which are not in these means: {n}."
        )),
    };
    let section = match scatter(results)? {
        Some(figure) => section.figure(figure),
        None => section,
    };
    let section = match fits.is_empty() {
        true => section.text(format!(
            "No line is fitted to momentum's effect: this needs diagnostics of a contrast of momentum in at least \
             {FEWEST_CELLS} environments or levels.",
        )),
        false => section
            .text(
                "Does momentum's effect on the score vary with what was measured, from one environment or level to the \
                 next? The table shows the slope of a line through the means, with an interval from resampling the seeds, \
                 and Spearman's rank correlation. It suggests what to ask next and proves nothing: environments differ in \
                 other ways too, the measurements and the scores are from the same runs, and the numbers are not corrected \
                 for multiple testing.",
            )
            .table(
                &["contrast", "against", "slope", "95 % interval", "Spearman", "cells"],
                fits.iter().map(fit).collect(),
            ),
    };
    let names = MEASURES.iter().map(|measure| measure.name);
    let head: Vec<&str> = ["environment", "optimiser", "beta"]
        .into_iter()
        .chain(names)
        .collect();
    Ok(section.table(&head, measured(results)))
}

/// The contrasts of an optimiser with momentum and one without, each with those of its cells where both have diagnostics.
fn of_momentum(results: &Results) -> Vec<(&ContrastTable, Vec<usize>)> {
    let has = |name: &str, cell: usize| {
        let runs = results
            .runs(results.outcomes()[0], cell, results.arm(name))
            .iter();
        let mut known = runs.filter_map(|run| results.mechanism.get(&run.id));
        known.next().map(|one| !one.momentum_is_hypothetical)
    };
    let all = results.experiment.top.contrasts.iter();
    let contrasts = pairs_once(all.filter(|contrast| contrast.less.is_empty()));
    let each = contrasts.into_iter().map(|contrast| {
        let [cells, _] = sides(results, contrast);
        let differ = |cell: &usize| {
            has(&contrast.with, *cell) == Some(true) && has(&contrast.without, *cell) == Some(false)
        };
        (contrast, cells.into_iter().filter(differ).collect())
    });
    each.filter(|(_, cells): &(_, Vec<usize>)| !cells.is_empty())
        .collect()
}

/// How many runs have no diagnostics although other runs of the same optimiser in the same cell have
/// them.
fn runs_without_diagnostics(results: &Results) -> usize {
    let missing = |runs: &[RunRow]| {
        let missing = runs
            .iter()
            .filter(|run| !results.mechanism.contains_key(&run.id));
        Some(missing.count()).filter(|&n| n < runs.len())
    };
    let outcome = results.outcomes()[0];
    let arms = 0..results.experiment.arms.len();
    let cells = results.cells().into_iter();
    let places = cells.flat_map(|cell| arms.clone().map(move |arm| (cell, arm)));
    let each = places.filter_map(|(cell, arm)| missing(results.runs(outcome, cell, arm)));
    each.sum()
}

/// For each seed, the measure for the optimiser with momentum, and the effect of momentum on the score.
fn pairs(
    results: &Results,
    contrast: &ContrastTable,
    cell: usize,
    measure: DiagnosticMeasure,
) -> Vec<(f64, f64)> {
    let outcome = results.outcomes()[0];
    let runs = |name: &str| results.runs(outcome, cell, results.arm(name)).iter();
    let each = runs(&contrast.with).zip(runs(&contrast.without));
    let pair = each.filter_map(|(with, without)| {
        let measured = (measure.value)(results.mechanism.get(&with.id)?)?;
        let score = |run| results.score(outcome, cell, run);
        Some((measured, score(with) - score(without)))
    });
    pair.collect()
}

/// Momentum's effect in each cell against its staleness there.
fn scatter(results: &Results) -> Result<Option<Figure>> {
    let (assays, mut panels) = (Assays::of(results), Vec::new());
    for (colour, (contrast, cells)) in of_momentum(results).into_iter().enumerate() {
        if cells.len() < FEWEST_CELLS {
            continue;
        }
        let mut points = Vec::new();
        for cell in cells {
            let pairs = pairs(results, contrast, cell, STALENESS);
            if pairs.is_empty() {
                continue;
            }
            let x = pairs.iter().map(|pair| pair.0).sum::<f64>() / pairs.len() as f64;
            let label = results.experiment.cells[cell].label();
            let what = format!("staleness {} {label}", contrast.name);
            let comparison = Comparison {
                results,
                assays: &assays,
                contrast,
                outcome: results.outcomes()[0],
            };
            let found = comparison.evidence(&Scope::In(vec![cell]), &what)?;
            points.push((x, found.difference.estimate));
        }
        if points.is_empty() {
            continue;
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let line = Line {
            name: contrast.name.clone(),
            colour,
            points,
            intervals: IntervalStyle::Points,
        };
        panels.push(ReportPanel {
            title: contrast.name.clone(),
            svg: line_plot(
                &HorizontalAxis::Number("staleness"),
                "difference of the score",
                &[line],
                &[0.0],
            )?,
        });
    }
    let caption = "One point for each environment and level: how stale momentum is there, and its effect on the score (the \
                   difference of interquartile means with its 95 % interval).";
    Ok((!panels.is_empty()).then(|| Figure {
        caption: caption.into(),
        // Each panel has its contrast as its title.
        key: Vec::new(),
        panels,
    }))
}

fn fit(one: &MechanismFit) -> Vec<String> {
    let Slope { slope, spearman } = one.slope;
    vec![
        one.contrast.name.clone(),
        one.measure.name.into(),
        signed(slope.point),
        match one.has_interval {
            true => format!("{} to {}", signed(slope.lo), signed(slope.hi)),
            false => "-".into(),
        },
        spearman.map_or("-".into(), |rho| format!("{rho:.2}")),
        one.cells.to_string(),
    ]
}

/// A row for each cell with each optimiser that has diagnostics there.
fn measured(results: &Results) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (c, cell) in results.experiment.cells.iter().enumerate() {
        for (a, arm) in results.experiment.arms.iter().enumerate() {
            let runs = results.runs(results.outcomes()[0], c, a).iter();
            let known: Vec<&Mechanism> = runs
                .filter_map(|run| results.mechanism.get(&run.id))
                .collect();
            let Some(first) = known.first() else {
                continue;
            };
            let beta = match first.momentum_is_hypothetical {
                true => format!("none ({})", first.momentum_beta),
                false => three_digits(first.momentum_beta),
            };
            let mut row = vec![results.names[c].clone(), arm.name.clone(), beta];
            row.extend(MEASURES.iter().map(|measure| {
                let values: Vec<f64> = known.iter().filter_map(|m| (measure.value)(m)).collect();
                let what = format!("mechanism {} {} {}", cell.label(), arm.name, measure.key);
                let mean: Option<Estimate> = stats::mean(&values, &mut results.rng(&what));
                mean.map_or("-".into(), format::cell)
            }));
            rows.push(row);
        }
    }
    rows
}
