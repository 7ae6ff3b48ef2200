//! The kinds of runs that a study can do: each family has its own file and a line in [`registry`].
//!
//! The engine expands, schedules, selects and records. A family turns settings, an optimiser and a seed
//! into a [`Job`], which knows its cost, how to run in a folder, and its outcome.

mod nested;
mod order;
mod rl;
mod scale;
mod supervised;

pub use scale::Scale;

use std::path::Path;

use optim::Spec;
use serde::Serialize;
use settings::{Setting, Table, Value};

use crate::{
    Error, Result,
    run::{
        self, Again, Begun, Checkpoint, Configuration, Control, Finished, InMemoryRun, Observer,
        Opened, Progress, RowTable, Status,
    },
    study::Mechanism,
};

/// Every family of runs; the first is the default for environments that do not name one.
pub fn registry() -> &'static [&'static dyn Family] {
    &[&rl::Rl, &supervised::Supervised, &order::OrderAlone]
}

/// A family of runs, with its own settings.
pub trait Family: Sync {
    /// Its name, which experiments give as `kind`.
    fn name(&self) -> &'static str;

    /// Its keys in an experiment.
    fn settings(&self) -> &'static [Setting];

    /// The settings in its keys that are tables, for `study schema`.
    fn tables(&self) -> Vec<InnerTable>;

    /// Paths of keys that only the study sets, and what to write instead.
    fn reserved(&self) -> &'static [(&'static str, &'static str)];

    /// Checks `settings`, in which anything with a default may be missing; an error has the path of
    /// its key.
    fn check(&self, settings: &Table) -> std::result::Result<(), settings::Error>;

    /// Sets `key`, such as `agent.buffer_size`, to a level of a factor.
    fn set(&self, settings: &mut Table, key: &str, value: &Value) -> Result<()>;

    /// The name of an environment with these settings; an error has the path of its key.
    fn title(&self, settings: &Table) -> std::result::Result<String, settings::Error>;

    /// The scores between which results are normalised, if they are known.
    fn scale(&self, settings: &Table) -> Option<Scale>;

    /// The run with these settings.
    fn job(&self, settings: &Table, optimiser: &Spec, seed: u64) -> Result<Box<dyn Job>>;
}

/// A table among the keys of a family.
pub struct InnerTable {
    /// The key whose value it is.
    pub key: &'static str,
    /// Another setting that is required for the table to have these settings: `algo = "dqn"`.
    pub condition: Option<String>,
    /// The settings in the table.
    pub settings: Vec<Setting>,
}

/// One run, ready to be done.
pub trait Job: Send + Sync {
    /// A hash of its whole configuration.
    fn id(&self) -> &str;

    /// Steps from its start to its end.
    fn steps(&self) -> u64;

    /// Multiply-adds from its start to its end, roughly; the longest runs go first.
    fn effort(&self) -> f64;

    /// A word for what the time of a step depends on, apart from the optimiser: jobs with the same word take roughly
    /// equally long for a step.
    fn kind_of_step(&self) -> String;

    /// Whether it computes on a GPU.
    fn on_gpu(&self) -> bool;

    /// Whether it uses all cores by itself, so that no other run may be done at the same time.
    fn takes_all_cores(&self) -> bool {
        false
    }

    /// Runs in `place`, from its checkpoint if there is one, and reports to `watcher`. Does not run if it has
    /// already finished there and its files are intact. If a file there is damaged, it starts again.
    fn run(
        &self,
        place: JobFolder,
        control: &Control,
        watcher: &mut dyn Watcher,
    ) -> Result<Outcome>;

    /// The outcome, if the run has finished in `folder`; [`Error::Damaged`] if a file there is damaged.
    fn outcome(&self, folder: &Path) -> Result<Option<Outcome>>;

    /// Whether steps take time before it learns. If not, the time goes into preparing its first step:
    /// reading images, filling a buffer.
    fn acts(&self) -> bool {
        true
    }

    /// Does its first `steps` steps and leaves no files. If `learning`, it learns in the second half of
    /// them, otherwise in none. A run without an agent that acts either learns in all of them or does
    /// none.
    fn rehearse(&self, steps: u64, learning: bool) -> Result<Status>;

    /// Steps of one round of acting and learning, if the run repeats such rounds from its first step on. A rehearsal of two
    /// rounds or more then learns as the run does.
    fn learning_round(&self) -> Option<u64> {
        None
    }

    /// Gradient steps in the whole run, and in a rehearsal of `steps` steps.
    fn updates(&self, rehearsed: u64) -> (u64, u64);
}

/// Where a job runs.
#[derive(Clone, Copy, Debug)]
pub struct JobFolder<'a> {
    /// Its folder.
    pub folder: &'a Path,
    /// Whether its files are kept there. If not, the folder has only checkpoints, and does not exist before the first.
    pub keep: bool,
}

/// Receives reports on the progress of a job.
pub trait Watcher {
    /// The files that the job left are damaged, and it starts again.
    fn starts_again(&mut self, damage: &Error);

    /// The job begins, at step `from`.
    fn begins(&mut self, folder: &Path, from: u64) -> Result<()>;

    /// `step` steps are done.
    fn progress(&mut self, step: u64);

    /// The job has done all steps that it will do now, up to `step`; its files are not yet complete.
    fn ends(&mut self, folder: &Path, step: u64) -> Result<()>;
}

/// Tells a watcher of each step of a run.
struct StepWatcher<'a> {
    watcher: &'a mut dyn Watcher,
    at: u64,
}

impl Observer for StepWatcher<'_> {
    fn progress(&mut self, progress: &Progress) -> Result<()> {
        self.at = progress.step;
        self.watcher.progress(progress.step);
        Ok(())
    }
}

/// Does the run `config` in `place`, with what `prepare` returns. A run that is not kept leaves only the rows of the tables
/// `wanted`.
fn run_in<C: Configuration, P>(
    place: JobFolder,
    config: &C,
    wanted: &[RowTable],
    watcher: &mut dyn Watcher,
    prepare: impl FnOnce() -> Result<P>,
    train: impl FnOnce(P, Option<Checkpoint>, &mut dyn Observer) -> Result<C::Outcome>,
) -> Result<Finished<C>>
where
    C::Outcome: Serialize,
{
    let folder = place.folder;
    if place.keep {
        let ready = match run::look(folder, config, Again::Mend)? {
            Opened::Finished(finished) => return Ok(*finished),
            Opened::Unfinished(ready) => ready,
        };
        if let Some(damage) = ready.damage() {
            watcher.starts_again(damage);
        }
        let first = ready.step();
        watcher.begins(folder, first)?;
        let prepared = prepare()?;
        let (mut run, from) = ready.open()?;
        let train = |observer: &mut dyn Observer| train(prepared, from, observer);
        let outcome = watched(&mut run, folder, first, watcher, train)?;
        return run.finish(outcome);
    }
    let begun = InMemoryRun::begin(folder, config, wanted)?;
    let Begun {
        mut run,
        from,
        damage,
    } = begun;
    if let Some(damage) = damage {
        watcher.starts_again(&damage);
    }
    let first = from.as_ref().map_or(0, |from| from.step);
    watcher.begins(folder, first)?;
    let prepared = prepare()?;
    let train = |observer: &mut dyn Observer| train(prepared, from, observer);
    let outcome = watched(&mut run, folder, first, watcher, train)?;
    run.finish(outcome)
}

/// The result of training from step `first` on, reported to `run` and `watcher`. The watcher is told where it ended or was
/// stopped.
fn watched<T>(
    run: &mut impl Observer,
    folder: &Path,
    first: u64,
    watcher: &mut dyn Watcher,
    train: impl FnOnce(&mut dyn Observer) -> Result<T>,
) -> Result<T> {
    let mut steps = StepWatcher { watcher, at: first };
    let result = train(&mut (run, &mut steps));
    let at = match &result {
        Ok(_) => steps.at,
        Err(Error::Stopped { step, .. }) => *step,
        Err(_) => return result,
    };
    watcher.ends(folder, at)?;
    result
}

/// The outcome of a run, whatever its family.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// Steps done.
    pub steps: u64,
    /// Gradient steps done.
    pub updates: u64,
    /// Step and score of each evaluation; evaluations that a diverged run did not reach have the worst
    /// score. Empty for a tuning run whose results have been written, because it is no longer known.
    pub curve: Vec<(u64, f64)>,
    /// The mean of its evaluations.
    pub area: f64,
    /// The last evaluation's score; the worst if it diverged.
    pub last: f64,
    /// The first evaluation that solved the task, in steps.
    pub solved_step: Option<u64>,
    /// Bytes of optimiser state for each weight.
    pub optimiser_bytes_per_parameter: f64,
    /// A summary of its diagnostics, if it had any.
    pub mechanism: Option<Mechanism>,
}

/// The mean score of a curve of steps and scores.
pub fn mean_score(curve: &[(u64, f64)]) -> f64 {
    let sum: f64 = curve.iter().map(|(_, score)| score).sum();
    sum / curve.len() as f64
}
