//! What a study will take: from runs that are done, else from short bursts.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::{engine::Study, kind::Job};
use crate::{Result, run::Machine};

/// What a cell's runs take.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Processor seconds of a run.
    pub seconds: f64,
    /// Finished runs that say so; 0 if a burst does.
    pub recorded: usize,
}

/// A burst goes on until it has taken so long.
const BURST: Duration = Duration::from_millis(100);
/// The first burst's steps.
const STEPS: u64 = 512;

impl Study {
    /// For each cell, what a run there takes: the mean of its finished runs, or what a burst of a run
    /// says, which leaves out evaluations.
    pub fn paces(&self) -> Result<Vec<Pace>> {
        let runs = self.experiment.tuning()?;
        let mut recorded: HashMap<usize, (f64, usize)> = HashMap::new();
        for run in &runs {
            if self.outcome(run)?.is_none() {
                continue;
            }
            if let Some(machine) = Machine::read(&self.runs.join(run.job.id())) {
                let seconds = machine
                    .spent
                    .map_or(machine.seconds, |spent| spent.cpu_seconds);
                let all = recorded.entry(run.cell).or_default();
                *all = (all.0 + seconds, all.1 + 1);
            }
        }
        let firsts = self.experiment.trials()?;
        let pace = |cell: usize| match recorded.get(&cell) {
            Some(&(seconds, runs)) => Ok(Pace {
                seconds: seconds / runs as f64,
                recorded: runs,
            }),
            None => {
                let run = firsts.iter().find(|run| run.cell == cell);
                let seconds = run.map_or(Ok(0.0), |run| burst(run.job.as_ref()))?;
                Ok(Pace {
                    seconds,
                    recorded: 0,
                })
            }
        };
        (0..self.experiment.cells.len()).map(pace).collect()
    }
}

/// What a whole run takes, from the time of steps without learning and of those with it.
fn burst(job: &dyn Job) -> Result<f64> {
    let mut steps = STEPS.min(job.steps());
    if !job.acts() {
        // What the first in this process does for all, such as training a teacher, is no run's own.
        job.rehearse(steps, false)?;
    }
    loop {
        let took = |learning: bool| -> Result<f64> {
            let started = Instant::now();
            job.rehearse(steps, learning)?;
            Ok(started.elapsed().as_secs_f64())
        };
        let (acting, learning) = (took(false)?, took(true)?);
        let (before, long) = match job.acts() {
            true => (acting / steps as f64 * job.steps() as f64, learning),
            false => (acting, learning - acting),
        };
        if long < BURST.as_secs_f64() && steps < job.steps() {
            steps = (steps * 2).min(job.steps());
            continue;
        }
        let (all, some) = job.updates(steps);
        let update = (learning - acting).max(0.0) / some.max(1) as f64;
        return Ok(before + update * all as f64);
    }
}
