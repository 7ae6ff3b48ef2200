//! Configurations: from declared settings to TOML and back, with the line of whatever is wrong.
//!
//! A setting is declared once, with [`settings::settings!`]: its name, type, default, range and help.
//! TOML files, command-line flags, `--list` and `study schema` follow from the declaration.

mod document;
mod write;

pub use document::TomlDocument;
pub use write::{AsToml, plain};

use settings::Value;

use crate::{Error, Result};

/// A seed as a setting; an error about `what` if it does not exist or TOML cannot hold it.
pub fn seed_value(seed: Option<u64>, what: &str) -> Result<Value> {
    let seed = seed.and_then(|seed| i64::try_from(seed).ok());
    let most = i64::MAX;
    seed.map(Value::Whole)
        .ok_or_else(|| Error::usage(format!("{what} must be at most {most}")))
}
