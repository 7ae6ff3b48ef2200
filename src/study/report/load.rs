//! Reads a study's tables and checks them against its experiment.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use settings::Settings;
use sha2::{Digest, Sha256};
use stats::{Scores, Tuned};

use super::{
    names::names,
    tables::{Files, arranged, check_curve, curves, same_as, trials, wrong},
    verdict::FEWEST_FOR_INFERENCE,
};
use crate::{
    Result,
    config::TomlDocument,
    files,
    run::Status,
    study::{
        experiment::{Design, Experiment, Score, Stage},
        mechanism::Mechanism,
        rows::{CostRow, Manifest, RunRow, TuningRow},
        select::is_best,
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
        let manifest = folder.join("manifest.toml");
        let why = match (folder.is_dir(), folder.join("rows").is_dir()) {
            (false, _) => Some("there is no such folder; `study run` makes a study's results"),
            (_, true) if !manifest.exists() => {
                Some("this study is not finished; `study run` continues it")
            }
            _ => None,
        };
        if let Some(why) = why {
            return Err(wrong(folder, why));
        }
        let files = Files::of(folder)?;
        let text = files.text("manifest.toml")?;
        let manifest = TomlDocument::parse(&text)
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
        let mut trials = self.tuned(outcome, cell, arm).iter();
        let chosen = trials.position(|trial| trial.chosen);
        chosen.unwrap_or_default()
    }

    /// The keys, one after another, whose values are at an end of their grids in the best trial of an arm in a cell; none if
    /// no trial is best.
    pub fn at_edge(&self, outcome: Score, cell: usize, arm: usize) -> &str {
        let trials = self.tuned(outcome, cell, arm);
        let best = trials.iter().find(|trial| trial.chosen);
        let stands_out =
            |best: &&TuningRow| is_best(best.score, trials.iter().map(|trial| trial.score));
        best.filter(stands_out).map_or("", |best| &best.at_edge)
    }

    /// The trials of an arm in a cell as `outcome` judges them; none if there was nothing to choose.
    pub fn tuned(&self, outcome: Score, cell: usize, arm: usize) -> &[TuningRow] {
        let place = self.outcomes().iter().position(|one| *one == outcome);
        &self.trials[cell][arm][place.unwrap_or_default()]
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

    /// Whether some cell has enough report seeds for an interval.
    pub fn has_intervals(&self) -> bool {
        let mut cells = self.experiment.cells.iter();
        cells.any(|cell| cell.report_seeds.len() >= FEWEST_FOR_INFERENCE)
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
