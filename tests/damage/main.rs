//! Files of runs and studies that are not as they were written: every reader names them, and none believes them.

#[path = "../common/mod.rs"]
mod common;
mod runs;
mod studies;

use std::{fs, path::Path};

use common::{Ran, files, run};
use tempfile::tempdir;

const RL: &str = env!("CARGO_BIN_EXE_rl");
const SUPERVISED: &str = env!("CARGO_BIN_EXE_supervised");
const STUDY: &str = env!("CARGO_BIN_EXE_study");

const CONFIG: &str = "config.toml";
const SUMS: &str = "files.toml";

/// A run of an agent with every table.
const AGENT: [&str; 15] = [
    "--quiet",
    "--steps",
    "3000",
    "--learning-starts",
    "500",
    "--eval-every",
    "300",
    "--eval-episodes",
    "1",
    "--log-every",
    "10",
    "--diagnostics",
    "50",
    "--out",
    "r",
];

/// A supervised run without an agent.
const CONTROL: [&str; 11] = [
    "--quiet",
    "--dataset",
    "synthetic",
    "--net",
    "mlp",
    "--steps",
    "80",
    "--batch",
    "16",
    "--out",
    "r",
];

/// A family's program, its flags, its tables and its weights.
type Family = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

const FAMILIES: [Family; 2] = [
    (
        RL,
        &AGENT,
        &[
            "episodes.csv",
            "evaluations.csv",
            "updates.csv",
            "diagnostics.csv",
        ],
        "policy.safetensors",
    ),
    (
        SUPERVISED,
        &CONTROL,
        &["history.csv", "epochs.csv"],
        "weights.safetensors",
    ),
];

/// What can happen to a file; `None` if it is gone.
type Happens = fn(&[u8]) -> Option<Vec<u8>>;

const DAMAGES: [(&str, Happens, &str); 6] = [
    ("gone", |_| None, "is missing"),
    ("empty", |_| Some(Vec::new()), "0 bytes"),
    (
        "cut short",
        |bytes| Some(bytes[..bytes.len() - 1].to_vec()),
        "were written",
    ),
    ("without its last line", without_last_line, "were written"),
    (
        "with a flipped digit",
        flipped_digit,
        "its content is not what was written",
    ),
    (
        "longer",
        |bytes| Some([bytes, b"1\n"].concat()),
        "were written",
    ),
];

fn without_last_line(bytes: &[u8]) -> Option<Vec<u8>> {
    let end = bytes[..bytes.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n');
    Some(bytes[..end.map_or(0, |end| end + 1)].to_vec())
}

/// The last digit of all becomes another.
fn flipped_digit(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    let at = bytes.iter().rposition(u8::is_ascii_digit);
    let at = at.unwrap_or(bytes.len() - 1);
    bytes[at] ^= 1;
    Some(bytes)
}

fn put(path: &Path, content: Option<&[u8]>) {
    match content {
        Some(content) => fs::write(path, content).unwrap(),
        None => fs::remove_file(path).unwrap(),
    }
}

fn ok(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// `ran` was refused, in words that have all of `words`.
fn refused(ran: &Ran, words: &[&str], what: &str) {
    assert_eq!(ran.code, Some(2), "{what}: {}", ran.stderr);
    for word in words {
        assert!(
            ran.stderr.contains(word),
            "{what}: no `{word}` in: {}",
            ran.stderr
        );
    }
}

/// `flags` to an end half-way, with a checkpoint, as on a full disk.
fn interrupted(program: &str, folder: &Path, flags: &[&str], blocks: &str) {
    let command = format!("trap '' XFSZ; ulimit -f {blocks}; exec {program} \"$@\"");
    let args = [&["-c", &command, "sh"], flags].concat();
    let ran = run("sh", folder, &args, &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(folder.join("r/checkpoint.safetensors").exists());
}
