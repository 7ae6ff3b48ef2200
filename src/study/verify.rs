//! The first steps of every trial, so that late failures show up early.

use std::collections::HashSet;

use super::{
    engine::Study,
    experiment::Run,
    progress::{ProgressDisplay, RunsProgress},
};
use crate::{Result, parallel::parallel, run::Status};

/// Steps of a rehearsal.
const STEPS: u64 = 300;
/// Steps of a rehearsal if the run takes all cores and its steps are long.
const LONG_STEPS: u64 = 3;

/// The result of a trial's rehearsal.
pub struct Rehearsed {
    /// Its environment and its optimiser.
    pub trial: String,
    /// How it ended.
    pub status: Result<Status>,
}

impl Study {
    /// Rehearses each trial in each cell. Nothing is written.
    pub fn verify(&self, display: &dyn ProgressDisplay) -> Result<Vec<Rehearsed>> {
        let trials = self.experiment.trials()?;
        let mut seen = HashSet::new();
        // Two arms may have a trial in common.
        let different = trials.iter().filter(|run| seen.insert(run.job.id()));
        let runs: Vec<&Run> = different.collect();
        let progress = RunsProgress::new(&runs, display);
        let rehearse = |i: usize| {
            let run = runs[i];
            let cell = &self.experiment.cells[run.cell];
            let trial = &self.experiment.arms[run.arm].trials[run.trial];
            let steps = match run.job.takes_all_cores() {
                true => LONG_STEPS,
                false => STEPS,
            };
            let status = run.job.rehearse(steps, true);
            progress.skip(run.job.effort());
            progress.run_done();
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
