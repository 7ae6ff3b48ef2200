//! From tables to cells, trials and runs.

use super::{
    Experiment, Rung,
    grid::combinations,
    once,
    tables::{Score, Top},
};
use crate::{
    Error, Result,
    optim::{Spec, Value},
    study::kind::{Job, Kind, Outcome, Scale},
};

/// An environment at one combination of the factors' levels.
pub struct Cell {
    /// The environment's name.
    pub environment: String,
    /// Each factor's key and level: `agent.buffer_size=1000`, separated by blanks.
    pub factors: String,
    /// What is 0 and what is 1.
    pub scale: Scale,
    kind: &'static dyn Kind,
    settings: toml::Table,
    /// What factors set of the optimiser.
    optimiser: Vec<(String, Value)>,
}

/// An optimiser with the settings it may be given.
pub struct Arm {
    /// What it is called.
    pub name: String,
    /// Its trials, in the grid's order.
    pub trials: Vec<Trial>,
}

/// One setting of a grid.
pub struct Trial {
    /// The optimiser with that setting.
    pub spec: Spec,
    /// Hyper-parameters that are at an end of their values, if there are three or more.
    pub at_edge: Vec<String>,
}

/// The two halves of a study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Stage {
    /// Every trial on the tuning seeds
    Tune,
    /// What was chosen, on the report seeds
    Report,
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
    /// What is to be done.
    pub job: Box<dyn Job>,
}

impl Cell {
    /// The run with this optimiser and seed.
    fn job(&self, spec: &Spec, seed: u64) -> Result<Box<dyn Job>> {
        let mut spec = spec.clone();
        for (key, value) in &self.optimiser {
            spec.set(key, *value)?;
        }
        self.kind.job(&self.settings, &spec, seed)
    }

    /// What a run is called in messages.
    pub fn label(&self) -> String {
        format!("{} {}", self.environment, self.factors)
            .trim_end()
            .into()
    }

    /// The optimiser of `trial` here.
    pub fn setting(&self, trial: &Trial) -> String {
        let mut spec = trial.spec.clone();
        for (key, value) in &self.optimiser {
            // It has been set before, when the experiment was read.
            let _ = spec.set(key, *value);
        }
        spec.to_string()
    }
}

impl Stage {
    /// As it stands in files.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Tune => "tune",
            Stage::Report => "report",
        }
    }
}

impl Score {
    /// The score of a run, between 0 and 1 where it is between chance and a good agent.
    pub fn of(self, outcome: &Outcome, scale: Scale) -> f64 {
        let raw = match self {
            Score::Area => area(outcome),
            Score::Final => outcome.last,
        };
        (raw - scale.random) / (scale.reference - scale.random)
    }
}

/// The mean of the evaluations.
pub fn area(outcome: &Outcome) -> f64 {
    let sum: f64 = outcome.curve.iter().map(|(_, score)| score).sum();
    sum / outcome.curve.len() as f64
}

/// The optimisers with their trials; an error if their grids differ in size.
pub(super) fn arms(top: &Top) -> Result<Vec<Arm>> {
    let mut arms: Vec<Arm> = Vec::new();
    for table in &top.optimisers {
        let within = |error: Error| Error::usage(format!("optimiser `{}`: {error}", table.name));
        let base: Spec = table.optimiser.parse().map_err(within)?;
        let trial = |setting: Vec<(&str, Value)>| {
            let mut spec = base.clone();
            let mut at_edge = Vec::new();
            for (key, value) in setting {
                spec.set(key, value)?;
                let values = &table.grid[key].0;
                let ends = [values.first(), values.last()].map(|x| x.copied().map(Value::Number));
                if values.len() >= 3 && ends.contains(&Some(value)) {
                    at_edge.push(key.to_owned());
                }
            }
            spec.rule()?;
            Ok(Trial { spec, at_edge })
        };
        let trials: Result<Vec<Trial>> = combinations(&table.grid).into_iter().map(trial).collect();
        arms.push(Arm {
            name: table.name.clone(),
            trials: trials.map_err(within)?,
        });
    }
    let mut tuned = arms.iter().filter(|arm| arm.tuned());
    if let Some(first) = tuned.next()
        && let Some(other) = tuned.find(|arm| arm.trials.len() != first.trials.len())
    {
        return Err(Error::usage(format!(
            "optimiser `{}` has {} trials and `{}` {}; each must have the same tuning budget",
            first.name,
            first.trials.len(),
            other.name,
            other.trials.len()
        )));
    }
    Ok(arms)
}

impl Arm {
    /// Whether there is anything to choose.
    pub fn tuned(&self) -> bool {
        self.trials.len() > 1
    }
}

/// Every environment at every combination of the factors' levels.
pub(super) fn cells(top: &Top, rungs: &[Rung]) -> Result<Vec<Cell>> {
    once(
        "environment",
        &rungs
            .iter()
            .map(|rung| rung.name.as_str())
            .collect::<Vec<_>>(),
    )?;
    once(
        "factor",
        &top.factors
            .iter()
            .map(|factor| factor.key.as_str())
            .collect::<Vec<_>>(),
    )?;
    let mut levels: Vec<Vec<(&str, &toml::Value)>> = vec![Vec::new()];
    for factor in &top.factors {
        if factor.values.is_empty() {
            return Err(Error::usage(format!(
                "factor `{}` has no values",
                factor.key
            )));
        }
        let longer = |one: &Vec<(_, _)>| {
            let with = |value| [&one[..], &[(factor.key.as_str(), value)]].concat();
            factor.values.iter().map(with).collect::<Vec<_>>()
        };
        levels = levels.iter().flat_map(longer).collect();
    }
    let cell = |rung: &Rung, level: &[(&str, &toml::Value)]| {
        let within = |error: Error| Error::usage(format!("environment `{}`: {error}", rung.name));
        let known = rung.kind.scale(&rung.settings);
        let random = rung.scale.0.or(known.map(|scale| scale.random));
        let reference = rung.scale.1.or(known.map(|scale| scale.reference));
        let (Some(random), Some(reference)) = (random, reference) else {
            return Err(within(Error::usage(
                "its scores of chance and of a good agent are not known; give `random` and `reference`",
            )));
        };
        if !(random.is_finite() && reference.is_finite() && reference > random) {
            return Err(within(Error::usage(format!(
                "random = {random}, reference = {reference} is not allowed; allowed: finite numbers, the reference above"
            ))));
        }
        let (mut settings, mut optimiser) = (rung.settings.clone(), Vec::new());
        for (key, value) in level {
            match key.strip_prefix("optimiser.") {
                Some(key) => optimiser.push((key.into(), number(key, value).map_err(within)?)),
                None => rung.kind.set(&mut settings, key, value).map_err(within)?,
            }
        }
        let shown = |(key, value): &(&str, &toml::Value)| match value {
            toml::Value::String(text) => format!("{key}={text}"),
            value => format!("{key}={value}"),
        };
        Ok(Cell {
            environment: rung.name.clone(),
            factors: level.iter().map(shown).collect::<Vec<_>>().join(" "),
            scale: Scale { random, reference },
            kind: rung.kind,
            settings,
            optimiser,
        })
    };
    let each = rungs
        .iter()
        .flat_map(|rung| levels.iter().map(move |level| (rung, level)));
    each.map(|(rung, level)| cell(rung, level)).collect()
}

fn number(key: &str, value: &toml::Value) -> Result<Value> {
    match value {
        toml::Value::Integer(x) => Ok(Value::Number(*x as f64)),
        toml::Value::Float(x) => Ok(Value::Number(*x)),
        toml::Value::Boolean(x) => Ok(Value::Flag(*x)),
        other => Err(Error::usage(format!(
            "factor `optimiser.{key}`: {other} is not allowed; allowed: numbers, true and false"
        ))),
    }
}

impl Experiment {
    /// Runs of a stage, whatever is chosen.
    pub fn count(&self, stage: Stage) -> usize {
        let seeds = &self.top.seeds;
        let each: usize = match stage {
            Stage::Tune => {
                self.tuned().map(|arm| arm.trials.len()).sum::<usize>() * seeds.tuning.0.len()
            }
            Stage::Report => self.arms.len() * seeds.report.0.len(),
        };
        self.cells.len() * each
    }

    fn tuned(&self) -> impl Iterator<Item = &Arm> {
        self.arms.iter().filter(|arm| arm.tuned())
    }

    /// The runs of the tuning stage; number k is the same whenever it is asked for.
    pub fn tuning(&self) -> Result<Vec<Run>> {
        let mut runs = Vec::new();
        for cell in 0..self.cells.len() {
            for (arm, _) in self.arms.iter().enumerate().filter(|(_, arm)| arm.tuned()) {
                for trial in 0..self.arms[arm].trials.len() {
                    for &seed in &self.top.seeds.tuning.0 {
                        runs.push(self.run(Stage::Tune, cell, arm, trial, seed)?);
                    }
                }
            }
        }
        Ok(runs)
    }

    /// The runs of the report stage, with the trial that `chosen` says for a cell and an arm.
    pub fn report(&self, chosen: &[Vec<usize>]) -> Result<Vec<Run>> {
        let mut runs = Vec::new();
        for (cell, chosen) in chosen.iter().enumerate() {
            for (arm, &trial) in chosen.iter().enumerate() {
                for &seed in &self.top.seeds.report.0 {
                    runs.push(self.run(Stage::Report, cell, arm, trial, seed)?);
                }
            }
        }
        Ok(runs)
    }

    fn run(&self, stage: Stage, cell: usize, arm: usize, trial: usize, seed: u64) -> Result<Run> {
        let (at, of) = (&self.cells[cell], &self.arms[arm]);
        let job = at.job(&of.trials[trial].spec, seed).map_err(|error| {
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

    /// An error if any run is impossible.
    pub(super) fn check_runs(&self) -> Result<()> {
        self.trials().map(drop)
    }
}
