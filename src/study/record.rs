//! A study's results: the same bytes whoever did its runs, but for `cost.csv`.

use std::fs::File;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    energy::Source,
    engine::Study,
    experiment::{Run, Stage, area},
    kind::Outcome,
};
use crate::{
    Error, Result, files,
    files::{write_csv, write_whole},
    train::{Machine, Status},
};

/// A run: a line of `runs.csv`.
#[derive(Serialize)]
struct RunRow<'a> {
    stage: &'static str,
    /// Its number in its stage.
    index: usize,
    environment: &'a str,
    factors: &'a str,
    optimiser: &'a str,
    setting: String,
    seed: u64,
    id: &'a str,
    status: Status,
    steps: u64,
    updates: u64,
    /// The mean of its evaluations.
    area: f64,
    /// The last one.
    last: f64,
    /// The experiment's score, normalised.
    score: f64,
    solved_step: Option<u64>,
    optimiser_bytes_per_parameter: f64,
}

/// An evaluation of a run of the report stage: a line of `curves.csv`.
#[derive(Serialize)]
struct CurveRow<'a> {
    id: &'a str,
    step: u64,
    score: f64,
}

/// A trial of the tuning stage: a line of `tuning.csv`.
#[derive(Serialize)]
struct TuningRow<'a> {
    environment: &'a str,
    factors: &'a str,
    optimiser: &'a str,
    setting: String,
    score: f64,
    chosen: bool,
    /// Hyper-parameters at an end of their values, separated by blanks.
    at_edge: String,
}

/// What a run cost: a line of `cost.csv`.
#[derive(Serialize)]
struct CostRow<'a> {
    stage: &'static str,
    id: &'a str,
    seconds: f64,
    cpu_seconds: Option<f64>,
    joules: Option<f64>,
    source: Option<Source>,
    gpu_joules: Option<f64>,
    gco2e: Option<f64>,
    processor: String,
}

/// What the results are of: `manifest.toml`.
#[derive(Serialize)]
struct Manifest<'a> {
    experiment: &'a str,
    version: &'static str,
    /// Of `experiment.toml`, the experiment as it was run.
    sha256: String,
    tuning_runs: usize,
    report_runs: usize,
    diverged: usize,
}

impl Study {
    /// Writes `manifest.toml`, `experiment.toml`, `runs.csv`, `curves.csv`, `tuning.csv` and `cost.csv`; an
    /// error if a run is missing. Says which chosen settings are at an end of their grids.
    pub fn record(&self) -> Result<Vec<String>> {
        let experiment = &self.experiment;
        let mut runs = self.stage(Stage::Tune)?;
        let tuning_runs = runs.len();
        runs.extend(self.stage(Stage::Report)?);
        let mut outcomes = self.outcomes(&runs[..tuning_runs])?;
        outcomes.extend(self.outcomes(&runs[tuning_runs..])?);

        super::folder(&self.out)?;
        // Two that come to an end together write one after the other.
        let guard = self.runs.join(".lock");
        let lock = File::create(&guard).map_err(|e| Error::io("cannot write", &guard, e))?;
        // Where locks are not supported, there is none.
        let _ = lock.lock();

        let both = || runs.iter().zip(&outcomes).enumerate();
        let rows = both().map(|(k, (run, outcome))| self.row(k, tuning_runs, run, outcome));
        write_csv(&self.out.join("runs.csv"), rows)?;
        let report = both().skip(tuning_runs);
        let curves = report.flat_map(|(_, (run, outcome))| {
            let id = run.job.id();
            let row = move |&(step, score): &(u64, f64)| CurveRow { id, step, score };
            outcome.curve.iter().map(row)
        });
        write_csv(&self.out.join("curves.csv"), curves)?;
        let warnings = self.write_tuning()?;
        self.write_cost(&runs)?;
        write_whole(&self.out.join("experiment.toml"), &experiment.text)?;
        let diverged = |outcome: &&Outcome| outcome.status == Status::Diverged;
        let manifest = Manifest {
            experiment: &experiment.name,
            version: env!("CARGO_PKG_VERSION"),
            sha256: files::hex(&Sha256::digest(&experiment.text)),
            tuning_runs,
            report_runs: runs.len() - tuning_runs,
            diverged: outcomes.iter().filter(diverged).count(),
        };
        let text = toml::to_string(&manifest).map_err(|e| Error::usage(e.to_string()))?;
        write_whole(&self.out.join("manifest.toml"), text)?;
        Ok(warnings)
    }

    fn row<'a>(&'a self, k: usize, tuning: usize, run: &'a Run, outcome: &Outcome) -> RunRow<'a> {
        let experiment = &self.experiment;
        let (cell, arm) = (&experiment.cells[run.cell], &experiment.arms[run.arm]);
        RunRow {
            stage: run.stage.name(),
            index: if k < tuning { k } else { k - tuning },
            environment: &cell.environment,
            factors: &cell.factors,
            optimiser: &arm.name,
            setting: cell.setting(&arm.trials[run.trial]),
            seed: run.seed,
            id: run.job.id(),
            status: outcome.status,
            steps: outcome.steps,
            updates: outcome.updates,
            area: area(outcome),
            last: outcome.last,
            score: experiment.top.score.of(outcome, cell.scale),
            solved_step: outcome.solved_step,
            optimiser_bytes_per_parameter: outcome.optimiser_bytes_per_parameter,
        }
    }

    fn write_tuning(&self) -> Result<Vec<String>> {
        let experiment = &self.experiment;
        let (mut rows, mut warnings) = (Vec::new(), Vec::new());
        for (cell, chosen) in experiment.cells.iter().zip(self.choose()?) {
            for (arm, chosen) in experiment.arms.iter().zip(chosen) {
                for (i, (trial, &score)) in arm.trials.iter().zip(&chosen.scores).enumerate() {
                    if i == chosen.trial && !trial.at_edge.is_empty() {
                        warnings.push(format!(
                            "{}, {}: {} is best at an end of its grid ({})",
                            cell.label(),
                            arm.name,
                            trial.at_edge.join(" and "),
                            trial.spec
                        ));
                    }
                    rows.push(TuningRow {
                        environment: &cell.environment,
                        factors: &cell.factors,
                        optimiser: &arm.name,
                        setting: cell.setting(trial),
                        score,
                        chosen: i == chosen.trial,
                        at_edge: trial.at_edge.join(" "),
                    });
                }
            }
        }
        write_csv(&self.out.join("tuning.csv"), rows)?;
        Ok(warnings)
    }

    fn write_cost(&self, runs: &[Run]) -> Result<()> {
        let rows = runs.iter().filter_map(|run| {
            let machine = Machine::read(&self.runs.join(run.job.id()))?;
            Some(CostRow {
                stage: run.stage.name(),
                id: run.job.id(),
                seconds: machine.seconds,
                cpu_seconds: machine.spent.map(|spent| spent.cpu_seconds),
                joules: machine.spent.map(|spent| spent.joules),
                source: machine.spent.map(|spent| spent.source),
                gpu_joules: machine.spent.and_then(|spent| spent.gpu_joules),
                gco2e: machine.spent.map(|spent| spent.gco2e),
                processor: machine.processor,
            })
        });
        write_csv(&self.out.join("cost.csv"), rows)
    }
}
