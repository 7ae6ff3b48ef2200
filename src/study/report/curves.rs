//! Learning curves: the evaluations over training, in each cell.

use super::{
    contrasts::deciding_or_first,
    document::{Figure, ReportPanel, Section},
    load::Results,
    verdict::FEWEST_FOR_INFERENCE,
};
use stats::{Aggregate, Bootstrap, Estimate, Method, Scores};

use crate::{
    Result,
    figures::{HorizontalAxis, IntervalStyle, Line, line_plot},
};

/// With more optimisers than this, bands would hide the lines, so only the optimisers of one contrast have bands.
pub const MANY: usize = 6;

/// Resamples of each point of a band.
const RESAMPLES: usize = 2000;

/// Each optimiser's name and colour.
pub fn key(results: &Results) -> Vec<(String, usize)> {
    let arms = results.experiment.arms.iter().enumerate();
    arms.map(|(arm, of)| (of.name.clone(), arm)).collect()
}

/// A panel for each cell.
pub fn curves(results: &Results) -> Result<Section> {
    let experiment = &results.experiment;
    let bootstrap = Bootstrap::new(RESAMPLES, 0.95, Method::Percentile)?;
    let (banded, which) = banded(results);
    let mut panels = Vec::new();
    for c in results.cells() {
        let mut drawn = Vec::new();
        for arm in 0..experiment.arms.len() {
            let with_band = banded.contains(&arm);
            drawn.push(Line {
                name: experiment.arms[arm].name.clone(),
                colour: arm,
                points: curve(results, c, arm, with_band.then_some(&bootstrap))?,
                intervals: if with_band {
                    IntervalStyle::Band
                } else {
                    IntervalStyle::Behind
                },
            });
        }
        panels.push(ReportPanel {
            title: results.names[c].clone(),
            svg: line_plot(&HorizontalAxis::Steps, "evaluation", &drawn, &[])?,
        });
    }
    let bands = match results.has_intervals() {
        true => format!("{which}: the 95 % bootstrap interval of each point"),
        false => "no bands, because there are so few seeds".into(),
    };
    let caption = format!(
        "The interquartile mean over seeds of each evaluation, by training steps ({bands}). A run that diverged has \
         the worst return from then on. A line that others cover is drawn wider, so that it shows behind them."
    );
    Ok(Section::new("Learning curves").appendix().figure(Figure {
        caption,
        key: key(results),
        panels,
    }))
}

/// The optimisers that have bands, and how the caption describes them.
fn banded(results: &Results) -> (Vec<usize>, &'static str) {
    let experiment = &results.experiment;
    let all = || (0..experiment.arms.len()).collect();
    if experiment.arms.len() <= MANY {
        return (all(), "bands");
    }
    let Some((contrast, decides)) = deciding_or_first(&experiment.top.contrasts) else {
        return (all(), "bands");
    };
    let which = match decides {
        true => {
            "bands, only for the optimisers of the contrast that decides, with the others faint behind them"
        }
        false => {
            "bands, only for the optimisers of the first contrast, with the others faint behind them"
        }
    };
    let arms = [&contrast.with, &contrast.without];
    (arms.map(|name| results.arm(name)).into(), which)
}

/// An optimiser's learning curve: the interquartile mean over seeds of each evaluation. Without a bootstrap, or with too few
/// seeds for intervals, these are points.
pub fn curve(
    results: &Results,
    cell: usize,
    arm: usize,
    bootstrap: Option<&Bootstrap>,
) -> Result<Vec<(f64, Estimate)>> {
    let runs = results.runs(results.outcomes()[0], cell, arm);
    let bootstrap = bootstrap.filter(|_| runs.len() >= FEWEST_FOR_INFERENCE);
    let curves: Vec<&Vec<(u64, f64)>> = runs
        .iter()
        .filter_map(|run| results.curves.get(&run.id))
        .collect();
    let points = curves.iter().map(|curve| curve.len()).min().unwrap_or(0);
    let label = results.experiment.cells[cell].label();
    let name = &results.experiment.arms[arm].name;
    let point = |k: usize| {
        let rows = runs.iter().zip(&curves);
        let scores = Scores::new(rows.map(|(run, curve)| (&label, run.seed, curve[k].1)))?;
        let estimate = match bootstrap {
            Some(bootstrap) => {
                let mut rng = results.rng(&format!("curve {label} {name} {k}"));
                scores.estimate(Aggregate::Iqm, bootstrap, &mut rng)
            }
            None => {
                let point = scores.aggregate(Aggregate::Iqm);
                // A single number, which is shown without an interval.
                Estimate {
                    point,
                    lo: point,
                    hi: point,
                    n: 1,
                }
            }
        };
        Ok((curves[0][k].0 as f64, estimate))
    };
    (0..points).map(point).collect()
}
