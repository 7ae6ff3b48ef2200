//! What a study's runs have done so far, for whoever shows it.

use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::experiment::Run;

/// What is told of a study's progress.
pub trait Show: Sync {
    /// Something has changed.
    fn now(&self, progress: &Progress);

    /// A run goes on from a checkpoint.
    fn goes_on(&self, id: &str, from: u64);

    /// All is over.
    fn finish(&self);
}

/// How far a study's runs are, all together.
pub struct Progress<'a> {
    of: usize,
    runs: AtomicUsize,
    /// Steps done here.
    steps: AtomicU64,
    effort: f64,
    /// Effort done here, and effort that was done before.
    spent: AtomicU64,
    skipped: AtomicU64,
    started: Instant,
    looked: Mutex<Instant>,
    show: &'a dyn Show,
}

/// Time from look to look of whoever shows it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl<'a> Progress<'a> {
    /// Of `runs`, shown by `show`.
    pub fn new(runs: &[&Run], show: &'a dyn Show) -> Self {
        let mut seen = HashSet::new();
        let once = runs.iter().filter(|run| seen.insert(run.job.id()));
        let efforts: Vec<f64> = once.map(|run| run.job.effort()).collect();
        let now = Instant::now();
        Self {
            of: efforts.len(),
            effort: efforts.iter().sum(),
            runs: AtomicUsize::new(0),
            steps: AtomicU64::new(0),
            spent: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            started: now,
            looked: Mutex::new(now),
            show,
        }
    }

    /// Runs to do.
    pub fn of(&self) -> usize {
        self.of
    }

    /// Runs done.
    pub fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
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

    /// Time left if the rest goes as what was done here, if anything was.
    pub fn left(&self) -> Option<Duration> {
        let spent = self.spent.load(Ordering::Relaxed) as f64;
        let skipped = self.skipped.load(Ordering::Relaxed) as f64;
        let rest = (self.effort - spent - skipped).max(0.0);
        (spent > 0.0).then(|| self.started.elapsed().mul_f64(rest / spent))
    }

    /// So many steps, worth so much, were done.
    pub fn steps(&self, steps: u64, effort: f64) {
        self.steps.fetch_add(steps, Ordering::Relaxed);
        self.spent.fetch_add(effort as u64, Ordering::Relaxed);
        // Whoever does not get the clock leaves it to the one who has it.
        if let Ok(mut looked) = self.looked.try_lock()
            && looked.elapsed() >= LOOK_EVERY
        {
            *looked = Instant::now();
            self.show.now(self);
        }
    }

    /// What is worth so much had been done before.
    pub fn skips(&self, effort: f64) {
        self.skipped.fetch_add(effort as u64, Ordering::Relaxed);
    }

    /// A run goes on from a checkpoint.
    pub fn goes_on(&self, id: &str, from: u64) {
        self.show.goes_on(id, from);
    }

    /// A run is done.
    pub fn done(&self) {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.show.now(self);
    }

    /// All is over.
    pub fn finish(&self) {
        self.show.finish();
    }
}
