//! The progress of a supervised run.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use super::loss_text;
use crate::{
    Result,
    cli::progress::{Bar, TimeLeft, long, short},
    energy::{Energy, Meter},
    run::{Compute, Machine, Observer, Progress, Row, supervised::SupervisedConfig},
};

/// Batches between lines if there is no terminal.
const LINE_EVERY: u64 = 25;

/// Shows the progress of a supervised run.
pub struct SupervisedProgress {
    label: String,
    steps: u64,
    batch: u64,
    started: Instant,
    /// When work on the next batch began.
    since: Instant,
    training: Duration,
    done: u64,
    tested: Option<f64>,
    meter: Meter,
    left: TimeLeft,
    bar: Option<Bar>,
    quiet: bool,
}

impl SupervisedProgress {
    /// Progress on stderr for a run of `steps` batches.
    pub fn new(quiet: bool, config: &SupervisedConfig, steps: u64) -> Self {
        let label = config.optimiser.to_string();
        let now = Instant::now();
        Self {
            label,
            steps,
            batch: config.run.batch as u64,
            started: now,
            since: now,
            training: Duration::ZERO,
            done: 0,
            tested: None,
            meter: Meter::of_process((config.run.device == Compute::Cuda).then_some(1)),
            left: TimeLeft::new(0, steps),
            bar: Bar::new(quiet, steps),
            quiet,
        }
    }

    /// Removes the bar; returns where the run was made and how fast it was.
    pub fn finish(self) -> Machine {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
        let seconds = self.started.elapsed().as_secs_f64();
        let training = self.training.as_secs_f64().max(1e-9);
        let spent = self.meter.stop(&Energy::default());
        let samples = (self.done * self.batch) as f64;
        Machine {
            steps_per_second: self.done as f64 / training,
            samples_per_second: Some(samples / training),
            spent: Some(spent),
            ..Machine::here(self.done, seconds)
        }
    }
}

impl Observer for SupervisedProgress {
    fn progress(&mut self, progress: &Progress) -> Result<()> {
        self.meter.look();
        self.training += self.since.elapsed();
        self.since = Instant::now();
        self.done += 1;
        let step = progress.step;
        let rate = (self.done * self.batch) as f64 / self.training.as_secs_f64();
        let left = self.left.at(step, self.since);
        let tested = self
            .tested
            .map_or("-".into(), |share| format!("{:.2} %", 100.0 * share));
        let now = progress.now.iter().map(|(name, value)| match *name {
            "accuracy" => format!("accuracy {:.1} %", 100.0 * value),
            "epoch" => format!("epoch {value}"),
            name => format!("{name} {}", loss_text(*value)),
        });
        let mut pieces: Vec<String> = now.collect();
        pieces.push(format!("test {tested}"));
        pieces.push(format!("{rate:.0} samples/s"));
        if let Some(bar) = &self.bar {
            let pieces = short(left).into_iter().chain(pieces);
            let pieces: Vec<String> = pieces.chain([self.label.clone()]).collect();
            bar.show(step, &pieces);
        } else if !self.quiet && (step.is_multiple_of(LINE_EVERY) || step == self.steps) {
            pieces.insert(0, format!("{}  batch {step}/{}", self.label, self.steps));
            pieces.extend(long(left));
            let _ = writeln!(std::io::stderr(), "{}", pieces.join("  "));
        }
        Ok(())
    }

    fn row(&mut self, row: Row) -> Result<()> {
        if let Row::Epoch(row) = row {
            self.tested = Some(row.test_accuracy);
            self.since = Instant::now();
        }
        Ok(())
    }
}
