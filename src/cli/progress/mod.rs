//! Progress: a bar on a terminal, a plain line every tenth of the way elsewhere.

mod bar;
mod time_left;

pub(super) use bar::Bar;
pub(super) use time_left::{TimeLeft, long, short};

use std::{
    cell::Cell,
    collections::VecDeque,
    io::Write,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::HumanBytes;

use crate::{
    Result,
    numbers::count,
    run::{self, Observer, Row, rl::Config},
};

/// Training episodes that the shown return is the mean of.
const RECENT: usize = 20;

/// Shows a run's progress: time left, recent return, steps a second, and what the algorithm reports.
pub struct RlProgress {
    from: u64,
    steps: u64,
    agents: usize,
    started: Instant,
    left: TimeLeft,
    recent: VecDeque<f64>,
    evaluation: Option<f64>,
    output: Output,
}

enum Output {
    Bar(Bar),
    Lines { next: u64 },
    Nothing,
}

/// Progress on stderr of `agents` agents with `config` that start at step `from`; none if `quiet`.
pub fn progress(quiet: bool, config: &Config, from: u64, agents: usize) -> RlProgress {
    let steps = config.run.steps;
    let output = match Bar::new(quiet, steps) {
        Some(bar) => Output::Bar(bar),
        None if quiet => Output::Nothing,
        None => {
            let tenth = steps.div_ceil(10);
            Output::Lines {
                next: ((from / tenth + 1) * tenth).min(steps),
            }
        }
    };
    RlProgress {
        from,
        steps,
        agents,
        started: Instant::now(),
        left: TimeLeft::new(first_update(config), steps),
        recent: VecDeque::new(),
        evaluation: None,
        output,
    }
}

/// The number of steps after which an agent has made its first update; that of the whole run if it makes none.
fn first_update(config: &Config) -> u64 {
    let updates = |steps| config.algorithm.updates(&config.agent, steps);
    let (mut none, mut some) = (0, config.run.steps);
    while none + 1 < some {
        let middle = none + (some - none) / 2;
        if updates(middle) == 0 {
            none = middle;
        } else {
            some = middle;
        }
    }
    some
}

/// Progress of equal jobs on several threads.
pub struct Jobs {
    all: u64,
    done: AtomicU64,
    now: Mutex<String>,
    left: Mutex<TimeLeft>,
    bar: Option<Bar>,
    quiet: bool,
}

impl Jobs {
    /// For `all` jobs, on stderr; nothing is shown if `quiet`.
    pub fn new(quiet: bool, all: usize) -> Self {
        let all = all as u64;
        let mut left = TimeLeft::new(0, all);
        left.at(0, Instant::now());
        Self {
            all,
            done: AtomicU64::new(0),
            now: Mutex::default(),
            left: Mutex::new(left),
            bar: Bar::new(quiet, all),
            quiet,
        }
    }

    /// What is going on now.
    pub fn now(&self, what: &str) {
        if let Ok(mut now) = self.now.lock() {
            what.clone_into(&mut now);
        }
        self.show(self.done.load(Ordering::Relaxed));
    }

    /// One more is done.
    pub fn done(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let tenth = |jobs: u64| jobs * 10 / self.all;
        if self.bar.is_some() {
            self.show(done);
        } else if !self.quiet && tenth(done) > tenth(done - 1) {
            let _ = writeln!(std::io::stderr(), "{done}/{}", count(self.all, "job"));
        }
    }

    fn show(&self, done: u64) {
        if let (Some(bar), Ok(now), Ok(mut left)) = (&self.bar, self.now.lock(), self.left.lock()) {
            let left = left.at(done, Instant::now());
            let pieces = short(left).into_iter().chain([now.clone()]);
            bar.show(done, &pieces.collect::<Vec<_>>());
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}

/// Progress of a transfer.
pub struct Bytes {
    what: String,
    bar: Option<Bar>,
    /// When the first bytes came, and how many there were before.
    first: Cell<Option<(Instant, u64)>>,
    tenth: Cell<u64>,
    quiet: bool,
}

impl Bytes {
    /// Of `what`, on stderr; nothing is shown if `quiet`.
    pub fn new(quiet: bool, what: &str) -> Self {
        Self {
            what: what.to_owned(),
            bar: Bar::new(quiet, 0),
            first: Cell::new(None),
            tenth: Cell::new(0),
            quiet,
        }
    }

    /// `done` of `all` bytes have come.
    pub fn now(&self, done: u64, all: u64) {
        let tenth = done * 10 / all.max(1);
        let now = Instant::now();
        let (since, before) = self.first.get().unwrap_or((now, done));
        self.first.set(Some((since, before)));
        let what = format!("{}: {} of {}", self.what, HumanBytes(done), HumanBytes(all));
        if let Some(bar) = &self.bar {
            let seconds = (now - since).as_secs_f64().max(1e-3);
            let rate = (done - before) as f64 / seconds;
            let left = (rate > 0.0)
                .then(|| Duration::from_secs_f64(all.saturating_sub(done) as f64 / rate));
            bar.set_length(all);
            let pieces = [what, format!("{}/s", HumanBytes(rate as u64))];
            let pieces = short(left).into_iter().chain(pieces);
            bar.show(done, &pieces.collect::<Vec<_>>());
        } else if !self.quiet && tenth > self.tenth.replace(tenth) {
            let _ = writeln!(std::io::stderr(), "{what}");
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}

impl RlProgress {
    /// Takes the bar away.
    pub fn finish(&self) {
        if let Output::Bar(bar) = &self.output {
            bar.finish();
        }
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// The parts of the line, the most important first.
    fn pieces(&self, step: u64, now: &[(&'static str, f64)]) -> Vec<String> {
        let mut pieces = Vec::new();
        let (whose, unit) = match self.agents {
            1 => ("", "steps/s"),
            _ => ("first agent's ", "agent-steps/s"),
        };
        if !self.recent.is_empty() {
            let mean = self.recent.iter().sum::<f64>() / self.recent.len() as f64;
            pieces.push(format!("{whose}return {mean:.1}"));
        }
        if let Some(evaluation) = self.evaluation {
            pieces.push(format!("{whose}evaluation {evaluation:.1}"));
        }
        let done = (step - self.from) as f64 * self.agents as f64;
        pieces.push(format!("{:.0} {unit}", done / self.seconds()));
        let now = now.iter();
        pieces.extend(now.map(|(name, value)| format!("{name} {value:.2}")));
        pieces
    }
}

impl Observer for RlProgress {
    fn progress(&mut self, progress: &run::Progress) -> Result<()> {
        let run::Progress { step, now } = *progress;
        if matches!(self.output, Output::Nothing) {
            return Ok(());
        }
        let left = self.left.at(step, Instant::now());
        match &self.output {
            Output::Bar(bar) => {
                let mut pieces = Vec::from_iter(short(left));
                pieces.extend(self.pieces(step, now));
                bar.show(step, &pieces);
            }
            Output::Lines { next } if step >= *next => {
                let mut pieces = vec![format!("{step}/{}", count(self.steps, "step"))];
                pieces.extend(self.pieces(step, now));
                pieces.extend(long(left));
                let _ = writeln!(std::io::stderr(), "{}", pieces.join("  "));
                let tenth = self.steps.div_ceil(10);
                let next = (step / tenth + 1) * tenth;
                self.output = Output::Lines {
                    next: next.min(self.steps),
                };
            }
            Output::Lines { .. } | Output::Nothing => {}
        }
        Ok(())
    }

    fn row(&mut self, row: Row) -> Result<()> {
        match row {
            Row::Episode(row) => {
                if self.recent.len() == RECENT {
                    self.recent.pop_front();
                }
                self.recent.push_back(row.episode_return);
            }
            Row::Evaluation(row) => self.evaluation = Some(row.mean_return),
            _ => {}
        }
        Ok(())
    }
}
