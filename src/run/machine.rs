//! Where a run ran, how fast, and what it took.

use std::{fs, num::NonZero, path::Path};

use serde::{Deserialize, Serialize};

use super::file_names::MACHINE;
use crate::{Error, Result, checksums::read_file, energy::Spent, files::write_before_another};

/// Where a run ran, how fast, and what it took: `machine.toml`, the only file that differs when a
/// run is repeated.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The version of this program.
    pub version: String,
    /// Whether the run wrote checksums of its files, as all present versions do. If it did, a run without them is
    /// damaged.
    #[serde(default)]
    pub checksums: bool,
    /// The processor.
    pub processor: String,
    /// Threads that worked on an operation.
    pub threads: usize,
    /// Agents trained side by side, including this one; 1 if there are no agents.
    pub agents: usize,
    /// Seconds from start to end, evaluations and tests included; of the last part if the run was
    /// interrupted.
    pub seconds: f64,
    /// Steps of training a second: environment steps of all agents together, evaluations included; or
    /// batches, tests not included.
    pub steps_per_second: f64,
    /// Training samples a second, if a step is a batch of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples_per_second: Option<f64>,
    /// The peak memory of the process by the run's end, in bytes; none if it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory: Option<u64>,
    /// What it took in processor time, energy and gCO2e, if that was measured: all parts together if the
    /// run was interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
}

impl Machine {
    /// This machine, after `steps` steps in `seconds`.
    pub fn here(steps: u64, seconds: f64) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            checksums: true,
            processor: processor(),
            threads: threads(),
            agents: 1,
            seconds,
            steps_per_second: steps as f64 / seconds,
            samples_per_second: None,
            peak_memory: peak_memory(),
            spent: None,
        }
    }

    /// Writes it into a run's folder.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let text = toml::to_string(self).map_err(|e| Error::usage(e.to_string()))?;
        write_before_another(&folder.join(MACHINE), text)
    }

    /// Reads it from a run's folder, if it is there.
    pub fn read(folder: &Path) -> Option<Self> {
        let content = read_file(&folder.join(MACHINE)).ok()?;
        toml::from_str(std::str::from_utf8(&content).ok()?).ok()
    }
}

/// The processor's name according to Linux, or else its architecture.
fn processor() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    model.unwrap_or(std::env::consts::ARCH).into()
}

/// Threads of an operation: `RAYON_NUM_THREADS`, or else one per core.
fn threads() -> usize {
    let asked = std::env::var("RAYON_NUM_THREADS").ok();
    let asked = asked.and_then(|n| n.parse().ok()).filter(|&n| n > 0);
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    asked.unwrap_or_else(cores)
}

/// The peak memory of this process, in bytes, according to Linux.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
