//! Where a supervised run ran, how fast, and with how much memory.

use std::{fs, num::NonZero, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    energy::Spent,
    files::write_whole,
    train::{Machine, folder::MACHINE},
};

/// Where and how fast a run ran: `machine.toml`, the only file of a run that differs from time to time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SupervisedMachine {
    /// The version of this program.
    pub version: String,
    /// The processor.
    pub processor: String,
    /// Threads that worked on a layer.
    pub threads: usize,
    /// Seconds from start to end, tests included; of the last part if it was interrupted.
    pub seconds: f64,
    /// Training samples a second, tests not included.
    pub samples_per_second: f64,
    /// The most memory the process had by the run's end, in bytes; none where it cannot be read.
    pub peak_memory: Option<u64>,
    /// What it cost in processor time, energy and gCO2e; of the last part if it was interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
}

impl SupervisedMachine {
    /// This machine, after `samples` in `training` of `seconds`.
    pub fn here(samples: u64, training: f64, seconds: f64, spent: Spent) -> Self {
        let Machine {
            version, processor, ..
        } = Machine::here(1, 0, 1.0);
        let asked = std::env::var("RAYON_NUM_THREADS").ok();
        let asked = asked.and_then(|n| n.parse().ok()).filter(|&n| n > 0);
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            version,
            processor,
            threads: asked.unwrap_or_else(cores),
            seconds,
            samples_per_second: samples as f64 / training,
            peak_memory: peak_memory(),
            spent: Some(spent),
        }
    }

    /// Writes it into a run's folder.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let text = toml::to_string(self).map_err(|e| Error::usage(e.to_string()))?;
        write_whole(&folder.join(MACHINE), text)
    }

    /// Reads it from a run's folder, if it is there.
    pub fn read(folder: &Path) -> Option<Self> {
        toml::from_str(&fs::read_to_string(folder.join(MACHINE)).ok()?).ok()
    }
}

/// The most memory this process has had, in bytes, as Linux tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
