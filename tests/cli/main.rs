//! `rl` and `study` end to end: good input and bad.

#[path = "../common/mod.rs"]
mod common;
mod refused;
mod runs;
mod settings;

use std::{fs, path::Path};

use common::{Ran, SHORT, run};
use tempfile::tempdir;

fn rl(folder: &Path, args: &[&str]) -> Ran {
    run(env!("CARGO_BIN_EXE_rl"), folder, args, &[])
}

fn short(folder: &Path, more: &[&str]) -> Ran {
    rl(folder, &[&SHORT, more].concat())
}

/// The data lines of a CSV file, and its header.
fn csv(path: &Path) -> (String, Vec<String>) {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(String::from);
    (lines.next().unwrap(), lines.collect())
}
