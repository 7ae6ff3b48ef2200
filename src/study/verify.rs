//! A few hundred steps of every trial: what would fail later fails now.

use std::collections::HashSet;

use super::{
    engine::Study,
    experiment::Run,
    progress::{Progress, Show},
};
use crate::{Result, parallel::parallel, run::Status};

/// Steps of a rehearsal.
const STEPS: u64 = 300;

/// What became of a trial.
pub struct Rehearsed {
    /// Its environment and its optimiser.
    pub trial: String,
    /// How it ended.
    pub status: Result<Status>,
}

impl Study {
    /// Rehearses each trial in each cell, without leaving anything.
    pub fn verify(&self, show: &dyn Show) -> Result<Vec<Rehearsed>> {
        let trials = self.experiment.trials()?;
        let mut seen = HashSet::new();
        // Two arms may have a trial in common.
        let once = trials.iter().filter(|run| seen.insert(run.job.id()));
        let runs: Vec<&Run> = once.collect();
        let progress = Progress::new(&runs, show);
        let rehearse = |i: usize| {
            let run = runs[i];
            let cell = &self.experiment.cells[run.cell];
            let trial = &self.experiment.arms[run.arm].trials[run.trial];
            let status = run.job.rehearse(STEPS, true);
            progress.skips(run.job.effort());
            progress.done();
            Rehearsed {
                trial: format!("{}, {}", cell.label(), cell.setting(trial)),
                status,
            }
        };
        let rehearsed = parallel(runs.len(), rehearse);
        progress.finish();
        Ok(rehearsed)
    }
}
