//! Environments whose physics or rules change while an agent learns.

mod path;
mod text;
mod varied;

pub use path::{Path, Shape};
pub(crate) use varied::Varied;

use crate::{Dial, Error};

/// What drifts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    /// A dial of the environment, by its place.
    Dial(usize),
    /// What rewards are multiplied by.
    Reward,
    /// Which action each number stands for.
    Actions,
}

/// One thing that drifts, and where it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drift {
    target: Target,
    key: &'static str,
    path: Path,
    /// Its value now; for the actions, how many permutations have been drawn.
    value: f64,
}

impl Drift {
    /// Reads a drift such as `length:0.5..1.5/period=20000,shape=sine`; `at` tells where a dial
    /// stands.
    pub fn read(
        name: &str,
        dials: &[Dial],
        at: impl Fn(&Dial) -> f64,
        text: &str,
    ) -> Result<Self, Error> {
        text::read(name, dials, at, text)
    }

    /// The word for what drifts.
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// As it stands in a name.
    pub fn text(&self) -> String {
        text::write(self)
    }
}
