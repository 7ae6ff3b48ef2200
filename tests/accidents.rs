//! What happens to the programs: a terminal that goes away, a disk that is full, a machine that is too small.
#![cfg(unix)]

mod common;

use std::{
    fs::OpenOptions,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use common::run;
use tempfile::tempdir;

const RL: &str = env!("CARGO_BIN_EXE_rl");
const STUDY: &str = env!("CARGO_BIN_EXE_study");
const SUPERVISED: &str = env!("CARGO_BIN_EXE_supervised");

/// A study of a run that takes long.
const LONG: &str = r#"
question = "How long?"
hypothesis = "Long."
analysis = "Wait."
seeds = { tuning = [1], report = [2] }
rl = { run = { steps = 3_000_000, eval_every = 1_000_000 }, agent = { learning_starts = 500 } }
environments = [{ env = "cartpole" }]
optimisers = [{ name = "adam", optimiser = "adam" }]
"#;

/// A run of each program that takes long and saves often.
fn long_runs() -> [(&'static str, Vec<&'static str>, &'static str); 3] {
    let words = |text: &'static str| text.split(' ').collect();
    [
        (
            RL,
            words("--steps 3000000 --checkpoint-every 200 --out r --quiet"),
            "r/checkpoint.safetensors",
        ),
        (
            SUPERVISED,
            words(
                "--dataset synthetic --net mlp --epochs 100000 --checkpoint-every 20 --out r --quiet",
            ),
            "r/checkpoint.safetensors",
        ),
        (
            STUDY,
            words("run long.toml --checkpoint-every 200 --jobs 1 --quiet"),
            "runs/long",
        ),
    ]
}

/// Whether `name` is in `folder` or, if it is a folder of runs, a checkpoint is in one of them.
fn saved(folder: &Path, name: &str) -> bool {
    let path = folder.join(name);
    if path.is_file() {
        return true;
    }
    let runs = std::fs::read_dir(path).into_iter().flatten().flatten();
    runs.into_iter()
        .any(|run| run.path().join("checkpoint.safetensors").is_file())
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(120), "no {what}");
        sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// The program of `command` does not ignore SIGHUP, even if these tests run under nohup.
fn heeds_hangup(command: &mut Command) {
    // SAFETY: sets how a signal is handled, to the default.
    let heed = || match unsafe { libc::signal(libc::SIGHUP, libc::SIG_DFL) } {
        libc::SIG_ERR => Err(std::io::Error::last_os_error()),
        _ => Ok(()),
    };
    // SAFETY: between fork and exec only signal(2) is called, which may be called there.
    unsafe { command.pre_exec(heed) };
}

#[test]
fn a_terminal_that_goes_away_ends_a_run_after_a_checkpoint() {
    for (program, args, file) in long_runs() {
        let dir = tempdir().unwrap();
        std::fs::write(dir.path().join("long.toml"), LONG).unwrap();
        let mut command = Command::new(program);
        command.args(&args).current_dir(dir.path());
        heeds_hangup(&mut command);
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        until("checkpoint", || saved(dir.path(), file));
        signal(&child, "HUP");
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(128 + 1), "{program}: {stderr}");
        assert!(stderr.contains("signal 1"), "{program}: {stderr}");
        assert!(saved(dir.path(), file), "{program}");
    }
}

#[test]
fn under_nohup_a_run_goes_on_without_its_terminal() {
    for (program, args, file) in long_runs() {
        let dir = tempdir().unwrap();
        std::fs::write(dir.path().join("long.toml"), LONG).unwrap();
        // What nohup does.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' HUP; exec \"$@\"", "sh", program])
            .args(&args)
            .current_dir(dir.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("checkpoint", || saved(dir.path(), file));
        signal(&child, "HUP");
        sleep(Duration::from_millis(300));
        assert!(child.try_wait().unwrap().is_none(), "{program} has ended");
        signal(&child, "TERM");
        assert_eq!(child.wait().unwrap().code(), Some(128 + 15), "{program}");
    }
}

/// Runs whose learning after one step of their environments takes minutes.
const LONG_LEARNING: [&str; 2] = [
    "--algo pqn --epochs 65536 --minibatches 16 --n-envs 4 --n-steps 256 --steps 4096",
    "--gradient-steps 1000000 --learning-starts 300 --steps 3000",
];

#[test]
fn a_signal_ends_learning_that_takes_long() {
    for text in LONG_LEARNING {
        let dir = tempdir().unwrap();
        let mut args: Vec<&str> = text.split(' ').collect();
        args.extend(["--checkpoint-every", "16", "--out", "r", "--quiet"]);
        let child = Command::new(RL)
            .args(&args)
            .current_dir(dir.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        until("checkpoint", || {
            saved(dir.path(), "r/checkpoint.safetensors")
        });
        // By then it learns.
        sleep(Duration::from_millis(500));
        let before = Instant::now();
        signal(&child, "TERM");
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(128 + 15), "{text}: {stderr}");
        assert!(stderr.contains("continues from step"), "{text}: {stderr}");
        assert!(before.elapsed() < Duration::from_secs(20), "{text}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_cannot_be_written_is_an_error() {
    let dir = tempdir().unwrap();
    for (program, args) in [
        (RL, &["--list"][..]),
        (RL, &["--help"]),
        (RL, &["--version"]),
        (RL, &["--steps", "300", "--eval-every", "300"]),
        (STUDY, &["schema"]),
        (STUDY, &["--help"]),
        (STUDY, &["run", "--help"]),
        (STUDY, &["landscape", "--list"]),
        (SUPERVISED, &["--help"]),
        (
            SUPERVISED,
            &["--dataset", "synthetic", "--net", "mlp", "--steps", "2"],
        ),
    ] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(program)
            .args(args)
            .current_dir(dir.path())
            .stdout(full)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            output.status.code(),
            Some(1),
            "{program} {args:?}: {stderr}"
        );
        assert!(
            stderr.contains("cannot write to standard output"),
            "{program} {args:?}: {stderr}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = tempdir().unwrap();
    for (program, arg) in [
        (RL, "--list"),
        (RL, "--help"),
        (STUDY, "schema"),
        (SUPERVISED, "--help"),
    ] {
        let script = format!("\"$0\" {arg} | true; echo ${{PIPESTATUS[0]}}");
        let output = Command::new("bash")
            .args(["-c", &script, program])
            .current_dir(dir.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let code = String::from_utf8(output.stdout).unwrap();
        assert_eq!((code.trim(), stderr.as_str()), ("0", ""), "{program} {arg}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_buffer_beyond_the_machines_memory_is_refused_before_anything_is_written() {
    let dir = tempdir().unwrap();
    let large = ["--buffer-size", "1e9", "--steps", "2e9", "--agents", "1024"];
    let ran = run(RL, dir.path(), &[&large[..], &["--out", "r"]].concat(), &[]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    for words in [
        "buffer_size = 1000000000",
        "28704.8 GB",
        "this process may use",
    ] {
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    assert!(!dir.path().join("r").exists());
    // A short run never fills it.
    let short = [&common::SHORT[..], &["--buffer-size", "1e9", "--out", "r"]].concat();
    let ran = run(RL, dir.path(), &short, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn settings_of_no_use_are_told_at_the_start() {
    let dir = tempdir().unwrap();
    for (args, words) in [
        (
            &["--opt", "sgd:lr=0"][..],
            "lr = 0: the weights stay as they are",
        ),
        (
            &["--lr-schedule", "linear:warmup=1000000"],
            "warmup=1000000 is still warming up when the run ends: it makes 249 updates",
        ),
        (
            &["--exploration-fraction", "0.1"],
            "epsilon is at end_e = 0.05 from step 300 on, before anything is learned",
        ),
        (
            &["--train-frequency", "5000"],
            "nothing is learned in 3000 steps",
        ),
    ] {
        let all = [&common::SHORT[..], args, &["--force", "--out", "r"]].concat();
        let ran = run(RL, dir.path(), &all, &[]);
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.stderr);
        let first = ran.stderr.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("warning: ") && first.contains(words),
            "{args:?}: {}",
            ran.stderr
        );
        let quiet = run(RL, dir.path(), &[&all[..], &["--quiet"]].concat(), &[]);
        assert_eq!(quiet.stderr, "", "{args:?}");
    }
}
