//! Reads a study's tables and checks them against its experiment.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::de::DeserializeOwned;
use settings::{Settings, Words};
use sha2::{Digest, Sha256};
use stats::{Scores, Tuned};

use super::names::names;
use crate::{
    Error, Result,
    checksums::{Checksums, read_file},
    config::Document,
    files,
    run::Status,
    study::{
        experiment::{Design, Experiment, Score, Stage, mean_score},
        mechanism::Mechanism,
        rows::{CostRow, CurveRow, Manifest, RunRow, TuningRow},
    },
};

/// The complete results of a study.
pub struct Results {
    /// The experiment as it was run.
    pub experiment: Experiment,
    pub manifest: Manifest,
    /// `[cells][arms][trials][report seeds]`; a trial that did not get the report seeds has no runs.
    pub judged: Vec<Vec<Vec<Vec<RunRow>>>>,
    /// `[cells][arms][trials][tuning seeds]`; there are no trials if there was nothing to choose.
    pub tuning: Vec<Vec<Vec<Vec<RunRow>>>>,
    /// `[cells][arms][outcomes][trials]`, likewise.
    pub trials: Vec<Vec<Vec<Vec<TuningRow>>>>,
    /// The evaluations of each run of the report stage.
    pub curves: HashMap<String, Vec<(u64, f64)>>,
    /// The cost of runs, if it is known.
    pub costs: BTreeMap<(Stage, String), CostRow>,
    /// The diagnostics of runs of the report stage, by run.
    pub mechanism: HashMap<String, Mechanism>,
    /// The name of each cell in figures and tables.
    pub names: Vec<String>,
    /// For each cell, the first cell that has the same runs. That is the cell itself, unless an earlier
    /// cell is the same under another name.
    pub same_as: Vec<usize>,
    seed: [u8; 32],
}

impl Results {
    /// Reads the results in `folder`; an error says which file is missing or wrong, and how.
    pub fn read(folder: &Path) -> Result<Self> {
        let files = Files::of(folder)?;
        let manifest = folder.join("manifest.toml");
        let text = files.text("manifest.toml")?;
        let manifest = Document::parse(&text)
            .and_then(|file| Manifest::from_table(&file.table).map_err(|e| file.explain(e)))
            .map_err(|error| wrong(&manifest, error.to_string()))?;
        let path = folder.join("experiment.toml");
        files.text("experiment.toml")?;
        let mut experiment = Experiment::read(&path)?;
        experiment.name = manifest.experiment.clone();
        let digest = Sha256::digest(&experiment.text);
        if files::hex(&digest) != manifest.sha256 {
            let why =
                "it is not the experiment that was run: its sha256 is not the one in manifest.toml";
            return Err(wrong(&path, why));
        }
        let path = folder.join("tuning.csv");
        let rows = files.rows("tuning.csv")?;
        let trials = trials(&experiment, rows).map_err(|why| wrong(&path, why))?;
        let path = folder.join("runs.csv");
        let rows: Vec<RunRow> = files.rows("runs.csv")?;
        let arranged = arranged(&experiment, &trials, rows);
        let (judged, tuning) = arranged.map_err(|why| wrong(&path, why))?;
        let curves = curves(files.rows("curves.csv")?);
        for run in judged.iter().flatten().flatten().flatten() {
            check_curve(&folder.join("curves.csv"), run, curves.get(&run.id))?;
        }
        let mechanism: Vec<Mechanism> = match files.has("mechanism.csv") {
            true => files.rows("mechanism.csv")?,
            false => Vec::new(),
        };
        let mechanism = mechanism.into_iter().map(|row| (row.id.clone(), row));
        let costs: Vec<CostRow> = files.rows("cost.csv")?;
        let costs = costs
            .into_iter()
            .map(|row| ((row.stage, row.id.clone()), row));
        Ok(Self {
            costs: costs.collect(),
            mechanism: mechanism.collect(),
            names: names(&experiment),
            same_as: same_as(&judged),
            seed: digest.into(),
            experiment,
            manifest,
            judged,
            tuning,
            trials,
            curves,
        })
    }

    /// The same results with generators that depend on `what` and not on the experiment.
    pub fn seeded_by(self, what: &str) -> Self {
        let seed = Sha256::digest(what).into();
        Self { seed, ..self }
    }

    /// The generator for `what`. It depends only on the experiment and on `what`, not on what else is
    /// computed.
    pub fn rng(&self, what: &str) -> ChaCha8Rng {
        let digest = Sha256::new().chain_update(self.seed).chain_update(what);
        ChaCha8Rng::from_seed(digest.finalize().into())
    }

    /// The outcomes by which runs are judged; the first is used where there is room for only one.
    pub fn outcomes(&self) -> &[Score] {
        &self.experiment.top.score.0
    }

    /// The trial of an arm that is best in a cell by `outcome`.
    pub fn chosen(&self, outcome: Score, cell: usize, arm: usize) -> usize {
        let place = self.outcomes().iter().position(|one| *one == outcome);
        let trials = &self.trials[cell][arm][place.unwrap_or_default()];
        let chosen = trials.iter().position(|trial| trial.chosen);
        chosen.unwrap_or_default()
    }

    /// The runs of an arm's best trial in a cell, one for each report seed.
    pub fn runs(&self, outcome: Score, cell: usize, arm: usize) -> &[RunRow] {
        &self.judged[cell][arm][self.chosen(outcome, cell, arm)]
    }

    /// Every run of the report stage.
    pub fn all_runs(&self, cell: usize, arm: usize) -> impl Iterator<Item = &RunRow> {
        self.judged[cell][arm].iter().flatten()
    }

    /// The normalised score of a run.
    pub fn score(&self, outcome: Score, cell: usize, run: &RunRow) -> f64 {
        let raw = match outcome {
            Score::Area => run.area,
            Score::Final => run.last,
        };
        self.experiment.cells[cell].scale.normalised(raw)
    }

    /// The scores of an arm in `cells`, which are the tasks, on the seeds that all of them have: an
    /// environment with more runs would have more weight in an interquartile mean. Cells with the same
    /// runs count once. The grid design has the scores of every trial, from which the statistics choose;
    /// otherwise there are only those of the chosen trial. An error if there are no scores.
    pub fn scores(&self, outcome: Score, arm: usize, cells: &[usize]) -> Result<Tuned> {
        let cells = self.distinct(cells);
        let common = self.common_seeds(&cells);
        // For each cell, its trials in the order in which they are preferred.
        let order = |&cell: &usize| match self.experiment.top.design {
            Design::TwoStage => vec![self.chosen(outcome, cell, arm)],
            Design::Grid => {
                let diverged = self.judged[cell][arm].iter().map(|runs| diverged(runs));
                let diverged: Vec<usize> = diverged.collect();
                self.experiment.arms[arm].preferred(&diverged)
            }
        };
        let orders: Vec<Vec<usize>> = cells.iter().map(order).collect();
        let settings = orders.first().map_or(0, Vec::len);
        let setting = |place: usize| {
            let of = |(&cell, order): (&usize, &Vec<usize>)| {
                let label = self.experiment.cells[cell].label();
                let runs = self.judged[cell][arm][order[place]].iter();
                let runs = runs.filter(|run| common.contains(&run.seed));
                let row =
                    move |run: &RunRow| (label.clone(), run.seed, self.score(outcome, cell, run));
                runs.map(row).collect::<Vec<_>>()
            };
            Ok(Scores::new(cells.iter().zip(&orders).flat_map(of))?)
        };
        Ok(Tuned::new(
            (0..settings).map(setting).collect::<Result<_>>()?,
        )?)
    }

    /// The report seeds that all of `cells` have.
    pub fn common_seeds(&self, cells: &[usize]) -> Vec<u64> {
        let seeds = |&cell: &usize| &self.experiment.cells[cell].report_seeds;
        let (Some(first), rest) = (cells.first(), cells.get(1..).unwrap_or_default()) else {
            return Vec::new();
        };
        let everywhere = |seed: &&u64| rest.iter().all(|cell| seeds(cell).contains(seed));
        seeds(first).iter().filter(everywhere).copied().collect()
    }

    /// `cells` without those with the same runs as an earlier cell.
    pub fn distinct(&self, cells: &[usize]) -> Vec<usize> {
        let mut seen = BTreeSet::new();
        let first = |cell: &&usize| seen.insert(self.same_as[**cell]);
        cells.iter().filter(first).copied().collect()
    }

    /// The number of every cell.
    pub fn cells(&self) -> Vec<usize> {
        (0..self.experiment.cells.len()).collect()
    }

    /// The number of the arm called `name`, which the experiment has.
    pub fn arm(&self, name: &str) -> usize {
        self.experiment.arm(name)
    }

    /// How many runs of an arm's best trial in a cell diverged.
    pub fn diverged(&self, outcome: Score, cell: usize, arm: usize) -> usize {
        diverged(self.runs(outcome, cell, arm))
    }
}

fn diverged(runs: &[RunRow]) -> usize {
    let diverged = |run: &&RunRow| run.status == Status::Diverged;
    runs.iter().filter(diverged).count()
}

fn wrong(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::usage(format!("{}: {why}", path.display()))
}

/// The commands that write a study's results again.
const WAY_OUT: &str = "`study run` and `study collect` write a study's results";

/// The files of a study's results.
struct Files<'a> {
    folder: &'a Path,
    /// None if they are from before there were checksums.
    sums: Option<Checksums>,
}

impl<'a> Files<'a> {
    fn of(folder: &'a Path) -> Result<Self> {
        let sums = Checksums::read(folder).map_err(|error| error.mended_by(WAY_OUT))?;
        Ok(Self { folder, sums })
    }

    fn has(&self, file: &str) -> bool {
        match &self.sums {
            Some(sums) => sums.names().any(|name| name == file),
            None => self.folder.join(file).exists(),
        }
    }

    /// The content of `file`; an error if it is not what was written.
    fn text(&self, file: &str) -> Result<String> {
        let path = self.folder.join(file);
        let content = match &self.sums {
            Some(sums) => sums.read_file(self.folder, file),
            None => read_file(&path),
        };
        let content = content.map_err(|error| error.mended_by(WAY_OUT))?;
        String::from_utf8(content).map_err(|error| wrong(&path, error))
    }

    fn rows<T: DeserializeOwned>(&self, file: &str) -> Result<Vec<T>> {
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
fn check_curve(path: &Path, run: &RunRow, curve: Option<&Vec<(u64, f64)>>) -> Result<()> {
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
fn same_as(runs: &[Vec<Vec<Vec<RunRow>>>]) -> Vec<usize> {
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
type Arranged = Vec<Vec<Vec<Vec<RunRow>>>>;

/// The runs of the report stage and those of the tuning stage, arranged as the experiment has them.
fn arranged(
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

fn trials(
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
fn curves(rows: Vec<CurveRow>) -> HashMap<String, Vec<(u64, f64)>> {
    let mut curves: HashMap<String, Vec<(u64, f64)>> = HashMap::new();
    for row in rows {
        let curve = curves.entry(row.id).or_default();
        if curve.last().is_none_or(|&(step, _)| step < row.step) {
            curve.push((row.step, row.score));
        }
    }
    curves
}

/// The folder with the results of the experiment `asked`: a folder, a TOML file or an experiment's
/// name.
pub fn folder(asked: &Path, out: Option<&Path>) -> PathBuf {
    match out {
        Some(out) => out.to_path_buf(),
        None if asked.join("manifest.toml").exists() => asked.to_path_buf(),
        None => Path::new("results").join(files::toml_name(asked)),
    }
}
