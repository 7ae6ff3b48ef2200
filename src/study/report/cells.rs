//! Every cell with every optimiser: `summary.csv`, and its table.

use serde::Serialize;
use stats::{Aggregate, Bootstrap, Estimate, Scores};

use super::{document::Section, format, load::Results, verdict::FEWEST_FOR_INFERENCE};
use crate::{Result, files::rounded, study::rows::RunRow};

/// A line of `summary.csv`, with 95 % bootstrap intervals where there are enough runs for them.
#[derive(Serialize)]
pub struct CellRow {
    pub environment: String,
    pub factors: String,
    pub optimiser: String,
    pub setting: String,
    pub runs: usize,
    pub diverged: usize,
    pub solved: usize,
    /// The interquartile mean of the normalised score.
    pub score: f64,
    pub score_lo: Option<f64>,
    pub score_hi: Option<f64>,
    /// The mean of the mean evaluations.
    pub area: f64,
    pub area_lo: Option<f64>,
    pub area_hi: Option<f64>,
    /// The mean of the last evaluations.
    pub last: f64,
    pub last_lo: Option<f64>,
    pub last_hi: Option<f64>,
    pub optimiser_bytes_per_parameter: f64,
}

/// A line for each cell and arm.
pub fn cells(results: &Results) -> Result<Vec<CellRow>> {
    let experiment = &results.experiment;
    let mut rows = Vec::new();
    for (c, cell) in experiment.cells.iter().enumerate() {
        for (a, arm) in experiment.arms.iter().enumerate() {
            let outcome = results.outcomes()[0];
            let runs = results.runs(outcome, c, a);
            let of = |what: &str, aggregate, value: fn(&RunRow) -> f64| -> Result<Estimate> {
                let scores =
                    Scores::new(runs.iter().map(|run| (cell.label(), run.seed, value(run))))?;
                let mut rng = results.rng(&format!("cell {} {} {what}", cell.label(), arm.name));
                Ok(scores.estimate(aggregate, &Bootstrap::default(), &mut rng))
            };
            let end = |end: f64| (runs.len() >= FEWEST_FOR_INFERENCE).then(|| rounded(end));
            let mut rng = results.rng(&format!("cell {} {} score", cell.label(), arm.name));
            let tuned = results.scores(outcome, a, &[c])?;
            let score = stats::Contrast::arm(&tuned);
            let score = score.estimate(Aggregate::Iqm, &Bootstrap::default(), &mut rng);
            let area = of("area", Aggregate::Mean, |run| run.area)?;
            let last = of("last", Aggregate::Mean, |run| run.last)?;
            rows.push(CellRow {
                environment: cell.environment.clone(),
                factors: cell.factors.clone(),
                optimiser: arm.name.clone(),
                setting: runs[0].setting.clone(),
                runs: runs.len(),
                diverged: results.diverged(outcome, c, a),
                solved: runs.iter().filter(|run| run.solved_step.is_some()).count(),
                score: rounded(score.point),
                score_lo: end(score.lo),
                score_hi: end(score.hi),
                area: rounded(area.point),
                area_lo: end(area.lo),
                area_hi: end(area.hi),
                last: rounded(last.point),
                last_lo: end(last.lo),
                last_hi: end(last.hi),
                optimiser_bytes_per_parameter: runs[0].optimiser_bytes_per_parameter,
            });
        }
    }
    Ok(rows)
}

/// The table of `rows`.
pub fn table(rows: &[CellRow]) -> Section {
    let interval = |(point, lo, hi): (f64, Option<f64>, Option<f64>), n| {
        let [lo, hi] = [lo, hi].map(|end| end.unwrap_or(point));
        format::cell(Estimate { point, lo, hi, n })
    };
    let row = |row: &CellRow| {
        let n = row.runs;
        vec![
            row.environment.clone(),
            row.factors.clone(),
            row.optimiser.clone(),
            row.setting.clone(),
            n.to_string(),
            row.diverged.to_string(),
            row.solved.to_string(),
            interval((row.score, row.score_lo, row.score_hi), n),
            interval((row.area, row.area_lo, row.area_hi), n),
            interval((row.last, row.last_lo, row.last_hi), n),
        ]
    };
    let head = [
        "environment",
        "factors",
        "optimiser",
        "setting",
        "runs",
        "diverged",
        "solved",
        "score, IQM",
        "mean evaluation",
        "last evaluation",
    ];
    let intervals = match rows.iter().any(|row| row.runs >= FEWEST_FOR_INFERENCE) {
        true => {
            " 95 % bootstrap intervals are in brackets. The section Contrasts shows which differences are significant: \
             optimisers share their seeds, so they can differ even if their intervals here overlap."
        }
        false => "",
    };
    Section::new("Every cell")
        .text(format!(
            "The setting is the one that the first outcome chose, and the score is that outcome. It is normalised so that \
             chance scores 0 and a good agent 1, and is an interquartile mean over seeds. The evaluations are mean returns \
             over seeds.{intervals}"
        ))
        .table(&head, rows.iter().map(row).collect())
}
