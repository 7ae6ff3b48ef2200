//! Kinds of bugs that public repositories had, as tests of the whole programs. Others of the table are where their subject
//! is: n steps at a buffer's wrap and at a truncation in `replay/`, schedules and exploration at a resume in `resume.rs`,
//! a Slurm array over the limit in `slurm_scripts.rs`, neighbouring seeds in `src/streams.rs`, drift of a sum tree in
//! `src/algorithm/dqn/replay/sum_tree.rs`, late steps and zero gradients in `optim/tests/late_and_zero.rs`.

mod common;

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use candle_core::{DType, Device};
use common::run;
use tempfile::tempdir;

const RL: &str = env!("CARGO_BIN_EXE_rl");
const STUDY: &str = env!("CARGO_BIN_EXE_study");

/// Whether every weight in `file` is a finite number.
fn finite(file: &Path) -> bool {
    let weights = candle_core::safetensors::load(file, &Device::Cpu).unwrap();
    assert!(!weights.is_empty());
    weights.values().all(|weights| {
        let numbers = weights.to_dtype(DType::F32).unwrap().flatten_all().unwrap();
        numbers
            .to_vec1::<f32>()
            .unwrap()
            .iter()
            .all(|x| x.is_finite())
    })
}

/// Clipping by norm divides by a norm that may be infinite or NaN, and clipping by value turns infinity into a number: the
/// run must notice, or have weights that are numbers.
#[test]
fn what_clipping_hides_is_divergence_all_the_same() {
    let dir = tempdir().unwrap();
    let mut outcomes = BTreeSet::new();
    let mut number = 0;
    for clip in [
        &["--max-grad-norm", "1"][..],
        &["--max-grad-value", "1"],
        &["--max-grad-norm", "1e30"],
        &[],
    ] {
        for optimiser in ["sgd", "momentum", "rmsprop", "adam", "adadelta", "lion"] {
            for lr in ["1e-3", "1e6", "1e30"] {
                number += 1;
                let out = format!("r{number}");
                let opt = format!("{optimiser}:lr={lr}");
                let args = [
                    &[
                        "--opt",
                        &opt,
                        "--out",
                        &out,
                        "--steps",
                        "400",
                        "--learning-starts",
                        "50",
                    ][..],
                    &[
                        "--train-frequency",
                        "2",
                        "--hidden",
                        "16",
                        "--eval-every",
                        "100",
                    ],
                    &["--eval-episodes", "1", "--max-loss", "1e300", "--quiet"],
                    clip,
                ];
                let ran = run(RL, dir.path(), &args.concat(), &[]);
                assert_eq!(ran.code, Some(0), "{opt} {clip:?}: {}", ran.stderr);
                let folder = dir.path().join(&out);
                let outcome = fs::read_to_string(folder.join("outcome.csv")).unwrap();
                let diverged = outcome.contains("diverged");
                outcomes.insert(diverged);
                let policy = folder.join("policy.safetensors");
                assert!(
                    !policy.exists() || finite(&policy),
                    "{opt} {clip:?}: the weights are no numbers"
                );
                let updates = fs::read_to_string(folder.join("updates.csv")).unwrap();
                let no_number = |cell: &str| cell.parse::<f64>().is_ok_and(|x| !x.is_finite());
                let mut lines = updates.lines().skip(1);
                assert!(
                    diverged || !lines.any(|line| line.split(',').any(no_number)),
                    "{opt} {clip:?}: finished with {updates}"
                );
            }
        }
    }
    assert_eq!(outcomes, BTreeSet::from([false, true]), "of either kind");
}

const EXPERIMENT: &str = r#"question = "Which?"
hypothesis = "None."
analysis = "By the score."
seeds = { tuning = "101..102", report = "1..2" }
rl = { preset = "cleanrl", run = { steps = 60, eval_every = 30, eval_episodes = 1 }, agent = { learning_starts = 20, hidden = [8] } }
environments = [{ env = "catch" }]

[[optimisers]]
name = "adam"
optimiser = "adam"
"#;

/// The cores that a study counts on, when it is started by `command` with more arguments.
fn cores(command: &str, args: &[&str]) -> Option<usize> {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("e.toml"), EXPERIMENT).unwrap();
    let output = Command::new(command)
        .args(args)
        .args([STUDY, "list", "e.toml"])
        .current_dir(dir.path())
        .output()
        .ok()?;
    let said = String::from_utf8(output.stdout).unwrap();
    let (before, _) = said.split_once(" of this machine")?;
    let words: Vec<&str> = before.split_whitespace().collect();
    words.get(words.len() - 2)?.parse().ok()
}

/// A process that may use one core starts one worker, however many the machine has.
#[test]
fn the_cpus_that_a_process_may_use_are_what_counts() {
    let all = cores("env", &[]).expect("`study list` says on how many cores");
    assert_eq!(all, std::thread::available_parallelism().unwrap().get());
    if all > 1 && Command::new("taskset").arg("--version").output().is_ok() {
        assert_eq!(cores("taskset", &["--cpu-list", "0"]), Some(1));
    }
}

/// Nor do more start than a cgroup's quota pays for. It needs the right to make a cgroup.
#[test]
fn a_cgroups_quota_is_what_counts() {
    let group = format!("/sys/fs/cgroup/optimiser-paradigms-{}", std::process::id());
    // Where cgroups are of the first version, this folder is an ordinary one.
    let second = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    let made = second
        && fs::create_dir(&group).is_ok()
        && fs::write(format!("{group}/cpu.max"), "100000 100000").is_ok();
    let join = format!("echo $$ > {group}/cgroup.procs && exec \"$@\"");
    let counted = made.then(|| cores("sh", &["-c", &join, "sh"]));
    let _ = fs::remove_dir(&group);
    match counted {
        Some(counted) => assert_eq!(counted, Some(1)),
        None => eprintln!("skipped: no cgroup can be made here"),
    }
}
