//! A study's results. Except for `cost.csv` and its checksum, they do not depend on which processes did the runs.

use std::{
    collections::{BTreeSet, HashSet},
    path::Path,
};

use serde::Serialize;
use settings::{Settings, Value, Words};
use sha2::{Digest, Sha256};

use super::{
    commit,
    engine::{Chosen, Study, trials},
    experiment::{Design, Run, Stage, area},
    family::Outcome,
    finished::lock_results,
    folder::{remove_if_there, study_folder},
    lock::RunLock,
    mechanism::Mechanism,
    rows::{CostRow, CurveRow, Manifest, RunRow, TuningRow},
};
use crate::{
    Error, Result,
    checksums::{CHECKSUMS, Checksum, Checksums},
    config::AsToml,
    files,
    files::{csv_text, write_whole},
    run::{Status, has_folder, remove_leftovers},
};

/// Whether each of `runs` occurred before because two outcomes chose the same trial. A run that two optimisers or
/// cells share does not count as a repetition.
fn again(runs: &[Run]) -> Vec<bool> {
    let mut seen = HashSet::new();
    let place = |run: &Run| (run.stage, run.cell, run.arm, run.trial, run.seed);
    runs.iter().map(|run| !seen.insert(place(run))).collect()
}

impl Study {
    /// Writes the results: `manifest.toml`, `experiment.toml`, `runs.csv`, `tuning.csv`, `cost.csv`,
    /// and, for the report stage only, `curves.csv` and, if its runs had diagnostics, `mechanism.csv`, and
    /// the checksums of them all. An error if a run is missing. Returns a warning for each chosen setting
    /// that is at an end of its grid.
    pub fn record(&self) -> Result<Vec<String>> {
        Ok(self.record_then(|| Ok(()))?.0)
    }

    /// [`record`](Self::record), and then `then` before another process can write results there.
    pub fn record_then<T>(&self, then: impl FnOnce() -> Result<T>) -> Result<(Vec<String>, T)> {
        study_folder(&self.out)?;
        // Two processes that finish at the same time must write one after the other.
        let _lock = lock_results(&self.runs, true)?;
        self.read_finished()?;
        let experiment = &self.experiment;
        let mut runs = self.stage(Stage::Tune)?;
        let tuning_runs = runs.len();
        let mut outcomes = self.outcomes(&runs)?;
        let chosen = match experiment.top.design {
            Design::TwoStage => {
                let chosen = self.choose(&runs, &outcomes)?;
                runs.extend(experiment.report(&trials(&chosen))?);
                outcomes.extend(self.outcomes(&runs[tuning_runs..])?);
                chosen
            }
            Design::Grid => {
                runs.extend(experiment.report(&experiment.all_trials())?);
                outcomes.extend(self.outcomes(&runs[tuning_runs..])?);
                self.choose(&runs[tuning_runs..], &outcomes[tuning_runs..])?
            }
        };

        let ids: HashSet<&str> = runs.iter().map(|run| run.job.id()).collect();
        self.finished()?.save_others(&self.out, &ids)?;

        // Half-written results must not look damaged.
        remove_if_there(&self.out.join(CHECKSUMS))?;
        let mut written = Written::new(&self.out);
        let again = again(&runs);
        let both = || {
            let all = runs.iter().zip(&outcomes).enumerate();
            all.filter(|(k, _)| !again[*k])
        };
        let report = both().filter(|(k, _)| *k >= tuning_runs);
        let curves = report.flat_map(|(_, (run, outcome))| {
            let id = run.job.id();
            let row = move |&(step, score): &(u64, f64)| CurveRow {
                id: id.into(),
                step,
                score,
            };
            outcome.curve.iter().map(row)
        });
        written.table("curves.csv", curves)?;
        self.write_mechanism(&mut written, &runs[tuning_runs..], &outcomes[tuning_runs..])?;
        self.write_cost(&mut written, &runs)?;
        // Written after the tables that serve as the record of the runs: a study that is killed in between continues
        // from them.
        let rows = both().map(|(k, (run, outcome))| self.row(k, tuning_runs, run, outcome));
        written.table("runs.csv", rows)?;
        let warnings = self.write_tuning(&mut written, &chosen)?;
        written.file("experiment.toml", &experiment.text)?;
        let diverged = |outcome: &&Outcome| outcome.status == Status::Diverged;
        let manifest = Manifest {
            experiment: experiment.name.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            program_commit: commit::of_program(),
            experiment_commit: commit::of_file(&experiment.path),
            sha256: files::hex(&Sha256::digest(&experiment.text)),
            tuning_runs,
            report_runs: both().filter(|(k, _)| *k >= tuning_runs).count(),
            diverged: both()
                .map(|(_, (_, outcome))| outcome)
                .filter(diverged)
                .count(),
        };
        let text = toml::to_string(&AsToml(&Value::Table(manifest.to_table())))
            .map_err(|e| Error::usage(e.to_string()))?;
        written.file("manifest.toml", &text)?;
        written.finish()?;
        self.clear(&ids)?;
        Ok((warnings, then()?))
    }

    /// Removes what the tables replace: the record of the runs `ids`, and what killed processes left of them.
    fn clear(&self, ids: &HashSet<&str>) -> Result<()> {
        self.finished()?.remove_files(&self.out);
        for entry in std::fs::read_dir(&self.runs)
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = entry.path();
            let id = path.file_stem().and_then(|id| id.to_str());
            if !id.is_some_and(|id| ids.contains(id)) {
                continue;
            }
            match path.extension() {
                // This is left by a killed process; the lock of a live one stays.
                Some(_) => drop(RunLock::take(&path.with_extension(""))),
                None if !has_folder(&path) => remove_leftovers(&path),
                None => {}
            }
        }
        Ok(())
    }

    fn row(&self, k: usize, tuning: usize, run: &Run, outcome: &Outcome) -> RunRow {
        let experiment = &self.experiment;
        let (cell, arm) = (&experiment.cells[run.cell], &experiment.arms[run.arm]);
        RunRow {
            stage: run.stage,
            index: if k < tuning { k } else { k - tuning },
            environment: cell.environment.clone(),
            factors: cell.factors.clone(),
            optimiser: arm.name.clone(),
            setting: cell.setting(&arm.trials[run.trial]),
            seed: run.seed,
            id: run.job.id().into(),
            status: outcome.status,
            steps: outcome.steps,
            updates: outcome.updates,
            area: area(outcome),
            last: outcome.last,
            score: experiment.top.score.first().of(outcome, cell.scale),
            solved_step: outcome.solved_step,
            optimiser_bytes_per_parameter: outcome.optimiser_bytes_per_parameter,
        }
    }

    /// Writes the diagnostics of `runs`; there is no file if none of them had diagnostics.
    fn write_mechanism(
        &self,
        written: &mut Written,
        runs: &[Run],
        outcomes: &[Outcome],
    ) -> Result<()> {
        let experiment = &self.experiment;
        let rows = runs.iter().zip(outcomes).filter_map(|(run, outcome)| {
            let (cell, arm) = (&experiment.cells[run.cell], &experiment.arms[run.arm]);
            Some(Mechanism {
                id: run.job.id().into(),
                environment: cell.environment.clone(),
                factors: cell.factors.clone(),
                optimiser: arm.name.clone(),
                seed: run.seed,
                score: experiment.top.score.first().of(outcome, cell.scale),
                ..outcome.mechanism.clone()?
            })
        });
        let rows: Vec<Mechanism> = rows.collect();
        match rows.is_empty() {
            true => remove_if_there(&self.out.join("mechanism.csv")),
            false => written.table("mechanism.csv", rows),
        }
    }

    fn write_tuning(
        &self,
        written: &mut Written,
        chosen: &[Vec<Vec<Chosen>>],
    ) -> Result<Vec<String>> {
        let experiment = &self.experiment;
        let (mut rows, mut warnings) = (Vec::new(), BTreeSet::new());
        for (cell, chosen) in experiment.cells.iter().zip(chosen) {
            for (arm, chosen) in experiment.arms.iter().zip(chosen) {
                for (outcome, chosen) in experiment.top.score.0.iter().zip(chosen) {
                    let at_edge = chosen.at_edge(&arm.trials);
                    if !at_edge.is_empty() {
                        warnings.insert(format!(
                            "{}, {}: {} is best at an end of its grid ({})",
                            cell.label(),
                            arm.name,
                            at_edge.join(" and "),
                            arm.trials[chosen.trial].spec
                        ));
                    }
                    for (i, (trial, &score)) in arm.trials.iter().zip(&chosen.scores).enumerate() {
                        rows.push(TuningRow {
                            environment: cell.environment.clone(),
                            factors: cell.factors.clone(),
                            optimiser: arm.name.clone(),
                            setting: cell.setting(trial),
                            outcome: outcome.word().into(),
                            score,
                            chosen: i == chosen.trial,
                            at_edge: trial.at_edge.join(" "),
                        });
                    }
                }
            }
        }
        written.table("tuning.csv", rows)?;
        Ok(warnings.into_iter().collect())
    }

    fn write_cost(&self, written: &mut Written, runs: &[Run]) -> Result<()> {
        let mut rows = Vec::new();
        for run in runs {
            if let Some(cost) = self.cost(run)? {
                rows.push(CostRow {
                    stage: run.stage,
                    id: run.job.id().into(),
                    seconds: cost.seconds,
                    cpu_seconds: cost.cpu_seconds,
                    joules: cost.joules,
                    source: cost.source,
                    gpu_joules: cost.gpu_joules,
                    gco2e: cost.gco2e,
                    processor: cost.processor,
                });
            }
        }
        written.table("cost.csv", rows)
    }
}

/// Files that are written into a folder, and their checksums.
struct Written<'a> {
    folder: &'a Path,
    sums: Checksums,
}

impl<'a> Written<'a> {
    fn new(folder: &'a Path) -> Self {
        let sums = Checksums::default();
        Self { folder, sums }
    }

    fn file(&mut self, name: &str, text: &str) -> Result<()> {
        self.sums.insert(name, Checksum::of(text));
        write_whole(&self.folder.join(name), text)
    }

    fn table<T: Serialize>(&mut self, name: &str, rows: impl IntoIterator<Item = T>) -> Result<()> {
        self.file(name, &csv_text(rows)?)
    }

    /// Writes the checksums.
    fn finish(self) -> Result<()> {
        write_whole(&self.folder.join(CHECKSUMS), self.sums.to_toml()?)
    }
}
