//! A study from its experiment to its results: tuning, selection, report, record.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use settings::Value;

use super::{
    commit::{self, UNCOMMITTED},
    experiment::{Arm, Design, Experiment, Run, Score, Stage, Trial},
    family::Outcome,
    finished::{Cost, FinishedRun, FinishedRuns, lock_results},
    select::{is_best, select},
};
use crate::{
    Error, Result,
    config::TomlDocument,
    numbers::count,
    run::{Machine, Status},
};

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

/// A trial's seeds, each with its score.
type SeedScores = Vec<(u64, f64)>;

/// A trial's seeds, each with its outcome.
type SeedOutcomes<'a> = Vec<(u64, &'a Outcome)>;

/// What was chosen for an optimiser in a cell by one outcome.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The trial.
    pub trial: usize,
    /// Each trial's score by the experiment's selection rule; empty if there is only one trial.
    pub scores: Vec<f64>,
}

impl Chosen {
    /// The keys whose values are at an end of their grids in the best of `trials`; none if no trial is best.
    pub fn at_edge<'a>(&self, trials: &'a [Trial]) -> &'a [String] {
        let score = self.scores.get(self.trial);
        let best = score.is_some_and(|&score| is_best(score, self.scores.iter().copied()));
        match trials.get(self.trial) {
            Some(trial) if best => &trial.at_edge,
            _ => &[],
        }
    }
}

/// What was chosen in a cell: for each optimiser, by each outcome.
type ChosenInCell = Vec<Vec<Chosen>>;

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

    /// The finished runs; those of other processes as of the last look.
    pub(super) fn finished(&self) -> Result<&FinishedRuns> {
        if !self.finished.was_read() {
            self.look()?;
        }
        Ok(&self.finished)
    }

    /// Looks for runs that other processes have finished.
    pub(super) fn look(&self) -> Result<()> {
        let _lock: Option<File> = lock_results(&self.runs, false)?;
        self.read_finished()
    }

    /// Reads which runs are finished, while the results are locked.
    pub(super) fn read_finished(&self) -> Result<()> {
        self.check_folder()?;
        self.finished.read(&self.out)
    }

    /// An error if the results in the folder are another experiment's, which this study's would replace.
    fn check_folder(&self) -> Result<()> {
        let text = std::fs::read_to_string(self.out.join("manifest.toml")).unwrap_or_default();
        // What is wrong with a manifest is said where it is needed.
        let table = TomlDocument::parse(&text).map(|file| file.table);
        let whose = table.ok().and_then(|mut table| table.remove("experiment"));
        match whose {
            Some(Value::Text(name)) if name != self.experiment.name => Err(Error::usage(format!(
                "the results in {} are those of `{name}`; choose another folder with --out",
                self.out.display()
            ))),
            _ => Ok(()),
        }
    }

    /// A warning if the experiment's file is in a git repository but not committed.
    pub fn uncommitted(&self) -> Option<String> {
        let path = &self.experiment.path;
        let uncommitted = commit::of_file(path).is_some_and(|commit| commit == UNCOMMITTED);
        uncommitted.then(|| {
            format!(
                "{} is not committed: nothing will show later that it was written before its results",
                path.display()
            )
        })
    }

    /// The damage found in the record of finished runs, each reported once.
    pub fn take_warnings(&self) -> Vec<String> {
        self.finished.take_warnings()
    }

    /// The run, if the record has it as finished.
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
            Stage::Report => match self.experiment.top.design {
                Design::Grid => self.experiment.report(&self.experiment.all_trials()),
                Design::TwoStage => {
                    let runs = self.experiment.tuning()?;
                    let chosen = self.choose(&runs, &self.outcomes(&runs)?)?;
                    self.experiment.report(&trials(&chosen))
                }
            },
        }
    }

    /// The outcome of a run; `None` if the run is not done. [`Error::Damaged`] if a file with the outcome is damaged.
    pub fn outcome(&self, run: &Run) -> Result<Option<Outcome>> {
        if let Some(found) = self.recorded(run)? {
            return Ok(Some(found.outcome));
        }
        let outcome = run.job.outcome(&self.runs.join(run.job.id()));
        outcome.map_err(|error| error.mended_by(self.does_again()))
    }

    /// Whether a run is done, and its record is intact.
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

    /// The command that repeats a damaged run.
    fn does_again(&self) -> String {
        format!("`{}` does this run again", self.command())
    }

    /// The command that does this study's runs.
    fn command(&self) -> String {
        let mut command = format!("study run {}", self.experiment.path.display());
        let folders = [("runs", &self.runs), ("results", &self.out)];
        for (flag, (default, folder)) in ["--runs", "--out"].into_iter().zip(folders) {
            if *folder != Path::new(default).join(&self.experiment.name) {
                command += &format!(" {flag} {}", folder.display());
            }
        }
        command
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
                "{missing} of {} of stage {stage} {} not done; `{} --stage {stage}` does them",
                count(runs.len(), "run"),
                if missing == 1 { "is" } else { "are" },
                self.command()
            )));
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// For each cell and each optimiser, the trial that the experiment's rule chooses by each outcome. `runs` has every
    /// trial on the same seeds, and `outcomes` has their outcomes.
    pub fn choose(&self, runs: &[Run], outcomes: &[Outcome]) -> Result<Vec<ChosenInCell>> {
        let experiment = &self.experiment;
        let none = |arm: &Arm| vec![Vec::new(); arm.trials.len()];
        let each = || experiment.arms.iter().map(none).collect::<Vec<_>>();
        let mut found: Vec<Vec<Vec<SeedOutcomes>>> =
            experiment.cells.iter().map(|_| each()).collect();
        for (run, outcome) in runs.iter().zip(outcomes) {
            found[run.cell][run.arm][run.trial].push((run.seed, outcome));
        }
        let cells = experiment.cells.iter().zip(found);
        cells
            .map(|(cell, arms)| {
                let choose = |(arm, trials): (&Arm, Vec<SeedOutcomes>)| {
                    let by = |score: &Score| {
                        if trials.len() == 1 {
                            let scores = Vec::new();
                            return Ok(Chosen { trial: 0, scores });
                        }
                        let of = |runs: &SeedOutcomes| {
                            let runs = runs.iter();
                            runs.map(|(seed, outcome)| (*seed, score.of(outcome, cell.scale)))
                                .collect()
                        };
                        let scores: Vec<SeedScores> = trials.iter().map(of).collect();
                        let diverged: Vec<usize> = trials.iter().map(|t| diverged(t)).collect();
                        let rule = experiment.top.selection;
                        let order = arm.preferred(&diverged);
                        let (trial, scores) = select(rule, &cell.label(), &scores, &order)?;
                        Ok(Chosen { trial, scores })
                    };
                    experiment.top.score.0.iter().map(by).collect()
                };
                experiment.arms.iter().zip(arms).map(choose).collect()
            })
            .collect()
    }
}

/// The trials that get the report seeds: one chosen by each outcome. If two outcomes choose the same trial, it runs once
/// but is listed twice, so that the number of runs in a stage does not depend on the choice.
pub(super) fn trials(chosen: &[ChosenInCell]) -> Vec<Vec<Vec<usize>>> {
    let of_arm = |by_outcome: &Vec<Chosen>| {
        let is_tuned = |one: &&Chosen| !one.scores.is_empty();
        let tuned = by_outcome.iter().filter(is_tuned).map(|one| one.trial);
        let tuned: Vec<usize> = tuned.collect();
        match tuned.is_empty() {
            true => vec![0],
            false => tuned,
        }
    };
    let of_cell = |arms: &ChosenInCell| arms.iter().map(of_arm).collect();
    chosen.iter().map(of_cell).collect()
}

fn diverged(runs: &[(u64, &Outcome)]) -> usize {
    let of = |(_, outcome): &&(u64, &Outcome)| outcome.status == Status::Diverged;
    runs.iter().filter(of).count()
}
