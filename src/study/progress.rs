//! The progress of a study's runs.

use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::experiment::Run;
use crate::Error;

/// Shows a study's progress.
pub trait ProgressDisplay: Sync {
    /// Shows `progress`, which has changed.
    fn update(&self, progress: &RunsProgress);

    /// Says that `done` of `of` runs were done before.
    fn runs_done_before(&self, done: usize, of: usize);

    /// Reports that the run `id` resumes from a checkpoint at step `from`.
    fn run_resumed(&self, id: &str, from: u64);

    /// Says that the run `id` starts again because of `damage` to what it left.
    fn run_starts_again(&self, id: &str, damage: &Error);

    /// Ends the display.
    fn finish(&self);
}

/// The progress of all of a study's runs together. Effort is in the units of
/// [`Job::effort`](super::family::Job::effort).
pub struct RunsProgress<'a> {
    runs: usize,
    runs_done: AtomicUsize,
    /// Steps done by this process.
    steps: AtomicU64,
    effort: f64,
    /// Effort spent by this process.
    spent: AtomicU64,
    /// Effort that was spent before.
    skipped: AtomicU64,
    started: Instant,
    updated: Mutex<Instant>,
    display: &'a dyn ProgressDisplay,
}

/// A process knows its pace after so long.
const PACE_AFTER: Duration = Duration::from_secs(3);

/// The least time between two updates of the display.
const UPDATE_EVERY: Duration = Duration::from_millis(100);

impl<'a> RunsProgress<'a> {
    /// The progress of `runs`, shown by `display`.
    pub fn new(runs: &[&Run], display: &'a dyn ProgressDisplay) -> Self {
        let mut seen = HashSet::new();
        let once = runs.iter().filter(|run| seen.insert(run.job.id()));
        let efforts: Vec<f64> = once.map(|run| run.job.effort()).collect();
        let now = Instant::now();
        Self {
            runs: efforts.len(),
            effort: efforts.iter().sum(),
            runs_done: AtomicUsize::new(0),
            steps: AtomicU64::new(0),
            spent: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            started: now,
            updated: Mutex::new(now),
            display,
        }
    }

    /// Runs in all.
    pub fn runs(&self) -> usize {
        self.runs
    }

    /// Runs done.
    pub fn runs_done(&self) -> usize {
        self.runs_done.load(Ordering::Relaxed)
    }

    /// The share of the effort that is done, 0 to 1.
    pub fn share(&self) -> f64 {
        let done = self.spent.load(Ordering::Relaxed) + self.skipped.load(Ordering::Relaxed);
        (done as f64 / self.effort).min(1.0)
    }

    /// Steps a second since the start, of all runs together.
    pub fn steps_per_second(&self) -> f64 {
        self.steps.load(Ordering::Relaxed) as f64 / self.started.elapsed().as_secs_f64()
    }

    /// The time left at this process's pace; `None` as long as that is unknown.
    pub fn time_left(&self) -> Option<Duration> {
        let spent = self.spent.load(Ordering::Relaxed) as f64;
        let skipped = self.skipped.load(Ordering::Relaxed) as f64;
        let rest = (self.effort - spent - skipped).max(0.0);
        let elapsed = self.started.elapsed();
        (spent > 0.0 && elapsed >= PACE_AFTER).then(|| elapsed.mul_f64(rest / spent))
    }

    /// Counts steps that were done, and their effort.
    pub fn add_steps(&self, steps: u64, effort: f64) {
        self.steps.fetch_add(steps, Ordering::Relaxed);
        self.spent.fetch_add(effort as u64, Ordering::Relaxed);
        // If another thread has the lock, that thread updates the display.
        if let Ok(mut updated) = self.updated.try_lock()
            && updated.elapsed() >= UPDATE_EVERY
        {
            *updated = Instant::now();
            self.display.update(self);
        }
    }

    /// Counts effort that had been spent before.
    pub fn skip(&self, effort: f64) {
        self.skipped.fetch_add(effort as u64, Ordering::Relaxed);
    }

    /// Counts a run that was done before, with its effort.
    pub fn run_done_before(&self, effort: f64) {
        self.runs_done.fetch_add(1, Ordering::Relaxed);
        self.skip(effort);
    }

    /// Says how many runs were done before, if there are any.
    pub fn tell_done_before(&self) {
        let done = self.runs_done();
        if done > 0 {
            self.display.runs_done_before(done, self.runs);
        }
    }

    /// Reports that the run `id` resumes from a checkpoint at step `from`.
    pub fn run_resumed(&self, id: &str, from: u64) {
        self.display.run_resumed(id, from);
    }

    /// Says that the run `id` starts again because of `damage` to what it left.
    pub fn run_starts_again(&self, id: &str, damage: &Error) {
        self.display.run_starts_again(id, damage);
    }

    /// Counts a run that is done.
    pub fn run_done(&self) {
        self.runs_done.fetch_add(1, Ordering::Relaxed);
        self.display.update(self);
    }

    /// Ends the display.
    pub fn finish(&self) {
        self.display.finish();
    }
}
