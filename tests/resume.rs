//! Interrupted runs: killed, stopped, out of disk space, with a damaged checkpoint. A resumed run ends
//! with the bytes of an undisturbed run.
#![cfg(unix)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use common::{SHORT, files, run};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::tempdir;

const RL: &str = env!("CARGO_BIN_EXE_rl");
const CHECKPOINT: &str = "checkpoint.safetensors";

/// Covers everything that a checkpoint must hold: a drift, priorities, n steps, a schedule,
/// evaluations, diagnostics.
const RUN: &[&str] = &[
    "--env",
    "cartpole?drift=length:0.5..1.5/period=900,shape=walk&drift=actions/period=3000",
    "--opt",
    "adam:lr=1e-3",
    "--steps",
    "15000",
    "--learning-starts",
    "600",
    "--buffer-size",
    "2000",
    "--n-step",
    "3",
    "--prioritized",
    "--double",
    "--lr-schedule",
    "linear",
    "--eval-every",
    "1100",
    "--eval-epsilon",
    "0.05",
    "--log-every",
    "7",
    "--diagnostics",
    "30",
    "--quiet",
];

/// More rows, and less state to save.
const TALKATIVE: &[&str] = &[
    "--train-frequency",
    "2",
    "--log-every",
    "1",
    "--hidden",
    "16",
    "--buffer-size",
    "300",
];

fn finish(folder: &Path, out: &str, more: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let args = [RUN, &["--out", out], more].concat();
    let ran = run(RL, folder, &args, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    files(&folder.join(out))
}

#[test]
fn killed_at_twenty_moments_and_resumed_it_ends_in_the_same_bytes() {
    let dir = tempdir().unwrap();
    let start = Instant::now();
    let undisturbed = finish(dir.path(), "whole", &[]);
    assert!(undisturbed.contains_key("policy.safetensors"));
    // On a busy machine everything takes longer.
    let most = (start.elapsed().as_micros() as u64 / 3).max(60_000);
    let more = ["--resume", "--checkpoint-every", "250", "--out", "killed"];
    let mut moments = ChaCha8Rng::seed_from_u64(20);
    let mut survived = 0;
    for _ in 0..20 {
        let mut child = Command::new(RL)
            .current_dir(dir.path())
            .args([RUN, &more].concat())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_micros(moments.random_range(0..most)));
        child.kill().unwrap();
        child.wait().unwrap();
        survived += u32::from(dir.path().join("killed").join(CHECKPOINT).exists());
    }
    assert!(survived > 0, "no run got as far as a checkpoint");
    let resumed = finish(dir.path(), "killed", &["--resume"]);
    assert_eq!(
        undisturbed.keys().collect::<Vec<_>>(),
        resumed.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &undisturbed {
        assert!(*bytes == resumed[name], "{name} differs");
    }
}

#[test]
fn a_stopped_cohort_goes_on() {
    let dir = tempdir().unwrap();
    let agents = ["--agents", "3", "--steps", "30000"];
    let alone = [&["--steps", "30000", "--seed", "2"][..]].concat();
    let undisturbed = finish(dir.path(), "alone", &alone);
    let first = dir.path().join("stopped/seed-3/evaluations.csv");
    let length = || fs::metadata(&first).map_or(100, |file| file.len());
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let before = length();
        let mut child = Command::new(RL)
            .current_dir(dir.path())
            .args([RUN, &agents, &["--resume", "--out", "stopped"]].concat())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Another evaluation: the run is in progress and its signal handlers are installed.
        while length() <= before {
            assert!(child.try_wait().unwrap().is_none(), "it has ended");
            sleep(Duration::from_millis(1));
        }
        let kill = ["-s", signal, &child.id().to_string()];
        assert!(Command::new("kill").args(kill).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("continues from step"), "{said}");
    }
    // Without --resume, the folder is left alone.
    let args = [RUN, &agents, &["--out", "stopped"]].concat();
    let refused = run(RL, dir.path(), &args, &[]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("interrupted; --resume continues"),
        "{}",
        refused.stderr
    );

    let args = [RUN, &agents, &["--resume", "--out", "stopped"]].concat();
    let ran = run(RL, dir.path(), &args, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let resumed = files(&dir.path().join("stopped/seed-2"));
    for (name, bytes) in &undisturbed {
        assert!(*bytes == resumed[name], "{name} differs");
    }
    let again = run(RL, dir.path(), &args, &[]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), ""));
}

/// A run in `folder` that ended half-way, with a checkpoint.
fn interrupted(folder: &Path, out: &str) {
    // No file can grow beyond 96 blocks, and the log of updates will reach that, as on a full disk.
    let command =
        format!("trap '' XFSZ; ulimit -f 96; exec {RL} --checkpoint-every 1000 --out {out} \"$@\"");
    let output = Command::new("sh")
        .current_dir(folder)
        .args([&["-c", &command, "sh"], RUN, TALKATIVE].concat())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("cannot write") && said.contains(out),
        "{said}"
    );
}

#[test]
fn a_full_disk_is_an_error_and_the_last_checkpoint_is_whole() {
    let dir = tempdir().unwrap();
    let undisturbed = finish(dir.path(), "whole", TALKATIVE);
    interrupted(dir.path(), "full");
    let left = files(&dir.path().join("full"));
    assert!(left.contains_key(CHECKPOINT), "{:?}", left.keys());
    assert!(
        !left.keys().any(|name| name.ends_with(".part")),
        "{:?}",
        left.keys()
    );
    let resumed = finish(dir.path(), "full", &[TALKATIVE, &["--resume"]].concat());
    for (name, bytes) in &undisturbed {
        assert!(*bytes == resumed[name], "{name} differs");
    }
}

#[test]
fn a_checkpoint_that_does_not_fit_is_refused_and_nothing_is_touched() {
    let dir = tempdir().unwrap();
    interrupted(dir.path(), "run");
    let folder = dir.path().join("run");
    let path = folder.join(CHECKPOINT);
    let whole = fs::read(&path).unwrap();
    let flipped = {
        let text = b"version ";
        let at = whole.windows(text.len()).position(|w| w == text).unwrap();
        let mut bytes = whole.clone();
        bytes[at + text.len()] = b'9';
        bytes
    };
    let one_bit = {
        let mut bytes = whole.clone();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    };
    let damaged: [(Vec<u8>, &str); 6] = [
        (whole[..whole.len() / 2].to_vec(), "no checkpoint state"),
        (whole[..3].to_vec(), "no checkpoint state"),
        (Vec::new(), "no checkpoint state"),
        (b"hello".repeat(100), "no checkpoint state"),
        (flipped, "needed: of"),
        (one_bit, "not those that were written"),
    ];
    let args = [RUN, TALKATIVE, &["--resume", "--out", "run"]].concat();
    for (bytes, words) in damaged {
        fs::write(&path, &bytes).unwrap();
        let before = files(&folder);
        let ran = run(RL, dir.path(), &args, &[]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(
            ran.stderr.contains(CHECKPOINT) && ran.stderr.contains(words),
            "{}",
            ran.stderr
        );
        assert_eq!(files(&folder), before);
    }
    // A file that lost data that the checkpoint relies on.
    fs::write(&path, &whole).unwrap();
    fs::write(folder.join("episodes.csv"), "").unwrap();
    let ran = run(RL, dir.path(), &args, &[]);
    assert!(
        ran.stderr.contains("the checkpoint expects"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_cannot_be_saved_says_so() {
    let dir = tempdir().unwrap();
    let foreign = [
        "--env",
        "gymnasium-rs/CartPole",
        "--checkpoint-every",
        "500",
    ];
    let args = [&SHORT[..], &foreign].concat();
    let ran = run(RL, dir.path(), &args, &[]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("leave out --checkpoint-every"),
        "{}",
        ran.stderr
    );
    for (flags, words) in [
        (&["--checkpoint-every", "0"][..], "checkpoint-every"),
        (&["--agents", "0"], "agents"),
        (&["--resume", "--force"], "cannot be used with"),
        (
            &["--agents", "3", "--seed", "9223372036854775806"],
            "the last seed",
        ),
    ] {
        let ran = run(RL, dir.path(), flags, &[]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
}

#[test]
fn a_mistake_costs_no_finished_run() {
    let dir = tempdir().unwrap();
    let short = [&SHORT[..], &["--quiet", "--out", "kept"]].concat();
    assert_eq!(
        run(
            RL,
            dir.path(),
            &[&short[..], &["--agents", "2"]].concat(),
            &[]
        )
        .code,
        Some(0)
    );
    let first = dir.path().join("kept/seed-1");
    let before = files(&first);
    fs::write(dir.path().join("kept/seed-2/letter.txt"), "mine").unwrap();
    fs::remove_file(dir.path().join("kept/seed-2/config.toml")).unwrap();
    for (more, words) in [
        (&["--agents", "2"][..], "letter.txt"),
        (&["--device", "cuda"], "device = cuda"),
        (
            &["--env", "gymnasium-rs/CartPole", "--checkpoint-every", "9"],
            "its runs have no checkpoints",
        ),
        (
            &["--env", "gymnasium-rs/CartPole", "--render", "x.gif"],
            "cannot be drawn",
        ),
        (
            &["--agents", "64", "--hidden", "4000,4000"],
            "times 64 agents",
        ),
        (
            &["--env", "deep_sea?size=100", "--batch-size", "1048576"],
            "batch_size",
        ),
    ] {
        if more.contains(&"cuda") && cfg!(feature = "cuda") {
            continue;
        }
        let ran = run(
            RL,
            dir.path(),
            &[&short[..], more, &["--force"]].concat(),
            &[],
        );
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(
            ran.stderr.contains(words),
            "no `{words}` in: {}",
            ran.stderr
        );
        assert_eq!(files(&first), before, "{more:?}");
    }
}
