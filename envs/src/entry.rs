use settings::{Setting, Settings, Table};

use crate::{Environment, Error, TimeLimit};

/// The kind of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvKind {
    /// Classic control, as in Gymnasium.
    Classic,
    /// Young and Tian's miniatures of five Atari games.
    MinAtar,
    /// Hard exploration, and habits that have to be unlearned.
    Exploration,
    /// Tiny environments, each of which isolates one fault of an agent.
    Probe,
    /// Several environments, one after the other.
    Sequence,
    /// From another package.
    Foreign,
}

/// One registered environment.
#[derive(Clone, Copy, Debug)]
pub struct EnvEntry {
    /// The name, such as `cartpole`.
    pub name: &'static str,
    /// Gymnasium's id, such as `CartPole-v1`, which [`make`](crate::make) also takes; the name if
    /// Gymnasium has none.
    pub id: &'static str,
    /// The kind of environment.
    pub kind: EnvKind,
    /// One line for a list.
    pub summary: &'static str,
    /// Whether the dynamics are written in this crate. If so, the state can be saved and a step
    /// allocates nothing.
    pub native: bool,
    pub(crate) make: Make,
}

impl EnvEntry {
    /// What can be set when it is made, besides its dials.
    pub fn settings(&self) -> &'static [Setting] {
        match self.make {
            Make::Plain(_) => &[],
            Make::WithSettings(declared, _) | Make::OfMembers(declared, _) => declared(),
        }
    }
}

/// How an environment is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Make {
    /// Without settings.
    Plain(fn() -> Box<dyn Environment>),
    /// From the declared settings.
    WithSettings(Declared, fn(&Table) -> Made),
    /// From the declared settings and the environments that [`MEMBERS`] names.
    OfMembers(Declared, fn(&Table, Vec<TimeLimit>) -> Made),
}

/// The setting that names a sequence's environments. It takes the rest of the text, since those
/// names have settings of their own.
pub(crate) const MEMBERS: &str = "of";

type Declared = fn() -> &'static [Setting];
type Made = Result<Box<dyn Environment>, Error>;

impl Make {
    /// From the settings `S`.
    pub const fn with<S: Settings>(make: fn(&Table) -> Made) -> Self {
        Make::WithSettings(S::declared, make)
    }

    /// From the settings `S` and other environments.
    pub const fn of_members<S: Settings>(make: fn(&Table, Vec<TimeLimit>) -> Made) -> Self {
        Make::OfMembers(S::declared, make)
    }
}

/// The settings of the environment `name` from a table.
pub(crate) fn settings_from<S: Settings>(name: &str, table: &Table) -> Result<S, Error> {
    S::from_table(table).map_err(|error| Error::setting(name, error))
}

/// An error unless all settings of the environment `name` are within their ranges.
pub(crate) fn check_settings<S: Settings>(name: &str, settings: &S) -> Result<(), Error> {
    let checked = settings.check_ranges();
    checked.map_err(|error| Error::setting(name, error))
}
