//! One line for all runs of a study.

use std::{io::Write as _, sync::Mutex, time::Duration};

use crate::{
    Error,
    cli::progress::{Bar, long, short},
    numbers::count,
    study::{ProgressDisplay, RunsProgress},
};

/// One line for all runs: a bar on a terminal, otherwise a new line for each tenth of the work.
pub struct StudyProgress {
    /// The start of the line.
    name: &'static str,
    quiet: bool,
    bar: Option<Bar>,
    tenths: Mutex<u32>,
}

/// What comes after the last tenth: all runs are done.
const LAST: u32 = 11;

/// The bar's last position.
const WHOLE: f64 = 1000.0;

impl StudyProgress {
    /// A line that starts with `name`, or nothing if `quiet`.
    pub fn new(quiet: bool, name: &'static str) -> Self {
        Self {
            name,
            quiet,
            bar: Bar::new(quiet, WHOLE as u64),
            tenths: Mutex::new(0),
        }
    }

    /// Prints a line above the bar.
    fn say(&self, line: &str) {
        if let (false, Ok(_one_at_a_time)) = (self.quiet, self.tenths.lock()) {
            match &self.bar {
                Some(bar) => bar.println(line),
                None => drop(writeln!(std::io::stderr(), "{line}")),
            }
        }
    }

    /// The parts of the line about `progress`, the most important first.
    fn pieces(
        &self,
        progress: &RunsProgress,
        left: fn(Option<Duration>) -> Option<String>,
    ) -> Vec<String> {
        let whole_seconds = |left: Duration| Duration::from_secs(left.as_secs());
        let (done, runs) = (progress.runs_done(), progress.runs());
        let mut pieces = vec![format!("{} {done}/{}", self.name, count(runs, "run"))];
        pieces.extend(left(progress.time_left().map(whole_seconds)));
        let speed = progress.steps_per_second();
        if speed > 0.0 {
            pieces.push(format!("{speed:.0} agent-steps/s"));
        }
        pieces
    }
}

impl ProgressDisplay for StudyProgress {
    fn update(&self, progress: &RunsProgress) {
        let share = progress.share();
        if let Some(bar) = &self.bar {
            bar.show((share * WHOLE) as u64, &self.pieces(progress, short));
            return;
        }
        let tenth = match progress.runs_done() == progress.runs() {
            true => LAST,
            false => (share * 10.0) as u32,
        };
        if let (false, Ok(mut tenths)) = (self.quiet, self.tenths.lock())
            && tenth > *tenths
        {
            *tenths = tenth;
            let line = self.pieces(progress, long).join("  ");
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    fn runs_done_before(&self, done: usize, of: usize) {
        let (name, runs) = (self.name, count(of, "run"));
        self.say(&format!("{name} {done}/{runs} done before"));
    }

    fn run_resumed(&self, id: &str, from: u64) {
        self.say(&format!("run {id} continues from step {from}"));
    }

    fn run_starts_again(&self, id: &str, damage: &Error) {
        let damage = match damage {
            Error::Damaged(damage) => damage.what(),
            other => other.to_string(),
        };
        self.say(&format!("run {id} starts again: {damage}"));
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}
