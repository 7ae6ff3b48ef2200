//! Longer runs: one that continues a shorter run has the bytes of one that was longer from its start.
#![cfg(unix)]

mod common;

use std::{fs, path::Path, process::Command};

use common::{Ran, files, run};
use optimiser_paradigms::run::rl::{Config, ConfigSource};
use settings::{Table, Value};
use tempfile::tempdir;

const RL: &str = env!("CARGO_BIN_EXE_rl");

/// Settings under which nothing depends on the number of steps. The runs end within rollouts, episodes and, with 700 steps
/// between evaluations, between those.
const RUNS: [&str; 5] = [
    "--learning-starts 300 --buffer-size 500 --epsilon 0.2 --prioritized --priority-beta 1 --n-step 3 --diagnostics 20 \
     --lr-schedule step:every=50,gamma=0.5 --eval-every 700",
    "--opt schedule-free-adamw --learning-starts 300 --exploration-fraction 0 --eval-every 500",
    "--algo a2c --n-envs 4 --n-steps 7 --eval-every 700 --diagnostics 20",
    "--algo pqn --n-envs 4 --n-steps 30 --minibatches 4 --lr-schedule constant --epsilon 0.2 --eval-every 700",
    "--algo stream-q --epsilon 0.2 --eval-every 700 --diagnostics 20",
];

fn rl(folder: &Path, flags: &str) -> Ran {
    let flags: Vec<&str> = flags.split_whitespace().chain(["--quiet"]).collect();
    run(RL, folder, &flags, &[])
}

fn ok(folder: &Path, flags: &str) {
    let ran = rl(folder, flags);
    assert_eq!(ran.code, Some(0), "{flags}: {}", ran.stderr);
}

fn refused(folder: &Path, flags: &str, words: &[&str]) {
    let ran = rl(folder, flags);
    assert_eq!(ran.code, Some(2), "{flags}: {}", ran.stderr);
    for words in words {
        assert!(ran.stderr.contains(words), "no `{words}` in {}", ran.stderr);
    }
}

/// Checks that two folders hold the same files.
fn same(folder: &Path, one: &str, other: &str, what: &str) {
    let [one, other] = [one, other].map(|name| files(&folder.join(name)));
    assert!(one.keys().eq(other.keys()), "{what}");
    for (name, bytes) in &one {
        assert!(*bytes == other[name], "{what}: {name} differs");
    }
}

#[test]
fn a_longer_run_is_what_it_would_have_been_from_its_start() {
    for settings in RUNS {
        let dir = tempdir().unwrap();
        ok(dir.path(), &format!("{settings} --steps 2000 --out short"));
        ok(dir.path(), &format!("{settings} --steps 3200 --out whole"));
        let before = files(&dir.path().join("short"));
        let longer = "--resume short --steps 3200 --out longer";
        ok(dir.path(), longer);
        same(dir.path(), "whole", "longer", settings);
        assert!(files(&dir.path().join("short")) == before, "{settings}");
        let config = fs::read_to_string(dir.path().join("longer/config.toml")).unwrap();
        assert!(config.contains("steps = 3200"), "{config}");
        // The same command again leaves it alone; a still longer one goes on from it.
        ok(dir.path(), longer);
        same(dir.path(), "whole", "longer", settings);
        ok(dir.path(), "--resume longer --steps 4000 --out longest");
        ok(dir.path(), &format!("{settings} --steps 4000 --out all"));
        same(dir.path(), "all", "longest", settings);
    }
}

#[test]
fn a_share_of_the_run_can_be_kept_as_many_steps() {
    for algo in ["dqn --learning-starts 300", "stream-q"] {
        let dir = tempdir().unwrap();
        let settings = format!("--algo {algo} --eval-every 700");
        let half = "--exploration-fraction 0.5";
        ok(
            dir.path(),
            &format!("{settings} {half} --steps 2000 --out short"),
        );
        let words = ["exploration_fraction = 0.5", "--exploration-fraction 0.25"];
        refused(dir.path(), "--resume short --steps 4000", &words);
        let quarter = "--exploration-fraction 0.25 --steps 4000";
        ok(
            dir.path(),
            &format!("--resume short {quarter} --out longer"),
        );
        ok(dir.path(), &format!("{settings} {quarter} --out whole"));
        same(dir.path(), "whole", "longer", algo);
    }
}

/// A run that ended half-way, with a checkpoint after each 1,000 steps.
const LONG: &str = "--steps 15000 --learning-starts 600 --epsilon 0.2 --train-frequency 2 --log-every 1 --hidden 16 \
                    --buffer-size 300 --eval-every 1100";

fn interrupted(folder: &Path) {
    // No file can grow beyond 96 blocks, and the log of updates will reach that, as on a full disk.
    let command = format!(
        "trap '' XFSZ; ulimit -f 96; exec {RL} --checkpoint-every 1000 --out part --quiet {LONG}"
    );
    let sh = Command::new("sh")
        .current_dir(folder)
        .args(["-c", &command])
        .output();
    assert_eq!(sh.unwrap().status.code(), Some(1));
    assert!(folder.join("part/checkpoint.safetensors").is_file());
    assert!(!folder.join("part/outcome.csv").exists());
}

#[test]
fn an_interrupted_run_goes_on_to_its_end_or_beyond() {
    let dir = tempdir().unwrap();
    interrupted(dir.path());
    let other = LONG.replace("15000", "16500");
    ok(dir.path(), &format!("{other} --out whole"));
    ok(dir.path(), "--resume part --steps 16500 --out longer");
    same(dir.path(), "whole", "longer", "longer");
    refused(
        dir.path(),
        "--resume part --steps 500",
        &["has done", "allowed: from"],
    );
    ok(dir.path(), "--resume part");
    ok(dir.path(), &format!("{LONG} --out plain"));
    same(dir.path(), "plain", "part", "to its end");
    // Without --out, a longer run has the folder that its command alone would give it.
    ok(dir.path(), "--resume part --steps 16500");
    let runs = fs::read_dir(dir.path().join("runs/cartpole")).unwrap();
    let runs: Vec<_> = runs.map(|run| run.unwrap().file_name()).collect();
    let [name] = runs.as_slice() else {
        panic!("{runs:?}");
    };
    let name = format!("runs/cartpole/{}", name.to_string_lossy());
    same(dir.path(), "whole", &name, "in its own folder");
    ok(dir.path(), &other);
    same(dir.path(), "whole", &name, "finished");
}

#[test]
fn a_run_that_is_killed_after_its_last_step_still_ends_in_the_same_bytes() {
    let dir = tempdir().unwrap();
    ok(dir.path(), &format!("{} --steps 2000 --out run", RUNS[0]));
    let run = dir.path().join("run");
    let whole = files(&run);
    // With the state at its end only, it starts again; with a checkpoint of its last step, it has only to be evaluated.
    for checkpoint in [false, true] {
        for lost in ["outcome.csv", "files.toml", "policy.safetensors"] {
            fs::remove_file(run.join(lost)).unwrap();
        }
        if checkpoint {
            let end = run.join("end.safetensors");
            fs::rename(end, run.join("checkpoint.safetensors")).unwrap();
        }
        ok(dir.path(), "--resume run");
        assert!(files(&run) == whole, "{checkpoint}");
    }
}

#[test]
fn what_cannot_become_longer_says_why_and_what_to_do() {
    let dir = tempdir().unwrap();
    let short = "--steps 1920 --learning-starts 300";
    ok(
        dir.path(),
        &format!("{short} --lr-schedule linear --out linear"),
    );
    let words = [
        "lr_schedule = linear",
        "lr_schedule = constant",
        "`rl --config linear/config.toml --steps 4000`",
    ];
    refused(dir.path(), "--resume linear --steps 4000", &words);
    ok(
        dir.path(),
        &format!("{short} --prioritized --epsilon 0.1 --out ranked"),
    );
    refused(
        dir.path(),
        "--resume ranked --steps 4000",
        &["priority_beta = 0.4", "priority_beta = 1"],
    );
    let pqn = "--algo pqn --n-envs 4 --n-steps 32 --steps 1920";
    ok(dir.path(), &format!("{pqn} --out pqn"));
    refused(
        dir.path(),
        "--resume pqn --steps 4000",
        &["lr_schedule = linear"],
    );

    ok(dir.path(), &format!("{short} --epsilon 0.1 --out run"));
    let before = files(&dir.path().join("run"));
    for (flags, words) in [
        (
            "--steps 1000",
            &["has done 1920 steps", "allowed: from 1920"][..],
        ),
        ("--seed 2", &["--resume RUN takes --steps"]),
        ("--opt adam", &["--resume RUN takes --steps"]),
        ("--steps 4000 --gamma 0.5", &["gamma cannot change"]),
        ("--out other", &["--out is for a longer run"]),
    ] {
        refused(dir.path(), &format!("--resume run {flags}"), words);
    }
    refused(
        dir.path(),
        "--resume nowhere",
        &["there is no nowhere/config.toml"],
    );
    assert!(files(&dir.path().join("run")) == before);
    let begun = fs::read_dir(dir.path().join("runs/cartpole")).unwrap();
    assert_eq!(begun.count(), 0);

    let end = dir.path().join("run/end.safetensors");
    let whole = fs::read(&end).unwrap();
    fs::write(&end, &whole[..whole.len() / 2]).unwrap();
    let words = ["end.safetensors cannot be used"];
    refused(dir.path(), "--resume run --steps 4000", &words);
    fs::remove_file(&end).unwrap();
    let words = [
        "there is no end.safetensors in run",
        "--config run/config.toml",
    ];
    refused(dir.path(), "--resume run --steps 4000", &words);
    // The run itself is as finished as before.
    ok(dir.path(), "--resume run");

    ok(
        dir.path(),
        &format!("{short} --epsilon 0.1 --opt sgd --lr 1e20 --out gone"),
    );
    refused(
        dir.path(),
        "--resume gone --steps 4000",
        &["gone diverged at step"],
    );
}

fn config(algo: &str, steps: i64, agent: &[(&'static str, Value)]) -> Config {
    let source = ConfigSource {
        algo: Some(algo.into()),
        run: [("steps", Value::Whole(steps))].into_iter().collect(),
        agent: agent.iter().cloned().collect(),
        ..ConfigSource::default()
    };
    source.resolve(None).unwrap()
}

fn not_longer(config: &Config, steps: u64, words: &str) {
    let error = config.longer(steps, &Table::new()).map(drop);
    let error = error.unwrap_err().to_string();
    assert!(error.contains(words), "no `{words}` in: {error}");
}

#[test]
fn what_depends_on_the_number_of_steps_is_named_with_the_way_out() {
    let dqn = config("dqn", 500_000, &[]);
    not_longer(&dqn, 2_000_000, "exploration_fraction = 0.5 depends");
    not_longer(&dqn, 2_000_000, "--exploration-fraction 0.125 keeps it");
    let share = [("exploration_fraction", Value::Number(0.125))];
    let longer = dqn.longer(2_000_000, &share.into_iter().collect()).unwrap();
    assert_eq!(longer.run.steps, 2_000_000);
    let beta = [("prioritized", Value::Flag(true))];
    not_longer(&config("dqn", 500_000, &beta), 600_000, "priority_beta = 1");
    let linear = [("lr_schedule", Value::from("linear"))];
    for algo in ["dqn", "a2c", "pqn", "stream-q"] {
        let linear = config(algo, 500_000, &linear);
        not_longer(&linear, 1_000_000, "lr_schedule = linear:end=0 depends");
        not_longer(&linear, 1_000_000, "began with lr_schedule = constant");
    }
}

#[test]
fn what_does_not_depend_on_it_allows_any_number_of_steps() {
    let constant = [
        ("lr_schedule", Value::from("step:every=1000,gamma=0.5")),
        ("start_e", Value::Number(0.1)),
        ("end_e", Value::Number(0.1)),
    ];
    for algo in ["dqn", "pqn", "stream-q"] {
        let longer = config(algo, 500_000, &constant).longer(1_000_000, &Table::new());
        assert_eq!(longer.unwrap().run.steps, 1_000_000, "{algo}");
    }
    let a2c = config("a2c", 500_000, &[]);
    assert!(a2c.longer(1_000_000, &Table::new()).is_ok());
    // Its environments take equally many steps.
    not_longer(&a2c, 1_000_001, "a multiple of the 8 environments");
    let gamma = [("gamma", Value::Number(0.9))].into_iter().collect();
    let error = a2c.longer(1_000_000, &gamma).map(drop).unwrap_err();
    assert!(error.to_string().contains("gamma cannot change"), "{error}");
}

/// The share that an error offers is spread over as many steps to the last bit, or the error does not offer it.
#[test]
fn a_share_that_is_offered_makes_a_longer_run() {
    let mut offered = 0;
    for fraction in [0.05, 0.1, 0.3, 0.7] {
        for steps in [600_000, 1_234_560, 7_000_000] {
            let share = |x: f64| [("exploration_fraction", Value::Number(x))];
            let config = config("stream-q", 500_000, &share(fraction));
            let error = config.longer(steps, &Table::new()).map(drop).unwrap_err();
            let error = error.to_string();
            if error.contains("no share of") {
                continue;
            }
            let Some((_, rest)) = error.split_once("--exploration-fraction ") else {
                continue;
            };
            let value = rest.split(' ').next().unwrap().parse().unwrap();
            let longer = config.longer(steps, &share(value).into_iter().collect());
            assert_eq!(longer.unwrap().run.steps, steps);
            offered += 1;
        }
    }
    assert!(offered >= 10, "{offered}");
}

#[test]
fn where_no_share_of_the_run_is_as_long_another_number_of_steps_is_named() {
    let dir = tempdir().unwrap();
    let short =
        "--algo stream-q --exploration-fraction 0.05 --steps 10000 --eval-every 5000 --out short";
    ok(dir.path(), short);
    let way_out = "--steps 160000 --exploration-fraction 0.003125";
    refused(dir.path(), "--resume short --steps 150000", &[way_out]);
}
