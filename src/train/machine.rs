//! Where a run ran, and how fast.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use super::folder::MACHINE;
use crate::{Error, Result, energy::Spent, files::write_whole};

/// Where and how fast a run ran: `machine.toml`, the only file of a run that differs from time to time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The version of this program.
    pub version: String,
    /// The processor.
    pub processor: String,
    /// Agents trained side by side, this one among them.
    #[serde(default = "one")]
    pub agents: usize,
    /// Seconds from start to end, evaluations included; of the last part if it was interrupted.
    pub seconds: f64,
    /// Environment steps of training for each of them, of all agents together.
    pub steps_per_second: f64,
    /// What it cost, if that was looked at: all parts together if it was interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
}

fn one() -> usize {
    1
}

impl Machine {
    /// This machine, after `steps` of `agents` together in `seconds`.
    pub fn here(agents: usize, steps: u64, seconds: f64) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        let model = model.map(|rest| rest.trim_start_matches([' ', '\t', ':']));
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            processor: model.unwrap_or(std::env::consts::ARCH).into(),
            agents,
            seconds,
            steps_per_second: steps as f64 / seconds,
            spent: None,
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
