//! Runs the binaries as a person would.
#![allow(dead_code, reason = "no file of tests uses all of it")]

use std::{collections::BTreeMap, fs, path::Path, process::Command};

/// The result of a command.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `program` in `folder` with additional environment variables.
pub fn run(program: &str, folder: &Path, args: &[&str], vars: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .args(args)
        .envs(vars.iter().copied());
    let output = command.output().expect("the binary starts");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A run of at most a second that still learns.
pub const SHORT: [&str; 8] = [
    "--steps",
    "3000",
    "--learning-starts",
    "500",
    "--eval-every",
    "1000",
    "--log-every",
    "10",
];

/// The files of a run that must be the same, by name.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let kept = |name: &String| name != "machine.toml" && name != ".lock";
    entries
        .map(|path| (name(&path), fs::read(&path).unwrap()))
        .filter(|(name, _)| kept(name))
        .collect()
}
