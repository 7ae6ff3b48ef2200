//! Runs side by side in tables of their own.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Serialize;

use super::SupervisedConfig;
use crate::{
    Error, Result,
    files::{write_csv, write_whole},
    run::{EpochRow, Finished, HistoryRow, Machine},
};

/// A line of a run's `history.csv` in a table of several runs.
#[derive(Serialize)]
struct LabelledHistoryRow<'a> {
    optimiser: &'a str,
    seed: u64,
    step: u64,
    epoch: u64,
    loss: f64,
    accuracy: f64,
}

/// A line of a run's `epochs.csv` in a table of several runs.
#[derive(Serialize)]
struct LabelledEpochRow<'a> {
    optimiser: &'a str,
    seed: u64,
    epoch: u64,
    step: u64,
    train_loss: f64,
    train_accuracy: f64,
    test_loss: f64,
    test_accuracy: f64,
    test_return: Option<f64>,
}

/// What made the tables.
#[derive(Serialize)]
struct ComparisonManifest {
    versions: BTreeSet<String>,
    processors: BTreeSet<String>,
    /// The whole configuration of each run, under its id.
    runs: BTreeMap<String, toml::Table>,
}

impl ComparisonManifest {
    fn of(runs: &[Finished<SupervisedConfig>]) -> Result<Self> {
        let machines: Vec<_> = runs
            .iter()
            .filter_map(|run| Machine::read(&run.path))
            .collect();
        let config = |run: &Finished<SupervisedConfig>| Ok((run.outcome.id.clone(), run.config()?));
        Ok(Self {
            versions: machines.iter().map(|m| m.version.clone()).collect(),
            processors: machines.iter().map(|m| m.processor.clone()).collect(),
            runs: runs.iter().map(config).collect::<Result<_>>()?,
        })
    }
}

/// Writes the runs' outcomes, histories and epochs into `folder`, and what made them: `runs.csv`,
/// `history.csv`, `epochs.csv`, `manifest.toml`.
pub fn write_comparison(folder: &Path, runs: &[Finished<SupervisedConfig>]) -> Result<()> {
    let (mut history, mut epochs) = (Vec::new(), Vec::new());
    for run in runs {
        let (optimiser, seed) = (run.outcome.optimiser.as_str(), run.outcome.seed);
        let line = |row: HistoryRow| LabelledHistoryRow {
            optimiser,
            seed,
            step: row.step,
            epoch: row.epoch,
            loss: row.loss,
            accuracy: row.accuracy,
        };
        history.extend(run.history()?.into_iter().map(line));
        let line = |row: EpochRow| LabelledEpochRow {
            optimiser,
            seed,
            epoch: row.epoch,
            step: row.step,
            train_loss: row.train_loss,
            train_accuracy: row.train_accuracy,
            test_loss: row.test_loss,
            test_accuracy: row.test_accuracy,
            test_return: row.test_return,
        };
        epochs.extend(run.epochs()?.into_iter().map(line));
    }
    write_csv(
        &folder.join("runs.csv"),
        runs.iter().map(|run| &run.outcome),
    )?;
    write_csv(&folder.join("history.csv"), history)?;
    write_csv(&folder.join("epochs.csv"), epochs)?;
    let manifest = toml::to_string(&ComparisonManifest::of(runs)?);
    let manifest = manifest.map_err(|error| Error::usage(error.to_string()))?;
    write_whole(&folder.join("manifest.toml"), manifest)
}
