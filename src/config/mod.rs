//! Settings as files have them.

pub mod toml;
