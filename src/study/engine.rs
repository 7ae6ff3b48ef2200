//! A study from its experiment to its results: tuning, choice, report, record.

use std::path::PathBuf;

use super::{
    experiment::{Arm, Cell, Experiment, Run, Stage},
    kind::Outcome,
    pool::{self, Settings},
    progress::{Progress, Show},
    select::select,
};
use crate::{Error, Result};

/// An experiment and where its runs and its results are.
pub struct Study {
    /// The experiment.
    pub experiment: Experiment,
    /// Where each run has its folder: `runs/<experiment>`.
    pub runs: PathBuf,
    /// Where the results are: `results/<experiment>`.
    pub out: PathBuf,
}

/// Which runs of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of them.
    All,
    /// Every `of`-th, from number `shard` on, which counts from 1.
    Shard {
        /// Which part.
        shard: usize,
        /// How many parts there are.
        of: usize,
    },
    /// Run number k, from 0.
    Index(usize),
}

impl Part {
    /// Whether run number `k` is in it.
    pub fn has(self, k: usize) -> bool {
        match self {
            Part::All => true,
            Part::Shard { shard, of } => k % of == shard - 1,
            Part::Index(index) => k == index,
        }
    }
}

/// A trial's scores, by seed.
type Scored = Vec<(u64, f64)>;

/// What was chosen for an optimiser in a cell.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The trial.
    pub trial: usize,
    /// Each trial's score on the tuning seeds, by the experiment's rule of choice; empty if there was nothing to choose.
    pub scores: Vec<f64>,
}

impl Study {
    /// The runs of a stage. Those of the report stage need all tuning to be done.
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

    /// The runs of the report stage, with what [`choose`](Self::choose) chose.
    pub(super) fn report_runs(&self, chosen: &[Vec<Chosen>]) -> Result<Vec<Run>> {
        let trials = chosen
            .iter()
            .map(|cell| cell.iter().map(|c| c.trial).collect());
        self.experiment.report(&trials.collect::<Vec<_>>())
    }

    /// Does `part` of the runs of `stage` that are not done.
    pub fn run(
        &self,
        stage: Stage,
        part: Part,
        settings: &Settings,
        show: &dyn Show,
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
        let wanted = runs.iter().enumerate().filter(|(k, _)| part.has(*k));
        let wanted: Vec<&Run> = wanted.map(|(_, run)| run).collect();
        let progress = Progress::new(&wanted, show);
        pool::run(&wanted, &self.runs, settings, &progress)
    }

    /// What came of a run; `None` if it is not done.
    pub fn outcome(&self, run: &Run) -> Result<Option<Outcome>> {
        run.job.outcome(&self.runs.join(run.job.id()))
    }

    /// What came of all of `runs`; an error if any is not done.
    pub fn outcomes(&self, runs: &[Run]) -> Result<Vec<Outcome>> {
        let found = runs
            .iter()
            .map(|run| self.outcome(run))
            .collect::<Result<Vec<_>>>()?;
        let missing = found.iter().filter(|outcome| outcome.is_none()).count();
        if missing > 0 {
            let stage = runs.first().map_or("", |run| run.stage.name());
            return Err(Error::usage(format!(
                "{missing} of {} runs of stage {stage} are not done; study run {} --stage {stage}",
                runs.len(),
                self.experiment.path.display()
            )));
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// For each cell and each optimiser, the trial that the experiment's rule chooses: `runs` are all those of
    /// the tuning stage, and `outcomes` what came of them.
    pub fn choose(&self, runs: &[Run], outcomes: &[Outcome]) -> Result<Vec<Vec<Chosen>>> {
        let experiment = &self.experiment;
        let none = |arm: &Arm| vec![Vec::new(); arm.trials.len()];
        let each = || experiment.arms.iter().map(none).collect::<Vec<_>>();
        let mut scores: Vec<Vec<Vec<Scored>>> = experiment.cells.iter().map(|_| each()).collect();
        for (run, outcome) in runs.iter().zip(outcomes) {
            let scale = experiment.cells[run.cell].scale;
            let score = experiment.top.score.of(outcome, scale);
            scores[run.cell][run.arm][run.trial].push((run.seed, score));
        }
        let choose = |cell: &Cell, trials: Vec<Scored>| {
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
