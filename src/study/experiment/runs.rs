//! An experiment and its runs, in the order of their numbers.

use std::{collections::BTreeSet, path::PathBuf};

use super::{
    expand::{Arm, Cell},
    stage::Stage,
    tables::{Design, Top},
};
use crate::{Error, Result, study::family::Job};

/// An experiment, ready to be run.
pub struct Experiment {
    /// Its name: its file's name without `.toml`.
    pub name: String,
    /// The path of its file.
    pub path: PathBuf,
    /// The file's text.
    pub text: String,
    /// Its tables.
    pub top: Top,
    /// Each environment at each combination of the factors' levels.
    pub cells: Vec<Cell>,
    /// The optimisers, each with its trials.
    pub arms: Vec<Arm>,
}

/// One run of a study.
pub struct Run {
    /// Its stage.
    pub stage: Stage,
    /// Its cell's number.
    pub cell: usize,
    /// Its arm's number.
    pub arm: usize,
    /// Its trial's number.
    pub trial: usize,
    /// Its seed.
    pub seed: u64,
    /// The run itself.
    pub job: Box<dyn Job>,
}

impl Experiment {
    /// The number of the arm called `name`, which the experiment has.
    pub fn arm(&self, name: &str) -> usize {
        let mut arms = self.arms.iter();
        arms.position(|arm| arm.name == name).unwrap_or_default()
    }

    /// How many runs a stage has. The number does not depend on what is chosen: if two outcomes choose the same trial, it
    /// counts twice and runs once.
    pub fn count(&self, stage: Stage) -> usize {
        (0..self.cells.len())
            .map(|cell| self.count_in(cell, stage))
            .sum()
    }

    /// How many runs a stage has in cell number `cell`.
    pub fn count_in(&self, cell: usize, stage: Stage) -> usize {
        match stage {
            Stage::Tune => {
                let trials: usize = self.tuned_arms().map(|arm| arm.trials.len()).sum();
                trials * self.top.seeds.tuning.0.len()
            }
            Stage::Report => {
                let trials = self.arms.iter().map(|arm| self.judged_trials(arm));
                trials.sum::<usize>() * self.cells[cell].report_seeds.len()
            }
        }
    }

    /// For each cell and both stages, the maximum number of runs that no earlier optimiser or cell also has.
    /// Runs of chosen trials count as the same if all their trials are the same, because the choice is then the
    /// same.
    pub fn count_different(&self) -> Result<Vec<[usize; 2]>> {
        let mut trials = vec![vec![BTreeSet::new(); self.arms.len()]; self.cells.len()];
        for run in self.trials()? {
            trials[run.cell][run.arm].insert(run.job.id().to_owned());
        }
        let (mut tried, mut judged) = (BTreeSet::new(), BTreeSet::new());
        let mut all = Vec::new();
        for (cell, arms) in self.cells.iter().zip(trials) {
            let (mut tune, mut report) = (0, 0);
            for (arm, ids) in self.arms.iter().zip(arms) {
                if arm.is_tuned() {
                    let new = ids.iter().filter(|id| tried.insert((*id).clone())).count();
                    tune += new * self.top.seeds.tuning.0.len();
                }
                let mut new = |ids: BTreeSet<String>| {
                    let seeds = cell.report_seeds.iter();
                    seeds
                        .filter(|&&seed| judged.insert((ids.clone(), seed)))
                        .count()
                };
                report += match self.top.design {
                    Design::Grid => ids.into_iter().map(|id| new([id].into())).sum(),
                    Design::TwoStage => new(ids) * self.judged_trials(arm),
                };
            }
            all.push([tune, report]);
        }
        Ok(all)
    }

    /// How many of an arm's trials get the report seeds. A trial that two outcomes choose counts twice.
    fn judged_trials(&self, arm: &Arm) -> usize {
        match self.top.design {
            Design::Grid => arm.trials.len(),
            Design::TwoStage => self.top.score.0.len().min(arm.trials.len()),
        }
    }

    fn tuned_arms(&self) -> impl Iterator<Item = &Arm> {
        self.arms.iter().filter(|arm| arm.is_tuned())
    }

    /// The runs of the tuning stage, always in the same order.
    pub fn tuning(&self) -> Result<Vec<Run>> {
        let mut runs = Vec::new();
        for cell in 0..self.cells.len() {
            for (arm, _) in self
                .arms
                .iter()
                .enumerate()
                .filter(|(_, arm)| arm.is_tuned())
            {
                for trial in 0..self.arms[arm].trials.len() {
                    for &seed in &self.top.seeds.tuning.0 {
                        runs.push(self.run(Stage::Tune, cell, arm, trial, seed)?);
                    }
                }
            }
        }
        Ok(runs)
    }

    /// The runs of the report stage. `trials` has the numbers of the trials that get the report seeds, for each cell and
    /// arm.
    pub fn report(&self, trials: &[Vec<Vec<usize>>]) -> Result<Vec<Run>> {
        let mut runs = Vec::new();
        for (cell, arms) in trials.iter().enumerate() {
            for (arm, trials) in arms.iter().enumerate() {
                for &trial in trials {
                    for &seed in &self.cells[cell].report_seeds {
                        runs.push(self.run(Stage::Report, cell, arm, trial, seed)?);
                    }
                }
            }
        }
        Ok(runs)
    }

    /// For each cell and arm, every trial.
    pub fn all_trials(&self) -> Vec<Vec<Vec<usize>>> {
        let all = |arm: &Arm| (0..arm.trials.len()).collect();
        let arms = || self.arms.iter().map(all).collect();
        self.cells.iter().map(|_| arms()).collect()
    }

    fn run(&self, stage: Stage, cell: usize, arm: usize, trial: usize, seed: u64) -> Result<Run> {
        let (at, of) = (&self.cells[cell], &self.arms[arm]);
        let job = at.job(of, trial, seed).map_err(|error| {
            Error::usage(format!(
                "environment `{}`, optimiser `{}`: {error}",
                at.label(),
                of.name
            ))
        })?;
        Ok(Run {
            stage,
            cell,
            arm,
            trial,
            seed,
            job,
        })
    }

    /// A run in cell number `cell`.
    pub fn first(&self, cell: usize) -> Result<Run> {
        self.run(Stage::Tune, cell, 0, 0, self.top.seeds.tuning.0[0])
    }

    /// One run of each trial in each cell, on the first tuning seed.
    pub fn trials(&self) -> Result<Vec<Run>> {
        let mut runs = Vec::new();
        let seed = self.top.seeds.tuning.0[0];
        for cell in 0..self.cells.len() {
            for (arm, of) in self.arms.iter().enumerate() {
                for trial in 0..of.trials.len() {
                    runs.push(self.run(Stage::Tune, cell, arm, trial, seed)?);
                }
            }
        }
        Ok(runs)
    }
}
