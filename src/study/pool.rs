//! Runs on all cores: one on each, the longest first, what is finished skipped.

use std::{
    collections::HashSet,
    num::NonZero,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::{experiment::Run, kind::Watcher, progress::Progress};
use crate::{
    Error, Result,
    energy::{Energy, Meter},
    run::{Control, Machine, OUTCOME},
};

/// How often a run that another process is at is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How runs are done.
#[derive(Clone)]
pub struct Settings {
    /// Runs at once; one for each core if `None`.
    pub jobs: Option<usize>,
    /// Steps from checkpoint to checkpoint; by the clock if `None`.
    pub checkpoint_every: Option<u64>,
    /// Set to a signal's number to end all after a checkpoint.
    pub stop: Arc<AtomicUsize>,
    /// What energy is worth where it cannot be measured.
    pub energy: Energy,
}

/// Does `runs` in folders of their own below `folder`, and returns when all of them are done, here or
/// by another process. An error if it was stopped, or if some failed; the others are done all the same.
pub fn run(runs: &[&Run], folder: &Path, settings: &Settings, progress: &Progress) -> Result<()> {
    let order = order(runs, folder);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let pool = Pool {
        workers: settings.jobs.unwrap_or(cores).clamp(1, order.len().max(1)),
        order,
        next: AtomicUsize::new(0),
        taken: Mutex::default(),
        failed: Mutex::default(),
        runs,
        folder,
        settings,
        progress,
    };
    thread::scope(|scope| {
        for _ in 0..pool.workers {
            scope.spawn(|| pool.work());
        }
    });
    progress.finish();
    pool.verdict()
}

/// The runs' numbers, the most work first; a run that two arms share comes once. What is finished comes before all,
/// so that the time left is soon that of the rest alone.
fn order(runs: &[&Run], folder: &Path) -> Vec<usize> {
    let mut seen = HashSet::new();
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.retain(|&i| seen.insert(runs[i].job.id()));
    let finished = |run: &&Run| folder.join(run.job.id()).join(OUTCOME).exists();
    let finished: Vec<bool> = runs.iter().map(finished).collect();
    let efforts: Vec<f64> = runs.iter().map(|run| run.job.effort()).collect();
    order.sort_by(|&a, &b| {
        let by_effort = || efforts[b].total_cmp(&efforts[a]);
        finished[b].cmp(&finished[a]).then_with(by_effort)
    });
    order
}

struct Pool<'a> {
    order: Vec<usize>,
    next: AtomicUsize,
    /// Runs that another process was at.
    taken: Mutex<Vec<usize>>,
    failed: Mutex<Vec<String>>,
    runs: &'a [&'a Run],
    folder: &'a Path,
    settings: &'a Settings,
    progress: &'a Progress<'a>,
    workers: usize,
}

impl Pool<'_> {
    /// Does run after run until there is none.
    fn work(&self) {
        while let Some(run) = self.draw() {
            match self.one(run) {
                Ok(()) => self.progress.done(),
                Err(Error::Taken(_)) => lock(&self.taken).push(run),
                Err(Error::Stopped { .. }) => return,
                Err(error) => {
                    let run = self.runs[run].job.id();
                    lock(&self.failed).push(format!("{run}: {error}"));
                }
            }
        }
    }

    /// The next run; when all are drawn, one that another process was at.
    fn draw(&self) -> Option<usize> {
        if self.stopped().is_some() {
            return None;
        }
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        if let Some(&run) = self.order.get(at) {
            return Some(run);
        }
        let run = lock(&self.taken).pop()?;
        thread::sleep(LOOK_AGAIN);
        Some(run)
    }

    fn one(&self, run: usize) -> Result<()> {
        let job = self.runs[run].job.as_ref();
        let control = Control::new(self.settings.checkpoint_every, self.settings.stop.clone());
        let mut watcher = Watching {
            pool: self,
            id: job.id(),
            on_gpu: job.on_gpu().then_some(self.workers),
            weight: job.effort() / job.steps() as f64,
            meter: None,
            began: false,
            from: 0,
            step: 0,
        };
        job.run(&self.folder.join(job.id()), &control, &mut watcher)?;
        if !watcher.began {
            self.progress.skips(job.effort());
        }
        Ok(())
    }

    fn stopped(&self) -> Option<usize> {
        Some(self.settings.stop.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
    }

    fn verdict(self) -> Result<()> {
        let (of, done) = (self.order.len(), self.progress.runs());
        if let Some(signal) = self.stopped().filter(|_| done < of) {
            return Err(Error::Interrupted { signal, done, of });
        }
        let failed = self.failed.into_inner().unwrap_or_default();
        match failed.first() {
            None => Ok(()),
            Some(why) => Err(Error::Failed {
                failed: failed.len(),
                of,
                why: why.clone(),
            }),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Watches one run: its progress is the pool's, its cost goes into its folder.
struct Watching<'a> {
    pool: &'a Pool<'a>,
    id: &'a str,
    /// Effort of a step.
    weight: f64,
    on_gpu: Option<usize>,
    meter: Option<Meter>,
    /// Whether there was anything to do.
    began: bool,
    from: u64,
    step: u64,
}

impl Watcher for Watching<'_> {
    fn begins(&mut self, _folder: &Path, from: u64) -> Result<()> {
        (self.began, self.from, self.step) = (true, from, from);
        self.meter = Some(Meter::start(self.on_gpu));
        if from > 0 {
            self.pool.progress.goes_on(self.id, from);
        }
        self.pool.progress.skips(from as f64 * self.weight);
        Ok(())
    }

    fn progress(&mut self, step: u64) {
        let steps = step.saturating_sub(self.step);
        self.step = step;
        if let Some(meter) = &mut self.meter {
            meter.look();
        }
        self.pool.progress.steps(steps, steps as f64 * self.weight);
    }

    fn ends(&mut self, folder: &Path, step: u64) -> Result<()> {
        let Some(meter) = self.meter.take() else {
            return Ok(());
        };
        let seconds = meter.seconds();
        let mut machine = Machine::here(step - self.from, seconds);
        let now = meter.stop(&self.pool.settings.energy);
        // A run that goes on adds to what its earlier parts cost; a new one has nothing there.
        let before = Machine::read(folder).filter(|_| self.from > 0);
        machine.spent = match before.and_then(|before| before.spent) {
            Some(before) => Some(before.and(now)),
            None => Some(now),
        };
        machine.write(folder)
    }
}
