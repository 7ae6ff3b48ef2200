//! Reports on the results of `study run quick` (`tests/fixtures/report/quick`, copied from
//! `results/quick`) and on tables made here.

#[path = "../common/mod.rs"]
mod common;
mod made;
mod quick;
mod tables;

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use common::{Ran, run};
use sha2::{Digest, Sha256};
use tempfile::{TempDir, tempdir};

/// The section that names the others without content.
const ABSENT: &str = "What is not in this report";

const SECTIONS: [&str; 17] = [
    "Answers",
    "At a glance",
    "Contrasts",
    "Dose-response",
    "Learning rates",
    "Hypothesis and rule",
    "Each environment",
    "Informative environments",
    "What was chosen",
    "Learning curves",
    "Performance profiles",
    "Memory",
    "Time",
    "Energy",
    "Every cell",
    "How this was run",
    ABSENT,
];

/// The sections that depend on the machine.
const MACHINE: [&str; 3] = ["Time", "Energy", "How this was run"];

fn report(dir: &Path, more: &[&str]) -> Ran {
    let args = [&["report", "results/quick"], more].concat();
    run(env!("CARGO_BIN_EXE_study"), dir, &args, &[])
}

fn works(dir: &Path) -> Ran {
    let ran = report(dir, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

/// A separate folder with the results of `study run quick`.
fn quick() -> TempDir {
    let dir = tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/report/quick");
    let to = results(&dir);
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    dir
}

fn results(dir: &TempDir) -> PathBuf {
    dir.path().join("results/quick")
}

fn read(dir: &TempDir, name: &str) -> String {
    fs::read_to_string(results(dir).join(name)).unwrap()
}

fn change(dir: &TempDir, name: &str, how: impl FnOnce(String) -> String) {
    fs::write(results(dir).join(name), how(read(dir, name))).unwrap();
}

/// Changes the experiment, and updates the manifest so that this counts as the experiment that was run.
fn change_experiment(dir: &TempDir, how: impl FnOnce(String) -> String) {
    change(dir, "experiment.toml", how);
    let digest: String =
        Sha256::digest(read(dir, "experiment.toml"))
            .iter()
            .fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").unwrap();
                hex
            });
    let line = |line: &str| match line.starts_with("sha256") {
        true => format!("sha256 = \"{digest}\"\n"),
        false => format!("{line}\n"),
    };
    change(dir, "manifest.toml", |text| {
        text.lines().map(line).collect()
    });
}

/// The sections of a report in Markdown, by title.
fn sections(text: &str) -> Vec<(String, String)> {
    let parts = text.split("\n## ").skip(1);
    let titled = parts.map(|part| part.split_once('\n').unwrap());
    titled
        .map(|(title, body)| (title.to_owned(), body.to_owned()))
        .collect()
}

/// The first line of a table.
fn header(text: String) -> String {
    text.lines().next().unwrap().to_owned() + "\n"
}

/// The section of `report.md` called `title`.
fn section(dir: &TempDir, title: &str) -> String {
    let found = sections(&read(dir, "report.md"));
    let section = found.into_iter().find(|(found, _)| found == title);
    section.unwrap().1
}
