//! Commands and files mutated from valid ones: whatever a user gives, a program ends soon, with the right exit code, a
//! word about what is wrong, and no panic; what runs leaves whole files.
//!
//! What there is to mutate is read from `rl --list`: a setting, an environment or an optimiser that is new is mutated too.
//! The long form:
//!
//! ```sh
//! FUZZ_INPUTS=10000 cargo test --release --test fuzz -- --ignored --nocapture
//! ```
//!
//! Each input follows from its number alone, which a failure names: `FUZZ_FIRST=1234 FUZZ_INPUTS=1` runs it again.

mod draws;
mod inputs;
mod listing;
mod texts;
mod values;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use draws::Draws;
use inputs::{Input, input};
use listing::Listing;

/// Longer than any of these runs takes on a busy machine.
const HANG: Duration = Duration::from_secs(120);

const RL: &str = env!("CARGO_BIN_EXE_rl");
const STUDY: &str = env!("CARGO_BIN_EXE_study");
const SUPERVISED: &str = env!("CARGO_BIN_EXE_supervised");
const ORDER: &str = env!("CARGO_BIN_EXE_order");

/// Runs an input. Whether it ran to its end, or what is wrong.
fn outcome(input: &Input) -> Result<bool, String> {
    let folder = tempfile::tempdir().unwrap();
    if let Some((name, text)) = &input.file {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let log = fs::File::create(folder.path().join("stderr")).unwrap();
    let mut child = Command::new(input.program)
        .args(&input.args)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        // An argument with a zero byte does not even start.
        .map_err(|error| error.to_string())?;
    let started = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if started.elapsed() > HANG => {
                let _ = child.kill();
                let _ = child.wait();
                return Err("it hangs".into());
            }
            None => thread::sleep(Duration::from_millis(2)),
        }
    };
    let said = fs::read_to_string(folder.path().join("stderr")).unwrap_or_default();
    if said.contains("panicked") {
        return Err(format!("a panic: {said}"));
    }
    match status.code() {
        Some(0) => left_whole(folder.path()).map(|()| true),
        Some(2) if said.contains("error: ") => Ok(false),
        code => Err(format!("exit code {code:?}: {said}")),
    }
}

/// An error if a run's outcome in `folder` has a number that is none, or if its files are not there.
fn left_whole(folder: &Path) -> Result<(), String> {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "csv") {
                let text = fs::read_to_string(&path).map_err(|e| e.to_string())?;
                let columns = |line: &str| line.split(',').count();
                if text.lines().count() == 0 {
                    return Err(format!("{} is empty", path.display()));
                }
                let strange = |cell: &str| {
                    let cell = cell.trim_matches('"').to_lowercase();
                    ["nan", "inf", "-inf"].contains(&cell.as_str())
                };
                // What was measured of an update may be no number; an outcome may not.
                if path.ends_with("outcome.csv") {
                    let row = text.lines().nth(1).unwrap_or_default();
                    if columns(row) < 5 || row.split(',').any(strange) {
                        return Err(format!("{}: {row}", path.display()));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Runs so many inputs from number `first` on, until `time` is up; returns how many ran and how many there were.
fn fuzz(first: u64, inputs: u64, time: Duration) -> (u64, u64) {
    let listing = Listing::read();
    let (next, ran, tried) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let started = Instant::now();
    let work = || {
        let mut wrong = Vec::new();
        while started.elapsed() < time {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= inputs {
                break;
            }
            let input = input(first + i, &listing);
            match outcome(&input) {
                Ok(whole) => ran.fetch_add(whole.into(), Ordering::Relaxed),
                Err(why) => {
                    eprintln!("input {}: {input:?}\n{why}\n", first + i);
                    wrong.push(first + i);
                    0
                }
            };
            let tried = tried.fetch_add(1, Ordering::Relaxed) + 1;
            if tried.is_multiple_of(500) {
                eprintln!("{tried} inputs, {} ran", ran.load(Ordering::Relaxed));
            }
        }
        wrong
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let wrong: Vec<u64> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "inputs {wrong:?}");
    (ran.into_inner(), tried.into_inner())
}

#[test]
fn a_few_hundred_mutated_inputs() {
    let (ran, tried) = fuzz(1, 200, Duration::from_secs(20));
    // Some optimisers refuse much: groups, resets, GPUs.
    assert!(5 * ran > 2 * tried, "{ran} of {tried} ran");
}

#[cfg(unix)]
#[test]
fn arguments_that_are_not_text_are_no_reason_to_panic() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    for program in [RL, STUDY, SUPERVISED, ORDER] {
        for argument in [&b"--out=r\xff"[..], b"--config=\xff", b"\xff"] {
            let mut command = Command::new(program);
            command.args([OsStr::from_bytes(argument), OsStr::new("--nonsense")]);
            let out = command.output().unwrap();
            let said = String::from_utf8_lossy(&out.stderr);
            assert_eq!(out.status.code(), Some(2), "{program}: {said}");
            assert!(
                said.contains("error: ") && !said.contains("panicked"),
                "{said}"
            );
        }
    }
}

#[test]
#[ignore = "as long as you like: FUZZ_INPUTS"]
fn many_mutated_inputs() {
    let number = |name: &str, default| {
        let text = std::env::var(name).ok();
        text.map_or(default, |text| text.parse().expect("a number"))
    };
    let (ran, tried) = fuzz(
        number("FUZZ_FIRST", 1),
        number("FUZZ_INPUTS", 10_000),
        Duration::MAX,
    );
    eprintln!("{tried} inputs, {ran} ran");
}
