//! One line for all runs of a study.

use std::{
    io::{IsTerminal, Write as _},
    sync::Mutex,
    time::Duration,
};

use indicatif::{HumanDuration, ProgressBar};

use crate::{
    cli::progress::styled,
    study::{Progress, Show},
};

/// One line for all runs: a bar on a terminal, a line every tenth of the way elsewhere.
pub struct StudyProgress {
    what: &'static str,
    quiet: bool,
    bar: Option<ProgressBar>,
    tenths: Mutex<u32>,
}

/// The time left is in the message: what was done before does not count in it.
const TEMPLATE: &str = "{wide_bar:.cyan/dim} {percent:>3}%  {msg}";
/// Positions of the bar.
const WHOLE: f64 = 1000.0;

impl StudyProgress {
    /// For runs that are called `what`; nothing is shown if `quiet`.
    pub fn new(quiet: bool, what: &'static str) -> Self {
        let terminal = !quiet && std::io::stderr().is_terminal();
        Self {
            what,
            quiet,
            bar: terminal.then(|| styled(WHOLE as u64, TEMPLATE)),
            tenths: Mutex::new(0),
        }
    }

    fn line(&self, progress: &Progress) -> String {
        let steps = progress.steps_per_second();
        let speed = match steps {
            0.0 => String::new(),
            _ => format!("  {steps:.0} agent-steps/s"),
        };
        let left = progress.left().map_or(String::new(), |left| {
            format!(
                "  {} left",
                HumanDuration(Duration::from_secs(left.as_secs()))
            )
        });
        format!(
            "{} {}/{} runs{speed}{left}",
            self.what,
            progress.runs(),
            progress.of()
        )
    }
}

impl Show for StudyProgress {
    fn now(&self, progress: &Progress) {
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

    fn goes_on(&self, id: &str, from: u64) {
        if let (false, Ok(_one_at_a_time)) = (self.quiet, self.tenths.lock()) {
            let line = format!("run {id} goes on from step {from}");
            match &self.bar {
                Some(bar) => bar.println(line),
                None => drop(writeln!(std::io::stderr(), "{line}")),
            }
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
