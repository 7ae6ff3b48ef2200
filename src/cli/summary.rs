//! What a person reads when a run is over.

use std::{fmt::Write, fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    train::{Finished, Outcome, Status, write_whole},
};

/// Where and how fast a run ran: `machine.toml`, the only file of a run that differs from time to time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The version of this program.
    pub version: String,
    /// The processor.
    pub processor: String,
    /// Seconds from start to end, evaluations included.
    pub seconds: f64,
    /// Environment steps of training for each of them.
    pub steps_per_second: f64,
}

impl Machine {
    /// This machine, after `steps` in `seconds`.
    pub fn here(steps: u64, seconds: f64) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.map(|rest| rest.trim_start_matches([' ', '\t', ':']));
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            processor: model.unwrap_or(std::env::consts::ARCH).into(),
            seconds,
            steps_per_second: steps as f64 / seconds,
        }
    }

    /// Writes it into a run's folder.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let text = toml::to_string(self).map_err(|e| Error::usage(e.to_string()))?;
        write_whole(&folder.join("machine.toml"), &text)
    }

    /// Reads it from a run's folder, if it is there.
    pub fn read(folder: &Path) -> Option<Self> {
        toml::from_str(&fs::read_to_string(folder.join("machine.toml")).ok()?).ok()
    }
}

/// The summary of a finished run.
pub fn summary(run: &Finished, machine: Option<&Machine>, threshold: Option<f64>) -> String {
    let Outcome {
        env,
        optimiser,
        seed,
        status,
        steps,
        updates,
        episodes,
        final_return,
        best_return,
        best_step,
        solved_step,
        last_100_return,
        optimiser_bytes_per_parameter,
        ..
    } = &run.outcome;
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "  {name:<24}{value}");
    };
    let status = match status {
        Status::Finished => String::new(),
        Status::Diverged => "  DIVERGED: the loss exploded or was no number".into(),
    };
    line("run", format!("{env}, {optimiser}, seed {seed}{status}"));
    line("steps", format!("{steps}, {episodes} episodes, {updates} updates"));
    line("final evaluation", format!("{final_return:.1}"));
    line("best evaluation", format!("{best_return:.1} at step {best_step}"));
    if let Some(threshold) = threshold {
        let solved = solved_step.map_or("not reached".into(), |step| format!("at step {step}"));
        line(&format!("solved ({threshold})"), solved);
    }
    if let Some(mean) = last_100_return {
        line("last 100 episodes", format!("{mean:.1}, with exploration"));
    }
    if let Some(machine) = machine {
        let Machine {
            seconds,
            steps_per_second,
            ..
        } = machine;
        line("speed", format!("{steps_per_second:.0} steps/s, {seconds:.1} s"));
    }
    line("optimiser state", format!("{optimiser_bytes_per_parameter} bytes per parameter"));
    line("folder", run.path.display().to_string());
    out
}
