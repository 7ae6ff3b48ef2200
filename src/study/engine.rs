//! A study from its experiment to its results: tuning, selection, report, record.

use std::{fs::File, path::PathBuf};

use super::{
    commit::{self, UNCOMMITTED},
    experiment::{Arm, Cell, Experiment, Run, Stage},
    family::Outcome,
    finished::{Cost, FinishedRun, FinishedRuns, lock_results},
    folder::results_folder,
    pool::{self, PoolOptions},
    progress::{Progress, ProgressDisplay},
    select::select,
};
use crate::{Error, Result, numbers::count, run::Machine};

/// An experiment and the folders of its runs and its results.
pub struct Study {
    /// The experiment.
    pub experiment: Experiment,
    /// The folder for runs in progress, and for runs that are kept: `runs/<experiment>`.
    pub runs: PathBuf,
    /// The folder with the results, and with the record of finished runs: `results/<experiment>`.
    pub out: PathBuf,
    pub(super) finished: FinishedRuns,
}

/// The part of a stage's runs that one process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of them.
    All,
    /// Every `of`-th run, beginning with run number `shard`, counted from 1.
    Shard {
        /// The number of this shard, from 1.
        shard: usize,
        /// How many shards there are.
        of: usize,
    },
    /// One run, by its number from 0.
    Index(usize),
}

impl Part {
    /// Whether run number `k`, from 0, is in it.
    pub fn contains(self, k: usize) -> bool {
        match self {
            Part::All => true,
            Part::Shard { shard, of } => k % of == shard - 1,
            Part::Index(index) => k == index,
        }
    }
}

/// A trial's seeds, each with its score.
type SeedScores = Vec<(u64, f64)>;

/// What was chosen for an optimiser in a cell.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The trial.
    pub trial: usize,
    /// Each trial's score on the tuning seeds, by the experiment's selection rule; empty if there is
    /// only one trial.
    pub scores: Vec<f64>,
}

impl Study {
    /// The study of `experiment`, with its folders `runs` and `out`.
    pub fn new(experiment: Experiment, runs: PathBuf, out: PathBuf) -> Self {
        let finished = FinishedRuns::default();
        Self {
            experiment,
            runs,
            out,
            finished,
        }
    }

    /// The runs that have finished; those of other processes are as they were when they were looked for.
    pub(super) fn finished(&self) -> Result<&FinishedRuns> {
        if !self.finished.was_read() {
            self.look()?;
        }
        Ok(&self.finished)
    }

    /// Looks for runs that other processes have finished.
    pub(super) fn look(&self) -> Result<()> {
        let _lock: Option<File> = lock_results(&self.runs, false)?;
        self.finished.read(&self.out)
    }

    /// A warning if the experiment's file is not committed, where git knows it.
    pub fn uncommitted(&self) -> Option<String> {
        let path = &self.experiment.path;
        let uncommitted = commit::of_file(path).is_some_and(|commit| commit == UNCOMMITTED);
        uncommitted.then(|| {
            format!(
                "{} is not committed: later nothing will show that it was written before its results",
                path.display()
            )
        })
    }

    /// What was found damaged in the record of finished runs, once.
    pub fn take_warnings(&self) -> Vec<String> {
        self.finished.take_warnings()
    }

    /// The run, if the record says that it has finished.
    pub(super) fn recorded(&self, run: &Run) -> Result<Option<FinishedRun>> {
        let whole = run.stage == Stage::Report;
        Ok(self.finished()?.get(run.job.id(), whole))
    }

    /// Whether [`recorded`](Self::recorded) has the run.
    pub(super) fn is_recorded(&self, run: &Run) -> Result<bool> {
        let whole = run.stage == Stage::Report;
        Ok(self.finished()?.has(run.job.id(), whole))
    }

    /// The runs of a stage. The report stage is known only when all runs of the tuning stage are done.
    pub fn stage(&self, stage: Stage) -> Result<Vec<Run>> {
        match stage {
            Stage::Tune => self.experiment.tuning(),
            Stage::Report => {
                let runs = self.experiment.tuning()?;
                let chosen = self.choose(&runs, &self.outcomes(&runs)?)?;
                self.report_runs(&chosen)
            }
        }
    }

    /// The runs of the report stage, of the trials that [`choose`](Self::choose) chose.
    pub(super) fn report_runs(&self, chosen: &[Vec<Chosen>]) -> Result<Vec<Run>> {
        let trials = chosen
            .iter()
            .map(|cell| cell.iter().map(|c| c.trial).collect());
        self.experiment.report(&trials.collect::<Vec<_>>())
    }

    /// Does the runs in `part` of `stage`, except those that are done already.
    pub fn run(
        &self,
        stage: Stage,
        part: Part,
        options: &PoolOptions,
        display: &dyn ProgressDisplay,
    ) -> Result<()> {
        let runs = self.stage(stage)?;
        if let Part::Index(k) = part
            && k >= runs.len()
        {
            return Err(Error::usage(format!(
                "there is no run {k} in stage {}; allowed: 0 to {}",
                stage.name(),
                runs.len().saturating_sub(1)
            )));
        }
        let wanted = runs.iter().enumerate().filter(|(k, _)| part.contains(*k));
        let wanted: Vec<&Run> = wanted.map(|(_, run)| run).collect();
        results_folder(&self.out)?;
        let progress = Progress::new(&wanted, display);
        pool::run(&wanted, self, options, &progress)
    }

    /// The outcome of a run; `None` if the run is not done. [`Error::Damaged`] if a file that says so is damaged.
    pub fn outcome(&self, run: &Run) -> Result<Option<Outcome>> {
        if let Some(found) = self.recorded(run)? {
            return Ok(Some(found.outcome));
        }
        let outcome = run.job.outcome(&self.runs.join(run.job.id()));
        outcome.map_err(|error| error.mended_by(self.does_again()))
    }

    /// Whether a run is done, and what says so is whole.
    pub fn is_done(&self, run: &Run) -> Result<bool> {
        if self.is_recorded(run)? {
            return Ok(true);
        }
        match self.outcome(run) {
            Err(Error::Damaged(_)) => Ok(false),
            other => Ok(other?.is_some()),
        }
    }

    /// What a run cost, if that is known.
    pub(super) fn cost(&self, run: &Run) -> Result<Option<Cost>> {
        Ok(match self.recorded(run)? {
            Some(found) => found.cost,
            None => Machine::read(&self.runs.join(run.job.id())).map(Cost::from),
        })
    }

    /// What does a damaged run again.
    fn does_again(&self) -> String {
        let experiment = self.experiment.path.display();
        format!("`study run {experiment}` does this run again")
    }

    /// The outcomes of `runs`; an error if any of them is not done.
    pub fn outcomes(&self, runs: &[Run]) -> Result<Vec<Outcome>> {
        let found = runs
            .iter()
            .map(|run| self.outcome(run))
            .collect::<Result<Vec<_>>>()?;
        let missing = found.iter().filter(|outcome| outcome.is_none()).count();
        if missing > 0 {
            let stage = runs.first().map_or("", |run| run.stage.name());
            return Err(Error::usage(format!(
                "{missing} of {} of stage {stage} {} not done; study run {} --stage {stage}",
                count(runs.len(), "run"),
                if missing == 1 { "is" } else { "are" },
                self.experiment.path.display()
            )));
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// For each cell and each optimiser, the trial that the experiment's rule chooses. `runs` are all runs of the
    /// tuning stage, and `outcomes` their outcomes.
    pub fn choose(&self, runs: &[Run], outcomes: &[Outcome]) -> Result<Vec<Vec<Chosen>>> {
        let experiment = &self.experiment;
        let none = |arm: &Arm| vec![Vec::new(); arm.trials.len()];
        let each = || experiment.arms.iter().map(none).collect::<Vec<_>>();
        let mut scores: Vec<Vec<Vec<SeedScores>>> =
            experiment.cells.iter().map(|_| each()).collect();
        for (run, outcome) in runs.iter().zip(outcomes) {
            let scale = experiment.cells[run.cell].scale;
            let score = experiment.top.score.of(outcome, scale);
            scores[run.cell][run.arm][run.trial].push((run.seed, score));
        }
        let choose = |cell: &Cell, trials: Vec<SeedScores>| {
            if trials.len() == 1 {
                return Ok(Chosen {
                    trial: 0,
                    scores: Vec::new(),
                });
            }
            let (trial, scores) = select(experiment.top.selection, &cell.label(), &trials)?;
            Ok(Chosen { trial, scores })
        };
        let cells = experiment.cells.iter().zip(scores);
        cells
            .map(|(cell, arms)| arms.into_iter().map(|arm| choose(cell, arm)).collect())
            .collect()
    }
}
