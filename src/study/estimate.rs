//! How long a study will take, estimated from finished runs or, if there are none, from short bursts.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::{
    engine::Study,
    experiment::{Design, Run},
    family::Job,
    pool::{cores, on_threads},
};
use crate::Result;

/// How long a run of a cell takes.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Processor seconds for a run.
    pub seconds: f64,
    /// What the estimate is based on.
    pub from: PaceFrom,
}

/// What a [`Pace`] is estimated from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaceFrom {
    /// The mean of this many finished runs.
    Runs(usize),
    /// A short burst of the cell's own, without evaluations.
    Burst,
    /// A burst in the cell with this number, whose steps take about as long.
    BurstOf(usize),
    /// The time of a multiply-add in the burst of the cell with this number, because there was no time for more bursts.
    EffortOf(usize),
}

/// The least time of a burst.
const BURST: Duration = Duration::from_millis(100);
/// The same if there are many bursts.
const SHORT_BURST: Duration = Duration::from_millis(20);
/// No burst begins later than this.
const ALL_BURSTS: Duration = Duration::from_secs(5);
/// Roughly, how much longer than its least time a burst takes, including its tries.
const TRIES: u32 = 8;
/// Steps of the first burst; each further one has twice as many.
const FIRST_STEPS: u64 = 512;
/// The same for a run that takes all cores, whose steps are long.
const FIRST_LONG_STEPS: u64 = 2;
/// How many times as many steps the longer of two bursts has.
const MORE: u64 = 4;
/// The same for rounds of learning, which can be long.
const FEW_MORE: u64 = 2;

/// Cells in whose runs a step takes equally long.
struct Alike<'a> {
    /// A run of the first of them.
    run: &'a Run,
    cells: Vec<usize>,
    /// Processor seconds for that run, if there was a burst.
    seconds: Option<f64>,
}

impl Alike<'_> {
    fn effort_of_all(&self) -> f64 {
        self.run.job.effort() * self.cells.len() as f64
    }

    /// The logarithm of the work of a step.
    fn size(&self) -> f64 {
        (self.run.job.effort() / self.run.job.steps() as f64).ln()
    }
}

impl Study {
    /// How many bursts [`paces`](Self::paces) would make at most.
    pub fn bursts(&self) -> Result<usize> {
        let firsts = self.firsts()?;
        let recorded = self.recorded_paces()?;
        Ok(alike(&firsts, &recorded).len())
    }

    /// For each cell, how long a run takes: the mean over its finished runs, or an estimate from a burst. Cells whose steps
    /// are alike share a burst, and all bursts together take a few seconds. `begins` is called with the cell before each
    /// burst, and `ends` after it.
    pub fn paces(&self, begins: &dyn Fn(&str), ends: &dyn Fn()) -> Result<Vec<Pace>> {
        let firsts = self.firsts()?;
        let mut paces = self.recorded_paces()?;
        let mut groups = alike(&firsts, &paces);
        groups.sort_by(|a, b| b.effort_of_all().total_cmp(&a.effort_of_all()));
        let share = ALL_BURSTS / (TRIES * groups.len().max(1) as u32);
        let least = share.clamp(SHORT_BURST, BURST);
        let started = Instant::now();
        for group in &mut groups {
            if started.elapsed() < ALL_BURSTS {
                begins(&self.experiment.cells[group.run.cell].label());
                group.seconds = Some(burst(group.run.job.as_ref(), least)?);
            }
            ends();
        }
        for group in &groups {
            let measured = groups.iter().filter(|other| other.seconds.is_some());
            let far = |other: &Alike| (other.size() - group.size()).abs();
            let nearest = measured.min_by(|a, b| far(a).total_cmp(&far(b)));
            for &cell in &group.cells {
                let (other, from) = match (group.seconds, nearest) {
                    (Some(_), _) if cell == group.run.cell => (group, PaceFrom::Burst),
                    (Some(_), _) => (group, PaceFrom::BurstOf(group.run.cell)),
                    (None, Some(other)) => (other, PaceFrom::EffortOf(other.run.cell)),
                    (None, None) => continue,
                };
                let ratio = firsts[cell].job.effort() / other.run.job.effort();
                let seconds = other.seconds.unwrap_or_default() * ratio;
                paces[cell] = Some(Pace { seconds, from });
            }
        }
        let unknown = Pace {
            seconds: 0.0,
            from: PaceFrom::Burst,
        };
        let pace = |pace: Option<Pace>| pace.unwrap_or_else(|| unknown.clone());
        Ok(paces.into_iter().map(pace).collect())
    }

    /// A run of each cell.
    fn firsts(&self) -> Result<Vec<Run>> {
        let cells = 0..self.experiment.cells.len();
        cells.map(|cell| self.experiment.first(cell)).collect()
    }

    /// The mean over each cell's finished runs, if it has any.
    fn recorded_paces(&self) -> Result<Vec<Option<Pace>>> {
        let mut all = vec![(0.0, 0); self.experiment.cells.len()];
        // Merely listing many thousands of runs takes long.
        if self.finished()?.count() > 0 || self.runs.exists() {
            let runs = match self.experiment.top.design {
                Design::TwoStage => self.experiment.tuning()?,
                Design::Grid => self.experiment.report(&self.experiment.all_trials())?,
            };
            for run in &runs {
                if self.is_done(run)?
                    && let Some(cost) = self.cost(run)?
                {
                    let (seconds, runs) = &mut all[run.cell];
                    *seconds += cost.cpu_seconds.unwrap_or(cost.seconds);
                    *runs += 1;
                }
            }
        }
        let pace = |(seconds, runs): (f64, usize)| {
            (runs > 0).then(|| Pace {
                seconds: seconds / runs as f64,
                from: PaceFrom::Runs(runs),
            })
        };
        Ok(all.into_iter().map(pace).collect())
    }
}

/// The cells without a pace, grouped by steps that are alike. `firsts` has a run of each cell.
fn alike<'a>(firsts: &'a [Run], paces: &[Option<Pace>]) -> Vec<Alike<'a>> {
    let mut groups: Vec<Alike> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (run, _) in firsts.iter().zip(paces).filter(|(_, pace)| pace.is_none()) {
        let group = *known.entry(run.job.kind_of_step()).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(group) => group.cells.push(run.cell),
            None => groups.push(Alike {
                run,
                cells: vec![run.cell],
                seconds: None,
            }),
        }
    }
    groups
}

/// Processor seconds for a whole run.
fn burst(job: &dyn Job, least: Duration) -> Result<f64> {
    if job.takes_all_cores() {
        let cores = cores();
        return on_threads(cores, || Ok(timed(job, least)? * cores as f64))?;
    }
    timed(job, least)
}

/// Seconds for a whole run.
fn timed(job: &dyn Job, least: Duration) -> Result<f64> {
    match job.learning_round() {
        // In fewer than two rounds, the agent's own settings might be changed so that it learns at all.
        Some(round) => {
            let first = FIRST_STEPS.max(2 * round).next_multiple_of(round);
            timed_learning(job, first, FEW_MORE, least)
        }
        None if job.acts() => timed_acting(job, least),
        None => {
            let first = match job.takes_all_cores() {
                true => FIRST_LONG_STEPS,
                false => FIRST_STEPS,
            };
            // The first run in this process does work that all share, such as training a teacher. This is not part of a run.
            job.rehearse(first, false)?;
            timed_learning(job, first, MORE, least)
        }
    }
}

/// Seconds for the first `steps` steps of a run.
fn seconds(job: &dyn Job, steps: u64, learning: bool) -> Result<f64> {
    let started = Instant::now();
    job.rehearse(steps, learning)?;
    Ok(started.elapsed().as_secs_f64())
}

/// Seconds for a whole run that first acts without learning. More steps than few take the time of acting, and steps with
/// learning the time of updates besides. What does not depend on their number, such as making networks, is in all.
fn timed_acting(job: &dyn Job, least: Duration) -> Result<f64> {
    let mut steps = FIRST_STEPS.min(job.steps());
    loop {
        let more = (MORE * steps).min(job.steps());
        let few = seconds(job, steps, false)?;
        let (acting, learning) = (seconds(job, more, false)?, seconds(job, more, true)?);
        if learning - few >= least.as_secs_f64() || more == job.steps() {
            let (all, some) = job.updates(more);
            let update = (learning - acting).max(0.0) / some.max(1) as f64;
            let step = (acting - few).max(0.0) / (more - steps).max(1) as f64;
            return Ok(few + step * (job.steps() - steps) as f64 + update * all as f64);
        }
        steps *= 2;
    }
}

/// Seconds for a whole run that learns from its first step on, from how much longer `times` as many steps take than `steps`.
/// What does not depend on their number, such as reading images and the last test, is in both.
fn timed_learning(job: &dyn Job, mut steps: u64, times: u64, least: Duration) -> Result<f64> {
    loop {
        let few = seconds(job, steps, true)?;
        if steps >= job.steps() {
            return Ok(few);
        }
        let more = (times * steps).min(job.steps());
        let longer = seconds(job, more, true)? - few;
        if longer >= least.as_secs_f64() || more == job.steps() {
            let each = longer.max(0.0) / (more - steps) as f64;
            return Ok(few + each * (job.steps() - steps) as f64);
        }
        steps *= 2;
    }
}
