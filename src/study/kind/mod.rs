//! What a run of a study can be: each kind in a file of its own, with a line in [`registry`].
//!
//! The engine expands, schedules, selects and records; a kind turns settings, an optimiser and a seed
//! into a [`Job`], which knows what it costs, how it is done in a folder, and what came of it.

mod rl;
mod scale;
mod supervised;

pub use scale::Scale;

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::{
    Error, Result,
    keys::Key,
    optim::Spec,
    study::mechanism::Mechanism,
    suggest,
    train::{Control, Status},
};

/// Every kind of run there is.
pub fn registry() -> &'static [&'static dyn Kind] {
    &[&rl::Rl, &supervised::Supervised]
}

/// A sort of run, with settings of its own.
pub trait Kind: Sync {
    /// What an experiment calls it.
    fn name(&self) -> &'static str;

    /// Its keys in an experiment, and for each key that is a table the keys of that.
    fn keys(&self) -> Vec<(Key, Vec<Key>)>;

    /// Keys of those tables that are the study's to set, and why.
    fn reserved(&self) -> &'static [(&'static str, &'static str)];

    /// Reads `settings`, which may lack whatever has a default; an error has its place in the text.
    fn check(
        &self,
        settings: toml::Spanned<toml::de::DeTable<'_>>,
    ) -> std::result::Result<(), toml::de::Error>;

    /// Sets `key`, such as `agent.buffer_size`, to a level of a factor.
    fn set(&self, settings: &mut toml::Table, key: &str, value: &toml::Value) -> Result<()>;

    /// What an environment with these settings is called.
    fn title(&self, settings: &toml::Table) -> Result<String>;

    /// The scores between which results are normalised, if they are known.
    fn scale(&self, settings: &toml::Table) -> Option<Scale>;

    /// The run with these settings.
    fn job(&self, settings: &toml::Table, optimiser: &Spec, seed: u64) -> Result<Box<dyn Job>>;
}

/// Settings as a kind has them; an error names the key and, of an unknown one, the nearest there is.
fn read<T: DeserializeOwned>(settings: &toml::Table) -> Result<T> {
    T::deserialize(settings.clone()).map_err(|error| Error::usage(suggest::explained(&error)))
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

/// What training came to, once `watcher` has heard where it ended: at step `at`, or where it was stopped.
fn ended<T>(result: Result<T>, folder: &Path, at: u64, watcher: &mut dyn Watcher) -> Result<T> {
    match &result {
        Ok(_) => watcher.ends(folder, at)?,
        Err(Error::Stopped { step, .. }) => watcher.ends(folder, *step)?,
        Err(_) => {}
    }
    result
}

/// What came of a run, whatever its kind.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_be_read_are_named_with_their_key() {
        for (text, end) in [
            ("agent.batch_size = \"big\"", "\nin `agent.batch_size`"),
            ("agent.los = 1", "\nin `agent`"),
            ("nonsense = 1", "allowed: env, preset, run, agent"),
        ] {
            let settings = toml::from_str(text).unwrap();
            let error = read::<rl::Settings>(&settings).unwrap_err().to_string();
            assert!(error.ends_with(end), "{error:?}");
        }
    }
}
