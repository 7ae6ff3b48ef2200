//! Runs the binaries as a person would.

use std::{path::Path, process::Command};

/// What came of a command.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `program` in `folder` with more in its environment.
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

#[allow(dead_code, reason = "not every file of tests runs agents")]
/// A run of a second or less that learns all the same.
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
