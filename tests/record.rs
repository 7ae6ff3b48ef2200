//! The record of a study's finished runs: it moves between machines, loses nothing, and believes nothing that is damaged.
#![cfg(unix)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use common::{Ran, files, run};
use tempfile::{TempDir, tempdir};

const STUDY: &str = env!("CARGO_BIN_EXE_study");

/// 8 tuning runs and 8 of the report stage.
const SMALL: &str = r#"
question = "?"
hypothesis = "-"
analysis = "-"
score = "area"

[seeds]
tuning = [11, 12]
report = "1..2"

[rl]
run = { steps = 1500, eval_every = 500, eval_episodes = 2, log_every = 10, diagnostics = 40 }
agent = { learning_starts = 300, hidden = [16], batch_size = 16, buffer_size = 500 }

[[environments]]
env = "cartpole"

[[environments]]
env = "catch"

[[optimisers]]
name = "adam"
optimiser = "adam"
grid = { lr = [1e-3, 1e-2] }

[[optimisers]]
name = "fixed"
optimiser = "rmsprop-tf"
"#;

fn with(text: &str) -> TempDir {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("small.toml"), text).unwrap();
    dir
}

fn study(dir: &Path, args: &[&str]) -> Ran {
    run(STUDY, dir, args, &[])
}

fn works(dir: &Path, args: &[&str]) -> Ran {
    let ran = study(dir, args);
    assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.stderr);
    ran
}

fn says(ran: &Ran, words: &[&str]) {
    for word in words {
        let said = &ran.stderr;
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
}

/// The results that must be the same.
fn results(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let folder = dir.join("results/small");
    assert!(!folder.join("rows").exists(), "what the tables replace");
    let mut all = files(&folder);
    all.retain(|name, _| name != "cost.csv" && name != "files.toml");
    all
}

fn undisturbed(text: &str) -> BTreeMap<String, Vec<u8>> {
    let dir = with(text);
    works(dir.path(), &["run", "small.toml", "--quiet"]);
    results(dir.path())
}

fn rows(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir.join("results/small/rows"));
    let mut files: Vec<PathBuf> = files.unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn copied(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

const TUNE: [&str; 4] = ["run", "small.toml", "--stage", "tune"];
const HALF: [&str; 6] = ["run", "small.toml", "--stage", "tune", "--shard", "1/2"];

#[test]
fn half_a_study_goes_on_elsewhere() {
    let whole = undisturbed(SMALL);
    let here = with(SMALL);
    works(here.path(), &HALF);
    assert_eq!(rows(here.path()).len(), 1);
    let there = with(SMALL);
    copied(&here.path().join("results"), there.path());
    let ran = works(there.path(), &["run", "small.toml"]);
    says(&ran, &["tune 4/8 runs done before"]);
    assert_eq!(results(there.path()), whole);
    // Both go on, and come together again.
    works(here.path(), &TUNE);
    let other = with(SMALL);
    copied(&here.path().join("results"), other.path());
    works(
        here.path(),
        &["run", "small.toml", "--stage", "report", "--shard", "1/2"],
    );
    works(
        other.path(),
        &["run", "small.toml", "--stage", "report", "--shard", "2/2"],
    );
    for file in rows(other.path()) {
        let to = here
            .path()
            .join("results/small/rows")
            .join(file.file_name().unwrap());
        fs::copy(file, to).unwrap();
    }
    works(here.path(), &["collect", "small.toml"]);
    assert_eq!(results(here.path()), whole);
}

#[test]
fn a_finished_study_goes_on_from_its_tables() {
    let more = SMALL
        .replace("1..2", "1..3")
        .replace("[11, 12]", "[11, 12, 13]");
    let whole = undisturbed(&more);
    let here = with(SMALL);
    works(here.path(), &["run", "small.toml", "--quiet"]);
    let ran = works(here.path(), &["run", "small.toml"]);
    says(
        &ran,
        &["tune 8/8 runs done before", "report 8/8 runs done before"],
    );
    let there = with(&more);
    copied(&here.path().join("results"), there.path());
    let ran = works(there.path(), &["run", "small.toml"]);
    says(
        &ran,
        &["tune 8/12 runs done before", "report 8/12 runs done before"],
    );
    assert_eq!(results(there.path()), whole);
    // What an experiment has no longer is not forgotten.
    fs::write(there.path().join("small.toml"), SMALL).unwrap();
    works(there.path(), &["run", "small.toml", "--quiet"]);
    assert!(!rows(there.path()).is_empty());
    fs::write(there.path().join("small.toml"), &more).unwrap();
    let ran = works(there.path(), &["run", "small.toml"]);
    says(
        &ran,
        &[
            "tune 12/12 runs done before",
            "report 12/12 runs done before",
        ],
    );
    assert_eq!(results(there.path()), whole);
}

#[test]
fn a_cut_line_is_none_and_a_changed_one_is_named() {
    let whole = undisturbed(SMALL);
    let dir = with(SMALL);
    works(dir.path(), &TUNE);
    let file = rows(dir.path()).remove(0);
    let text = fs::read(&file).unwrap();
    let starts: Vec<usize> = (1..text.len()).filter(|at| text[at - 1] == b'\n').collect();
    let last = *starts.last().unwrap();
    let flipped = |at: usize| {
        let mut text = text.clone();
        text[at] ^= 1;
        text
    };
    for (content, done, words) in [
        (text[..last].to_vec(), 7, &[][..]),
        (text[..last + 1].to_vec(), 7, &[]),
        (text[..text.len() - 1].to_vec(), 7, &[]),
        (text[..10].to_vec(), 0, &[]),
        (Vec::new(), 0, &[]),
        (flipped(starts[2] + 20), 7, &["line 4, is damaged"]),
        // Two lines become one.
        (flipped(starts[3] - 1), 6, &["line 4, is damaged"]),
        (flipped(0), 0, &["is not a file of finished runs"]),
        ([&text[..starts[2]], &text[starts[3]..]].concat(), 7, &[]),
        ([&text[..], &text[starts[0]..]].concat(), 8, &[]),
    ] {
        let other = with(SMALL);
        let at = other.path().join("results/small/rows");
        fs::create_dir_all(&at).unwrap();
        let name = file.file_name().unwrap();
        fs::write(at.join(name), content).unwrap();
        let ran = study(other.path(), &["collect", "small.toml"]);
        assert_eq!(ran.code, Some(2));
        let ran = works(other.path(), &["run", "small.toml"]);
        says(&ran, words);
        if done > 0 {
            says(&ran, &[&format!("tune {done}/8 runs done before")]);
        }
        // A file of something else stays.
        let foreign = at.join(name);
        if foreign.exists() {
            assert_eq!(words, ["is not a file of finished runs"]);
            fs::remove_dir_all(at).unwrap();
        }
        assert_eq!(results(other.path()), whole);
    }
}

#[test]
fn of_two_lines_about_a_run_the_first_counts() {
    let whole = undisturbed(SMALL);
    let dir = with(SMALL);
    works(dir.path(), &TUNE);
    let file = rows(dir.path()).remove(0);
    for name in ["0.csv", "zzz.csv"] {
        fs::copy(&file, file.with_file_name(name)).unwrap();
    }
    let ran = works(dir.path(), &["run", "small.toml"]);
    says(&ran, &["tune 8/8 runs done before"]);
    assert!(!ran.stderr.contains("outcomes"), "{}", ran.stderr);
    assert_eq!(results(dir.path()), whole);
}

#[test]
fn tables_that_are_damaged_are_not_built_on() {
    let dir = with(SMALL);
    works(dir.path(), &["run", "small.toml", "--quiet"]);
    let whole = results(dir.path());
    let folder = dir.path().join("results/small");
    for file in ["runs.csv", "curves.csv", "mechanism.csv", "cost.csv"] {
        let before = fs::read(folder.join(file)).unwrap();
        let mut changed = before.clone();
        changed[before.len() / 2] ^= 1;
        for content in [changed, before[..before.len() / 2].to_vec()] {
            fs::write(folder.join(file), content).unwrap();
            let ran = study(dir.path(), &["run", "small.toml"]);
            assert_eq!(ran.code, Some(2), "{}", ran.stderr);
            says(
                &ran,
                &[file, "is damaged", "restore it, or remove", "runs.csv"],
            );
        }
        fs::write(folder.join(file), before).unwrap();
    }
    // Killed while tables were written: there are no checksums, and a curve is of other runs.
    fs::remove_file(folder.join("files.toml")).unwrap();
    let curves = fs::read_to_string(folder.join("curves.csv")).unwrap();
    let (all_but_last, _) = curves.trim_end().rsplit_once('\n').unwrap();
    fs::write(folder.join("curves.csv"), format!("{all_but_last}\n")).unwrap();
    let ran = works(dir.path(), &["run", "small.toml"]);
    says(&ran, &["report 7/8 runs done before"]);
    assert_eq!(results(dir.path()), whole);
    fs::remove_file(folder.join("runs.csv")).unwrap();
    let ran = works(dir.path(), &["run", "small.toml"]);
    assert!(!ran.stderr.contains("done before"), "{}", ran.stderr);
    assert_eq!(results(dir.path()), whole);
}

#[test]
fn folders_of_runs_are_kept_on_demand_and_count() {
    let whole = undisturbed(SMALL);
    let dir = with(SMALL);
    works(dir.path(), &["run", "small.toml", "--quiet", "--keep-runs"]);
    assert_eq!(results(dir.path()), whole);
    let folders = || {
        let all = fs::read_dir(dir.path().join("runs/small")).unwrap();
        all.filter(|entry| entry.as_ref().unwrap().path().is_dir())
            .count()
    };
    assert_eq!(folders(), 16);
    // As a study from before there was a record.
    fs::remove_dir_all(dir.path().join("results")).unwrap();
    works(dir.path(), &["collect", "small.toml"]);
    assert_eq!(results(dir.path()), whole);
    let cost = fs::read_to_string(dir.path().join("results/small/cost.csv")).unwrap();
    assert_eq!(cost.lines().count(), 17);
    fs::remove_dir_all(dir.path().join("results")).unwrap();
    let ran = works(dir.path(), &["run", "small.toml"]);
    assert!(!ran.stderr.contains("agent-steps/s"), "{}", ran.stderr);
    assert_eq!(results(dir.path()), whole);
    // Folders for runs that are recorded without.
    fs::remove_dir_all(dir.path().join("runs")).unwrap();
    works(dir.path(), &["run", "small.toml", "--quiet", "--keep-runs"]);
    assert_eq!(folders(), 16);
    assert_eq!(results(dir.path()), whole);
}

#[test]
fn a_record_that_cannot_be_written_is_an_error_and_loses_nothing() {
    let whole = undisturbed(SMALL);
    let dir = with(SMALL);
    fs::write(dir.path().join("results"), "mine").unwrap();
    let ran = study(dir.path(), &["run", "small.toml"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    says(&ran, &["results/small", "with --out"]);
    fs::remove_file(dir.path().join("results")).unwrap();
    // A full disk, after a few lines: a line is cut, and what follows is not glued to it.
    let command = format!("trap '' XFSZ; ulimit -f 2; exec {STUDY} \"$@\"");
    let args = [&["-c", &command, "sh"], &TUNE[..], &["--jobs", "1"]].concat();
    let ran = run("bash", dir.path(), &args, &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    says(
        &ran,
        &["cannot write", "rows", "the same command tries them again"],
    );
    let lines = |file: &PathBuf| fs::read_to_string(file).unwrap().lines().count();
    let written: usize = rows(dir.path()).iter().map(lines).sum();
    assert!((2..9).contains(&written), "{written} lines");
    let ran = works(dir.path(), &["run", "small.toml"]);
    says(&ran, &[&format!("tune {}/8 runs done before", written - 1)]);
    assert_eq!(results(dir.path()), whole);
}

#[test]
fn an_experiment_that_is_not_committed_is_told() {
    let dir = with(SMALL);
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
        let done = Command::new("git")
            .current_dir(dir.path())
            .args(identity)
            .args(args)
            .output();
        done.is_ok_and(|output| output.status.success())
    };
    let manifest = || fs::read_to_string(dir.path().join("results/small/manifest.toml")).unwrap();
    let words = "small.toml is not committed";
    let ran = works(dir.path(), &["run", "small.toml"]);
    assert!(!ran.stderr.contains(words), "no repository");
    assert!(!manifest().contains("experiment_commit"));
    if !git(&["init", "-q"]) {
        eprintln!("skipped: no git here");
        return;
    }
    says(&works(dir.path(), &["run", "small.toml"]), &[words]);
    assert!(manifest().contains("experiment_commit = \"uncommitted\""));
    assert!(git(&["add", "small.toml"]) && git(&["commit", "-q", "-m", "x"]));
    let ran = works(dir.path(), &["run", "small.toml"]);
    assert!(!ran.stderr.contains(words), "{}", ran.stderr);
    assert!(!manifest().contains("uncommitted") && manifest().contains("experiment_commit"));
    let quiet = run(STUDY, dir.path(), &["run", "small.toml"], &[("PATH", "")]);
    assert_eq!(quiet.code, Some(0), "{}", quiet.stderr);
}
