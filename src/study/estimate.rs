//! How long a study will take, estimated from runs that are done or else from short bursts.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::{
    engine::Study,
    family::Job,
    pool::{cores, on_threads},
};
use crate::Result;

/// How long a run of a cell takes.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Processor seconds for a run.
    pub seconds: f64,
    /// Finished runs that this is the mean of; 0 if it comes from a burst.
    pub recorded: usize,
}

/// The least time of a burst.
const BURST: Duration = Duration::from_millis(100);
/// Steps of the first burst; each further one has twice as many.
const FIRST_STEPS: u64 = 512;
/// The same for a run that takes all cores, whose steps are long.
const FIRST_LONG_STEPS: u64 = 2;

impl Study {
    /// For each cell, how long a run takes there: the mean over its finished runs, or an estimate from a burst,
    /// which leaves evaluations out.
    pub fn paces(&self) -> Result<Vec<Pace>> {
        let runs = self.experiment.tuning()?;
        let mut recorded: HashMap<usize, (f64, usize)> = HashMap::new();
        for run in &runs {
            if !self.is_done(run)? {
                continue;
            }
            if let Some(cost) = self.cost(run)? {
                let seconds = cost.cpu_seconds.unwrap_or(cost.seconds);
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

/// Processor seconds for a whole run.
fn burst(job: &dyn Job) -> Result<f64> {
    if job.takes_all_cores() {
        let cores = cores();
        return on_threads(cores, || Ok(timed(job)? * cores as f64))?;
    }
    timed(job)
}

/// Seconds for a whole run, from the time of steps without learning and of steps with it.
fn timed(job: &dyn Job) -> Result<f64> {
    let first = match job.takes_all_cores() {
        true => FIRST_LONG_STEPS,
        false => FIRST_STEPS,
    };
    let mut steps = first.min(job.steps());
    if !job.acts() {
        // The first run in this process does work for all, such as training a teacher. That is not part of a run.
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
