//! One line for all runs of a study.

use std::{
    io::{IsTerminal, Write as _},
    sync::Mutex,
    time::Duration,
};

use indicatif::{HumanDuration, ProgressBar};

use crate::{
    Error,
    cli::progress::styled,
    study::{Progress, ProgressDisplay},
};

/// One line for all runs: a bar on a terminal, otherwise a new line for each tenth of the work.
pub struct StudyProgress {
    /// The start of the line.
    name: &'static str,
    quiet: bool,
    bar: Option<ProgressBar>,
    tenths: Mutex<u32>,
}

/// The time left is part of the message, because indicatif's own estimate would count runs that were
/// done earlier.
const TEMPLATE: &str = "{wide_bar:.cyan/dim} {percent:>3}%  {msg}";
/// The bar's last position.
const WHOLE: f64 = 1000.0;

impl StudyProgress {
    /// A line that starts with `name`, or nothing if `quiet`.
    pub fn new(quiet: bool, name: &'static str) -> Self {
        let terminal = !quiet && std::io::stderr().is_terminal();
        Self {
            name,
            quiet,
            bar: terminal.then(|| styled(WHOLE as u64, TEMPLATE)),
            tenths: Mutex::new(0),
        }
    }

    /// Prints a line above the bar.
    fn say(&self, line: String) {
        if let (false, Ok(_one_at_a_time)) = (self.quiet, self.tenths.lock()) {
            match &self.bar {
                Some(bar) => bar.println(line),
                None => drop(writeln!(std::io::stderr(), "{line}")),
            }
        }
    }

    fn line(&self, progress: &Progress) -> String {
        let steps = progress.steps_per_second();
        let speed = match steps {
            0.0 => String::new(),
            _ => format!("  {steps:.0} agent-steps/s"),
        };
        let left = progress.time_left().map_or(String::new(), |left| {
            format!(
                "  {} left",
                HumanDuration(Duration::from_secs(left.as_secs()))
            )
        });
        format!(
            "{} {}/{} runs{speed}{left}",
            self.name,
            progress.runs_done(),
            progress.runs()
        )
    }
}

impl ProgressDisplay for StudyProgress {
    fn update(&self, progress: &Progress) {
        let share = progress.share();
        if let Some(bar) = &self.bar {
            bar.set_position((share * WHOLE) as u64);
            bar.set_message(self.line(progress));
            return;
        }
        let tenth = (share * 10.0) as u32;
        if let (false, Ok(mut tenths)) = (self.quiet, self.tenths.lock())
            && tenth > *tenths
        {
            *tenths = tenth;
            let _ = writeln!(std::io::stderr(), "{}", self.line(progress));
        }
    }

    fn run_resumed(&self, id: &str, from: u64) {
        self.say(format!("run {id} goes on from step {from}"));
    }

    fn run_starts_again(&self, id: &str, damage: &Error) {
        let damage = match damage {
            Error::Damaged(damage) => damage.what(),
            other => other.to_string(),
        };
        self.say(format!("run {id} starts again: {damage}"));
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
