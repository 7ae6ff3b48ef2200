//! What the tuning stage found, before any report seed runs.

use super::{
    assay::{Assay, assay},
    engine::Study,
    experiment::{Score, Stage},
};
use crate::{Result, run::Status};

/// A cell by one outcome, after the tuning stage.
pub struct TunedCell {
    /// What the cell is called.
    pub label: String,
    /// The outcome.
    pub outcome: Score,
    /// Whether a difference could show there, and the margin.
    pub assay: Assay,
    /// Whether every run of it diverged.
    pub all_diverged: bool,
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
            let done = || {
                let all = runs.iter().zip(&outcomes);
                all.filter(move |(run, _)| run.cell == c)
            };
            let all_diverged = done().all(|(_, outcome)| outcome.status == Status::Diverged);
            for (o, &outcome) in experiment.top.score.0.iter().enumerate() {
                let none = |trials: usize| vec![(0.0, 0_usize); trials];
                let arms = experiment.arms.iter();
                let mut sums: Vec<Vec<(f64, usize)>> = arms.map(|a| none(a.trials.len())).collect();
                for (run, outcome_of_run) in done() {
                    let (sum, n) = &mut sums[run.arm][run.trial];
                    *sum += outcome.of(outcome_of_run, cell.scale);
                    *n += 1;
                }
                let mean = |trials: &Vec<(f64, usize)>| {
                    let tuned = trials.iter().filter(|(_, n)| *n > 0);
                    tuned.map(|(sum, n)| sum / *n as f64).collect()
                };
                let means: Vec<Vec<f64>> = sums.iter().map(mean).collect();
                let edge = |arm: usize| {
                    let (chosen, arm) = (&chosen[c][arm][o], &experiment.arms[arm]);
                    let best = arm.trials.get(chosen.trial)?;
                    let value = |key: &String| Some(format!("{key}={}", best.spec.get(key)?));
                    let at_edge = chosen.at_edge(&arm.trials).iter();
                    let values: Vec<String> = at_edge.filter_map(value).collect();
                    (!values.is_empty()).then(|| format!("{} {}", arm.name, values.join(" ")))
                };
                all.push(TunedCell {
                    label: cell.label(),
                    outcome,
                    assay: assay(experiment, &means),
                    all_diverged,
                    at_edge: (0..experiment.arms.len()).filter_map(edge).collect(),
                });
            }
        }
        Ok(all)
    }
}
