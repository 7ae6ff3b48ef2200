//! Configurations: from declared settings to TOML and back, with the line of whatever is wrong.
//!
//! A setting is declared once, with [`settings::settings!`]: its name, type, default, range and help.
//! TOML files, command-line flags, `--list` and `study schema` follow from the declaration.

mod document;
mod write;

pub use document::TomlDocument;
pub use write::{AsToml, plain};
