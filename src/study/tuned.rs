//! What the tuning stage found, before any report seed runs.

use super::{
    assay::{Assay, assay},
    engine::{Chosen, Study},
    experiment::{Score, Stage},
};
use crate::Result;

/// A cell by one outcome, after the tuning stage.
pub struct TunedCell {
    /// What the cell is called.
    pub label: String,
    /// The outcome.
    pub outcome: Score,
    /// Whether a difference could show there, and the margin.
    pub assay: Assay,
    /// The optimisers whose best setting is at an end of its grid, with that setting.
    pub at_edge: Vec<String>,
}

impl Study {
    /// What the tuning stage found in each cell by each outcome; an error if a run of it is not done.
    pub fn tuned(&self) -> Result<Vec<TunedCell>> {
        let experiment = &self.experiment;
        let runs = self.stage(Stage::Tune)?;
        let outcomes = self.outcomes(&runs)?;
        let chosen = self.choose(&runs, &outcomes)?;
        let mut all = Vec::new();
        for (c, cell) in experiment.cells.iter().enumerate() {
            for (o, &outcome) in experiment.top.score.0.iter().enumerate() {
                let none = |trials: usize| vec![(0.0, 0_usize); trials];
                let arms = experiment.arms.iter();
                let mut sums: Vec<Vec<(f64, usize)>> = arms.map(|a| none(a.trials.len())).collect();
                for (run, done) in runs.iter().zip(&outcomes).filter(|(run, _)| run.cell == c) {
                    let (sum, n) = &mut sums[run.arm][run.trial];
                    *sum += outcome.of(done, cell.scale);
                    *n += 1;
                }
                let mean = |trials: &Vec<(f64, usize)>| {
                    let tuned = trials.iter().filter(|(_, n)| *n > 0);
                    tuned.map(|(sum, n)| sum / *n as f64).collect()
                };
                let means: Vec<Vec<f64>> = sums.iter().map(mean).collect();
                let edge = |arm: usize| {
                    let Chosen { trial, scores } = &chosen[c][arm][o];
                    let best = experiment.arms[arm].trials.get(*trial)?;
                    // Where all trials do equally well, none is best.
                    let is_best = scores.iter().any(|score| *score != scores[*trial]);
                    let name = &experiment.arms[arm].name;
                    let value = |key: &String| Some(format!("{key}={}", best.spec.get(key)?));
                    let values: Vec<String> = best.at_edge.iter().filter_map(value).collect();
                    (is_best && !values.is_empty()).then(|| format!("{name} {}", values.join(" ")))
                };
                all.push(TunedCell {
                    label: cell.label(),
                    outcome,
                    assay: assay(experiment, &means),
                    at_edge: (0..experiment.arms.len()).filter_map(edge).collect(),
                });
            }
        }
        Ok(all)
    }
}
