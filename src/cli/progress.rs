//! Progress: a bar on a terminal, a plain line every tenth of the way elsewhere.

use std::{
    cell::Cell,
    collections::VecDeque,
    io::{IsTerminal, Write},
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressStyle};

use crate::{
    Result,
    run::{self, Observer, Row},
};

/// The shown return is the mean of this many training episodes.
const RECENT: usize = 20;

/// Shows the progress of a run: steps a second, recent return, epsilon, time left.
pub struct Progress {
    from: u64,
    steps: u64,
    agents: usize,
    started: Instant,
    recent: VecDeque<f64>,
    evaluation: Option<f64>,
    output: Output,
}

enum Output {
    Bar(ProgressBar),
    Lines { next: u64 },
    Nothing,
}

/// Progress on stderr for `agents` agents, from step `from` of `steps`; none if `quiet`.
pub fn progress(quiet: bool, from: u64, steps: u64, agents: usize) -> Progress {
    let output = if quiet {
        Output::Nothing
    } else if std::io::stderr().is_terminal() {
        Output::Bar(bar(steps))
    } else {
        let tenth = steps.div_ceil(10);
        Output::Lines {
            next: ((from / tenth + 1) * tenth).min(steps),
        }
    };
    Progress {
        from,
        steps,
        agents,
        started: Instant::now(),
        recent: VecDeque::new(),
        evaluation: None,
        output,
    }
}

fn bar(length: u64) -> ProgressBar {
    styled(
        length,
        "{wide_bar:.cyan/dim} {percent:>3}%  {msg}  {eta} left",
    )
}

/// A bar in our style that shows `template`.
pub(in crate::cli) fn styled(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}

/// Progress of equal jobs on several threads.
pub struct Jobs {
    all: u64,
    done: AtomicU64,
    bar: Option<ProgressBar>,
    quiet: bool,
}

impl Jobs {
    /// Progress of `all` jobs, on stderr; nothing is shown if `quiet`.
    pub fn new(quiet: bool, all: usize) -> Self {
        let all = all as u64;
        Self {
            all,
            done: AtomicU64::new(0),
            bar: (!quiet && std::io::stderr().is_terminal()).then(|| bar(all)),
            quiet,
        }
    }

    /// Shows what is being done now.
    pub fn now(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_string());
        }
    }

    /// Counts one more job as done.
    pub fn done(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let tenth = |jobs: u64| jobs * 10 / self.all;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if !self.quiet && tenth(done) > tenth(done - 1) {
            let _ = writeln!(std::io::stderr(), "{done}/{} jobs", self.all);
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Progress of a transfer.
pub struct Bytes {
    what: String,
    bar: Option<ProgressBar>,
    tenth: Cell<u64>,
    quiet: bool,
}

impl Bytes {
    /// Progress of the transfer of `what`, on stderr; nothing is shown if `quiet`.
    pub fn new(quiet: bool, what: &str) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new(0);
            let template =
                "{prefix}  {wide_bar:.cyan/dim} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("━╸─"));
            }
            bar.set_prefix(what.to_owned());
            bar
        });
        Self {
            what: what.to_owned(),
            bar,
            tenth: Cell::new(0),
            quiet,
        }
    }

    /// `done` of `all` bytes have arrived.
    pub fn now(&self, done: u64, all: u64) {
        let tenth = done * 10 / all.max(1);
        if let Some(bar) = &self.bar {
            bar.set_length(all);
            bar.set_position(done);
        } else if !self.quiet && tenth > self.tenth.replace(tenth) {
            let (what, done, all) = (&self.what, HumanBytes(done), HumanBytes(all));
            let _ = writeln!(std::io::stderr(), "{what}: {done} of {all}");
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress {
    /// Removes the bar.
    pub fn finish(&self) {
        if let Output::Bar(bar) = &self.output {
            bar.finish_and_clear();
        }
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn message(&self, step: u64, now: &[(&'static str, f64)]) -> String {
        let done = (step - self.from) as f64 * self.agents as f64;
        let rate = (done / self.seconds()).round();
        let returns = if self.recent.is_empty() {
            "-".to_string()
        } else {
            format!(
                "{:.1}",
                self.recent.iter().sum::<f64>() / self.recent.len() as f64
            )
        };
        let evaluation = self.evaluation.map_or("-".into(), |e| format!("{e:.1}"));
        let now = now
            .iter()
            .map(|(name, value)| format!("  {name} {value:.2}"));
        let now: String = now.collect();
        format!("{rate} steps/s  return {returns}  evaluation {evaluation}{now}")
    }
}

impl Observer for Progress {
    fn progress(&mut self, progress: &run::Progress) -> Result<()> {
        let run::Progress { step, now } = *progress;
        match &self.output {
            Output::Bar(bar) => {
                bar.set_position(step);
                bar.set_message(self.message(step, now));
            }
            Output::Lines { next } if step >= *next => {
                let left = self
                    .started
                    .elapsed()
                    .mul_f64((self.steps - step) as f64 / (step - self.from) as f64);
                let _ = writeln!(
                    std::io::stderr(),
                    "{step}/{} steps  {}  {} left",
                    self.steps,
                    self.message(step, now),
                    HumanDuration(left)
                );
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
