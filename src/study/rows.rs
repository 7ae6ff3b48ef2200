//! The lines of a study's tables, which are written when its runs are done and read for its report.

use serde::{Deserialize, Serialize};
use settings::settings;

use super::experiment::Stage;
use crate::{energy::Source, run::Status};

/// A run: a line of `runs.csv`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunRow {
    pub stage: Stage,
    /// Its number in its stage, from 0.
    pub index: usize,
    pub environment: String,
    pub factors: String,
    pub optimiser: String,
    pub setting: String,
    pub seed: u64,
    pub id: String,
    pub status: Status,
    pub steps: u64,
    pub updates: u64,
    /// The mean of its evaluations.
    pub area: f64,
    /// Its last evaluation.
    pub last: f64,
    /// The experiment's score, normalised.
    pub score: f64,
    pub solved_step: Option<u64>,
    pub optimiser_bytes_per_parameter: f64,
}

/// An evaluation of a run of the report stage: a line of `curves.csv`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CurveRow {
    pub id: String,
    pub step: u64,
    pub score: f64,
}

/// A trial by one outcome: a line of `tuning.csv`. Its score is that on the tuning seeds, or on the report seeds in the
/// grid design.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TuningRow {
    pub environment: String,
    pub factors: String,
    pub optimiser: String,
    pub setting: String,
    /// The outcome of the score; empty in tables from before there were several outcomes.
    #[serde(default)]
    pub outcome: String,
    pub score: f64,
    pub chosen: bool,
    /// The hyper-parameters that are at an end of their grid, separated by blanks.
    pub at_edge: String,
}

/// What a run cost: a line of `cost.csv`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CostRow {
    pub stage: Stage,
    pub id: String,
    pub seconds: f64,
    pub cpu_seconds: Option<f64>,
    pub joules: Option<f64>,
    pub source: Option<Source>,
    pub gpu_joules: Option<f64>,
    pub gco2e: Option<f64>,
    pub processor: String,
}

settings! {
    /// What was run: `manifest.toml`.
    pub table Manifest {
        /// The experiment's name
        experiment: String;
        /// The version of this program
        version: String;
        /// The commit of this program's source, if git knows it
        program_commit: Option<String> = None;
        /// The last commit that changed the experiment's file, or `uncommitted`, if git knows it
        experiment_commit: Option<String> = None;
        /// The hash of `experiment.toml`, the experiment as it was run
        sha256: String;
        /// The runs of the tuning stage
        tuning_runs: usize;
        /// The runs of the report stage
        report_runs: usize;
        /// The number of runs that diverged
        diverged: usize;
    }
}
