//! A study's tables, held against its experiment.

use std::{collections::HashMap, path::Path};

use serde::de::DeserializeOwned;
use settings::Words;

use crate::{
    Error, Result,
    checksums::{Checksums, read_file},
    study::{
        experiment::{Design, Experiment, Stage},
        family::mean_score,
        rows::{CurveRow, RunRow, TuningRow},
    },
};

pub fn wrong(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::usage(format!("{}: {why}", path.display()))
}

/// The commands that write a study's results again.
const WAY_OUT: &str = "`study run` and `study collect` write a study's results";

/// The files of a study's results.
pub struct Files<'a> {
    folder: &'a Path,
    /// None if they are from before there were checksums.
    sums: Option<Checksums>,
}

impl<'a> Files<'a> {
    pub fn of(folder: &'a Path) -> Result<Self> {
        let sums = Checksums::read(folder).map_err(|error| error.mended_by(WAY_OUT))?;
        Ok(Self { folder, sums })
    }

    pub fn has(&self, file: &str) -> bool {
        match &self.sums {
            Some(sums) => sums.names().any(|name| name == file),
            None => self.folder.join(file).exists(),
        }
    }

    /// The content of `file`; an error if it is not what was written.
    pub fn text(&self, file: &str) -> Result<String> {
        let path = self.folder.join(file);
        let content = match &self.sums {
            Some(sums) => sums.read_file(self.folder, file),
            None => read_file(&path),
        };
        let content = content.map_err(|error| error.mended_by(WAY_OUT))?;
        String::from_utf8(content).map_err(|error| wrong(&path, error))
    }

    pub fn rows<T: DeserializeOwned>(&self, file: &str) -> Result<Vec<T>> {
        let (path, text) = (self.folder.join(file), self.text(file)?);
        // A study that tunes nothing has an empty tuning.csv. What has a checksum is whole.
        if self.sums.is_none() && !text.is_empty() && !text.ends_with('\n') {
            return Err(Error::damaged(&path, "its last line is cut short").mended_by(WAY_OUT));
        }
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows = reader.deserialize().collect::<csv::Result<_>>();
        rows.map_err(|error| wrong(&path, error))
    }
}

/// An error if the evaluations `curve` of `run`, in the file at `path`, do not match the run's line in `runs.csv`.
pub fn check_curve(path: &Path, run: &RunRow, curve: Option<&Vec<(u64, f64)>>) -> Result<()> {
    let Some((curve, &(_, last))) = curve.and_then(|curve| Some((curve, curve.last()?))) else {
        return Err(wrong(
            path,
            format!("run {} has no evaluation in it; {WAY_OUT}", run.id),
        ));
    };
    // Files hold numbers exactly.
    let same = |a: f64, b: f64| a == b || a.is_nan() && b.is_nan();
    for (name, found, told) in [
        ("last", last, run.last),
        ("mean", mean_score(curve), run.area),
    ] {
        if !same(found, told) {
            let id = &run.id;
            let why = format!(
                "the {name} of the evaluations of run {id} is {found}, and runs.csv has {told}"
            );
            return Err(Error::damaged(path, why).mended_by(WAY_OUT));
        }
    }
    Ok(())
}

/// For each cell, the first one with the same runs.
pub fn same_as(runs: &[Vec<Vec<Vec<RunRow>>>]) -> Vec<usize> {
    let ids: Vec<Vec<&str>> = runs
        .iter()
        .map(|cell| {
            let runs = cell.iter().flatten().flatten();
            runs.map(|run| run.id.as_str()).collect()
        })
        .collect();
    let first = |own: &Vec<&str>| ids.iter().position(|other| other == own);
    ids.iter().filter_map(first).collect()
}

/// The runs of a stage, `[cells][arms][trials][seeds]`.
pub type Arranged = Vec<Vec<Vec<Vec<RunRow>>>>;

/// The runs of the report stage and those of the tuning stage, arranged as the experiment has them.
pub fn arranged(
    experiment: &Experiment,
    chosen: &[Vec<Vec<Vec<TuningRow>>>],
    rows: Vec<RunRow>,
) -> std::result::Result<(Arranged, Arranged), String> {
    let mut found: HashMap<_, RunRow> = HashMap::new();
    for row in rows {
        if !row.score.is_finite() {
            let (id, score) = (&row.id, row.score);
            return Err(format!(
                "the score of run {id} is {score}; allowed: finite numbers"
            ));
        }
        let key = (
            row.stage,
            format!("{} {}", row.environment, row.factors),
            row.optimiser.clone(),
            row.setting.clone(),
            row.seed,
        );
        found.insert(key, row);
    }
    let take = |stage, cell: usize, arm: usize, trial: usize, seed: u64| {
        let (cell, arm) = (&experiment.cells[cell], &experiment.arms[arm]);
        let place = format!("{} {}", cell.environment, cell.factors);
        let setting = cell.setting(&arm.trials[trial]);
        let key = (stage, place, arm.name.clone(), setting.clone(), seed);
        found.get(&key).cloned().ok_or_else(|| {
            let (stage, label, name) = (stage.name(), cell.label(), &arm.name);
            format!(
                "there is no run of stage {stage} in {label} of {name} with {setting}, seed {seed}; `study run` does it and \
                 writes the table again"
            )
        })
    };
    let seeds = &experiment.top.seeds;
    let (mut judged, mut tuning) = (Vec::new(), Vec::new());
    for (c, cell) in experiment.cells.iter().enumerate() {
        let (mut by_arm, mut tuned) = (Vec::new(), Vec::new());
        for (a, arm) in experiment.arms.iter().enumerate() {
            let is_judged = |trial: usize| {
                let by_outcome = chosen[c][a].iter();
                let mut chosen = by_outcome.filter_map(|trials| trials.get(trial));
                !arm.is_tuned()
                    || experiment.top.design == Design::Grid
                    || chosen.any(|row| row.chosen)
            };
            let (mut report, mut trials) = (Vec::new(), Vec::new());
            for trial in 0..arm.trials.len() {
                let seeds_of = |stage, seeds: &[u64]| {
                    let runs = seeds.iter().map(|&seed| take(stage, c, a, trial, seed));
                    runs.collect::<std::result::Result<Vec<_>, _>>()
                };
                report.push(match is_judged(trial) {
                    true => seeds_of(Stage::Report, &cell.report_seeds)?,
                    false => Vec::new(),
                });
                if arm.is_tuned() {
                    trials.push(seeds_of(Stage::Tune, &seeds.tuning.0)?);
                }
            }
            by_arm.push(report);
            tuned.push(trials);
        }
        judged.push(by_arm);
        tuning.push(tuned);
    }
    Ok((judged, tuning))
}

pub fn trials(
    experiment: &Experiment,
    rows: Vec<TuningRow>,
) -> std::result::Result<Vec<Vec<Vec<Vec<TuningRow>>>>, String> {
    let cells = experiment.cells.iter().map(|cell| {
        let arms = experiment.arms.iter().map(|arm| {
            let outcomes = experiment.top.score.0.iter().map(|outcome| {
                let its = |row: &&TuningRow| {
                    let of_outcome = row.outcome.is_empty() || row.outcome == outcome.word();
                    row.optimiser == arm.name
                        && row.environment == cell.environment
                        && row.factors == cell.factors
                        && of_outcome
                };
                let found: Vec<TuningRow> = rows.iter().filter(its).cloned().collect();
                let chosen = found.iter().filter(|row| row.chosen).count();
                match (arm.is_tuned(), found.len(), chosen) {
                    (false, 0, _) => Ok(found),
                    (true, n, 1) if n == arm.trials.len() => Ok(found),
                    (_, n, chosen) => Err(format!(
                        "{} in {} has {n} trials by {} and {chosen} of them chosen; allowed: {} trials, one of them chosen",
                        arm.name,
                        cell.label(),
                        outcome.word(),
                        if arm.is_tuned() { arm.trials.len() } else { 0 }
                    )),
                }
            });
            outcomes.collect()
        });
        arms.collect()
    });
    cells.collect()
}

/// The evaluations of each run. A run that two arms share is in the table twice.
pub fn curves(rows: Vec<CurveRow>) -> HashMap<String, Vec<(u64, f64)>> {
    let mut curves: HashMap<String, Vec<(u64, f64)>> = HashMap::new();
    for row in rows {
        let curve = curves.entry(row.id).or_default();
        if curve.last().is_none_or(|&(step, _)| step < row.step) {
            curve.push((row.step, row.score));
        }
    }
    curves
}
