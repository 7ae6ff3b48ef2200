//! Environments whose physics or rules change while an agent learns.

mod path;
mod target;
mod text;
mod varied;

pub(crate) use path::Shuffle;
pub(crate) use target::{Drift, Start, Target};
pub(crate) use varied::Varied;
