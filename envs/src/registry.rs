#[cfg(feature = "gymnasium-rs")]
use crate::gymnasium;
use crate::{Environment, Error, TimeLimit, acrobot, cartpole, mountain_car};

/// Names less alike than this (Jaro-Winkler) are not worth suggesting.
const ALIKE: f64 = 0.7;

/// One registered environment.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name here, such as `cartpole`.
    pub name: &'static str,
    /// Gymnasium's id, such as `CartPole-v1`, which [`make`] takes as well; the
    /// name again where Gymnasium has none.
    pub id: &'static str,
    /// One line for a list.
    pub summary: &'static str,
    /// Whether the dynamics are written in this crate. If so, the state can be
    /// saved and a step allocates nothing.
    pub native: bool,
    pub(crate) make: fn() -> Box<dyn Environment>,
}

impl Entry {
    /// A new environment, without its time limit.
    pub fn environment(&self) -> Box<dyn Environment> {
        (self.make)()
    }
}

static REGISTRY: &[Entry] = &[
    cartpole::ENTRY,
    acrobot::ENTRY,
    mountain_car::ENTRY,
    #[cfg(feature = "gymnasium-rs")]
    gymnasium::CARTPOLE,
];

/// Every environment there is.
pub fn registry() -> &'static [Entry] {
    REGISTRY
}

/// A new environment by its name or Gymnasium's id, with its time limit.
pub fn make(name: &str) -> Result<TimeLimit, Error> {
    REGISTRY
        .iter()
        .find(|entry| entry.name == name || entry.id == name)
        .map(|entry| TimeLimit::new(entry.environment()))
        .ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Error {
    let asked = name.to_lowercase();
    let nearest = REGISTRY
        .iter()
        .flat_map(|entry| [entry.name, entry.id])
        .map(|known| (strsim::jaro_winkler(&asked, &known.to_lowercase()), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.to_owned());
    let list = REGISTRY.iter().map(|entry| match entry.id == entry.name {
        true => entry.name.to_owned(),
        false => format!("{} ({})", entry.name, entry.id),
    });
    Error::UnknownName {
        name: name.to_owned(),
        nearest,
        names: list.collect::<Vec<_>>().join(", "),
    }
}
