//! Runs on all cores: first the runs that use all of them, one after another, then one run per core,
//! the longest first. Finished runs are skipped.

use std::{
    collections::HashSet,
    fs,
    num::NonZero,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    engine::Study,
    experiment::Run,
    family::{JobFolder, Watcher},
    finished::FinishedRun,
    lock::RunLock,
    progress::RunsProgress,
};
use crate::{
    Error, Result,
    energy::{Energy, Meter},
    run::{Control, Machine, has_folder, remove_leftovers},
};

/// The time between two tries of a run that another process is doing.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// How a pool does its runs.
#[derive(Clone)]
pub struct PoolOptions {
    /// Runs at once, or threads of a run that takes all cores; one per core if `None`.
    pub jobs: Option<usize>,
    /// Steps between checkpoints; by the clock if `None`.
    pub checkpoint_every: Option<u64>,
    /// Whether each run's files are kept.
    pub keep_runs: bool,
    /// Set this to a signal's number to end all runs after a checkpoint.
    pub stop: Arc<AtomicUsize>,
    /// The assumed power and carbon intensity where energy cannot be measured.
    pub energy: Energy,
}

/// Does `runs` of `study`, and returns when this process or others have done all of them. An error if it was stopped or if
/// runs failed. A failed run does not prevent the others.
pub fn run(
    runs: &[&Run],
    study: &Study,
    options: &PoolOptions,
    progress: &RunsProgress,
) -> Result<()> {
    fs::create_dir_all(&study.runs).map_err(|error| Error::unwritable(&study.runs, &error))?;
    study.look()?;
    let mut order = order(runs);
    let of = order.len();
    // If the files of runs are wanted, those of finished runs are checked too.
    if !options.keep_runs {
        order = unfinished(order, runs, study, progress)?;
    }
    let (alone, beside) = order
        .into_iter()
        .partition(|&run| runs[run].job.takes_all_cores());
    let (alone, beside) = (Queue::new(alone), Queue::new(beside));
    let threads = options.jobs.unwrap_or_else(cores).max(1);
    let workers = threads.min(beside.order.len().max(1));
    let pool = Pool {
        threads,
        workers,
        failed: Mutex::default(),
        unrecordable: AtomicBool::new(false),
        runs,
        study,
        options,
        progress,
    };
    if !alone.order.is_empty() {
        on_threads(threads, || pool.work(&alone))?;
    }
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| pool.work(&beside));
        }
    });
    progress.finish();
    study.finished()?.sync()?;
    pool.result(of)
}

/// The cores that this process may use.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// The result of `work`, with `threads` threads for its operations.
pub fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> Result<T> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|e| Error::usage(format!("cannot start {threads} threads: {e}")))?;
    Ok(pool.install(work))
}

/// The numbers of the runs in the order in which they are done: the most work first. A run that two
/// arms share appears once.
fn order(runs: &[&Run]) -> Vec<usize> {
    let mut seen = HashSet::new();
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.retain(|&i| seen.insert(runs[i].job.id()));
    let efforts: Vec<f64> = runs.iter().map(|run| run.job.effort()).collect();
    order.sort_by(|&a, &b| efforts[b].total_cmp(&efforts[a]));
    order
}

/// `order` without the recorded runs, which are reported to `progress`.
fn unfinished(
    order: Vec<usize>,
    runs: &[&Run],
    study: &Study,
    progress: &RunsProgress,
) -> Result<Vec<usize>> {
    let mut left = Vec::new();
    for run in order {
        match study.is_recorded(runs[run])? {
            true => progress.run_done_before(runs[run].job.effort()),
            false => left.push(run),
        }
    }
    progress.tell_done_before();
    Ok(left)
}

/// A queue of runs, taken in order.
struct Queue {
    order: Vec<usize>,
    next: AtomicUsize,
    /// Runs that another process was doing when they were tried.
    taken: Mutex<Vec<usize>>,
}

impl Queue {
    fn new(order: Vec<usize>) -> Self {
        Self {
            order,
            next: AtomicUsize::new(0),
            taken: Mutex::default(),
        }
    }

    /// The number of the next run. When all have been given out, it is a run that another process was doing.
    fn next_run(&self) -> Option<usize> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        if let Some(&run) = self.order.get(at) {
            return Some(run);
        }
        let run = lock(&self.taken).pop()?;
        thread::sleep(RETRY_AFTER);
        Some(run)
    }
}

struct Pool<'a> {
    /// Threads of a run that takes all cores.
    threads: usize,
    /// Other runs at the same time.
    workers: usize,
    failed: Mutex<Vec<String>>,
    /// Whether finished runs cannot be recorded.
    unrecordable: AtomicBool,
    runs: &'a [&'a Run],
    study: &'a Study,
    options: &'a PoolOptions,
    progress: &'a RunsProgress<'a>,
}

impl Pool<'_> {
    /// Does one run of `queue` after another until none is left.
    fn work(&self, queue: &Queue) {
        while self.stopped().is_none()
            && !self.unrecordable.load(Ordering::Relaxed)
            && let Some(run) = queue.next_run()
        {
            match self.do_run(run) {
                Ok(()) => self.progress.run_done(),
                Err(Error::Taken(_)) => lock(&queue.taken).push(run),
                Err(Error::Stopped { .. }) => return,
                Err(error) => {
                    let run = self.runs[run].job.id();
                    lock(&self.failed).push(format!("{run}: {error}"));
                }
            }
        }
    }

    fn do_run(&self, run: usize) -> Result<()> {
        let (study, run) = (self.study, self.runs[run]);
        let job = run.job.as_ref();
        let skip = || {
            self.progress.skip(job.effort());
            Ok(())
        };
        if self.is_done(run)? {
            return skip();
        }
        let folder = study.runs.join(job.id());
        let _lock = RunLock::take(&folder)?;
        // Another process may have done it in the meantime.
        if study.finished()?.may_look() {
            study.look()?;
        }
        if self.is_done(run)? {
            return skip();
        }
        let control = Control::new(self.options.checkpoint_every, self.options.stop.clone());
        let mut watcher = RunWatcher {
            pool: self,
            id: job.id(),
            on_gpu: job.on_gpu().then_some(self.workers),
            alone: job.takes_all_cores(),
            weight: job.effort() / job.steps() as f64,
            meter: None,
            machine: None,
            began: false,
            from: 0,
            step: 0,
        };
        let place = JobFolder {
            folder: &folder,
            // A run that was begun in a folder continues there.
            keep: self.options.keep_runs || has_folder(&folder),
        };
        let outcome = job.run(place, &control, &mut watcher)?;
        if !watcher.began {
            self.progress.skip(job.effort());
        }
        let finished = study.finished()?;
        let has_files = folder.is_dir();
        if !finished.has(job.id(), true) {
            let machine = watcher.machine.or_else(|| Machine::read(&folder));
            let run = FinishedRun {
                id: job.id().into(),
                outcome,
                cost: machine.map(Into::into),
            };
            // The checkpoint may be removed only when the record is on the disk.
            let recorded = finished.append(&study.out, run, has_files);
            recorded.inspect_err(|_| self.unrecordable.store(true, Ordering::Relaxed))?;
        }
        if has_files && !place.keep {
            remove_leftovers(&folder);
        }
        Ok(())
    }

    /// Whether the run need not be done.
    fn is_done(&self, run: &Run) -> Result<bool> {
        Ok(!self.options.keep_runs && self.study.is_recorded(run)?)
    }

    fn stopped(&self) -> Option<usize> {
        Some(self.options.stop.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
    }

    /// The result of all `of` runs.
    fn result(self, of: usize) -> Result<()> {
        let done = self.progress.runs_done();
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

/// Watches one run: adds its progress to the pool's, and measures its cost.
struct RunWatcher<'a> {
    pool: &'a Pool<'a>,
    id: &'a str,
    /// The effort of a step.
    weight: f64,
    /// How many runs share the GPU, if this one is on it.
    on_gpu: Option<usize>,
    /// Whether it has all cores to itself.
    alone: bool,
    meter: Option<Meter>,
    /// Its cost, once it has ended.
    machine: Option<Machine>,
    /// Whether there was anything to do.
    began: bool,
    /// The step at which it began.
    from: u64,
    step: u64,
}

impl Watcher for RunWatcher<'_> {
    fn starts_again(&mut self, damage: &Error) {
        self.pool.progress.run_starts_again(self.id, damage);
    }

    fn begins(&mut self, _folder: &Path, from: u64) -> Result<()> {
        (self.began, self.from, self.step) = (true, from, from);
        self.meter = Some(match self.alone {
            true => Meter::of_process(self.on_gpu),
            false => Meter::start(self.on_gpu),
        });
        if from > 0 {
            self.pool.progress.run_resumed(self.id, from);
        }
        self.pool.progress.skip(from as f64 * self.weight);
        Ok(())
    }

    fn progress(&mut self, step: u64) {
        let steps = step.saturating_sub(self.step);
        self.step = step;
        if let Some(meter) = &mut self.meter {
            meter.look();
        }
        self.pool
            .progress
            .add_steps(steps, steps as f64 * self.weight);
    }

    fn ends(&mut self, folder: &Path, step: u64) -> Result<()> {
        let Some(meter) = self.meter.take() else {
            return Ok(());
        };
        let seconds = meter.seconds();
        let mut machine = Machine::here(step - self.from, seconds);
        if self.alone {
            machine.threads = self.pool.threads;
        }
        let now = meter.stop(&self.pool.options.energy);
        // A resumed run adds to the cost of its earlier parts. For a new run the file is stale.
        let before = Machine::read(folder).filter(|_| self.from > 0);
        machine.spent = match before.and_then(|before| before.spent) {
            Some(before) => Some(before.and(now)),
            None => Some(now),
        };
        // A run without a folder has nothing to continue from.
        if folder.is_dir() {
            machine.write(folder)?;
        }
        self.machine = Some(machine);
        Ok(())
    }
}
