//! What a run of a study can be: each family of runs in a file of its own, with a line in [`registry`].
//!
//! The engine expands, schedules, selects and records; a family turns settings, an optimiser and a seed
//! into a [`Job`], which knows what it costs, how it is done in a folder, and what came of it.

mod nested;
mod rl;
mod scale;
mod supervised;

pub use scale::Scale;

use std::path::Path;

use optim::Spec;
use settings::{Setting, Table, Value};

use crate::{
    Error, Result,
    run::{Control, Observer, Progress, Status},
    study::Mechanism,
};

/// Every family of runs there is; the first is that of environments that name none.
pub fn registry() -> &'static [&'static dyn Family] {
    &[&rl::Rl, &supervised::Supervised]
}

/// A family of runs, with settings of its own.
pub trait Family: Sync {
    /// Its name, which experiments give as `kind`.
    fn name(&self) -> &'static str;

    /// Its keys in an experiment.
    fn settings(&self) -> &'static [Setting];

    /// What stands in those of its keys that are tables, for `study schema`.
    fn tables(&self) -> Vec<InnerTable>;

    /// Paths of keys that only the study sets, and what to write instead.
    fn reserved(&self) -> &'static [(&'static str, &'static str)];

    /// Reads `settings`, which may lack whatever has a default; an error has the path of its key.
    fn check(&self, settings: &Table) -> std::result::Result<(), settings::Error>;

    /// Sets `key`, such as `agent.buffer_size`, to a level of a factor.
    fn set(&self, settings: &mut Table, key: &str, value: &Value) -> Result<()>;

    /// What an environment with these settings is called; an error has the path of its key.
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
    /// What else has to be set for the table to have these settings: `algo = "dqn"`.
    pub condition: Option<String>,
    /// What may stand in it.
    pub settings: Vec<Setting>,
}

/// One run, ready to be done.
pub trait Job: Send + Sync {
    /// A hash of its whole configuration.
    fn id(&self) -> &str;

    /// Steps from its start to its end.
    fn steps(&self) -> u64;

    /// Multiply-adds from its start to its end, roughly: long runs go first.
    fn effort(&self) -> f64;

    /// Whether it computes on a GPU.
    fn on_gpu(&self) -> bool;

    /// Whether it keeps all cores busy by itself, so that no other run is done beside it.
    fn takes_all_cores(&self) -> bool {
        false
    }

    /// Does it in `folder`, from its checkpoint if there is one, and tells `watcher`; nothing happens
    /// if it is there already. [`Error::Taken`] if another process is at it.
    fn run(&self, folder: &Path, control: &Control, watcher: &mut dyn Watcher) -> Result<()>;

    /// What came of it, if it has finished in `folder`.
    fn outcome(&self, folder: &Path) -> Result<Option<Outcome>>;

    /// Whether steps take time before it learns. If not, what comes before its first step does: reading
    /// images, filling a buffer.
    fn acts(&self) -> bool {
        true
    }

    /// Does its first `steps` steps and leaves nothing; it learns in the second half of them if
    /// `learning`, else not at all. One that does not act learns in all of them or does none.
    fn rehearse(&self, steps: u64, learning: bool) -> Result<Status>;

    /// Gradient steps in the whole run, and in a rehearsal of `steps` steps.
    fn updates(&self, rehearsed: u64) -> (u64, u64);
}

/// Somebody who is told how a job goes.
pub trait Watcher {
    /// It begins, at step `from`.
    fn begins(&mut self, folder: &Path, from: u64) -> Result<()>;

    /// So many steps are done.
    fn progress(&mut self, step: u64);

    /// It has done all it will do now, up to `step`; what it leaves is not yet complete.
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

/// What training came to, once `watcher` has heard where it ended: at step `at`, or where it was stopped.
fn ended<T>(result: Result<T>, folder: &Path, at: u64, watcher: &mut dyn Watcher) -> Result<T> {
    match &result {
        Ok(_) => watcher.ends(folder, at)?,
        Err(Error::Stopped { step, .. }) => watcher.ends(folder, *step)?,
        Err(_) => {}
    }
    result
}

/// What came of a run, whatever its family.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// Steps done.
    pub steps: u64,
    /// Gradient steps done.
    pub updates: u64,
    /// Step and score of each evaluation; those that a diverged run did not come to have the worst.
    pub curve: Vec<(u64, f64)>,
    /// The last evaluation's score; the worst if it diverged.
    pub last: f64,
    /// The first evaluation that solved the task, in steps.
    pub solved_step: Option<u64>,
    /// Bytes of optimiser state for each weight.
    pub optimiser_bytes_per_parameter: f64,
    /// What its diagnostics came to, if it had any.
    pub mechanism: Option<Mechanism>,
}
