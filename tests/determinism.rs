//! The same configuration gives the same bytes when run again, elsewhere, and with any number of
//! threads.

mod common;

use std::{collections::BTreeMap, fs, path::Path};

use common::{SHORT, run};
use optimiser_paradigms::algorithm::registry;
use tempfile::tempdir;

/// Every CSV file of a short run, and its configuration.
fn files(dir: &Path, name: &str, more: &[&str], threads: &str) -> BTreeMap<String, Vec<u8>> {
    files_of(dir, name, &[&SHORT[..], more].concat(), threads)
}

/// The same of any run.
fn files_of(dir: &Path, name: &str, flags: &[&str], threads: &str) -> BTreeMap<String, Vec<u8>> {
    let args = [&["--quiet", "--out", name], flags].concat();
    let ran = run(
        env!("CARGO_BIN_EXE_rl"),
        dir,
        &args,
        &[("RAYON_NUM_THREADS", threads)],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout, "", "it was told to be quiet");
    let entries = fs::read_dir(dir.join(name))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let kept =
        entries.filter(|p| p.extension().is_some_and(|e| e == "csv") || p.ends_with("config.toml"));
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    kept.map(|path| (name(&path), fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn same_configuration_same_bytes() {
    let dir = tempdir().unwrap();
    for (k, more) in [
        &["--env", "cartpole", "--opt", "rmsprop"][..],
        &[
            "--env",
            "acrobot",
            "--opt",
            "adam",
            "--eval-epsilon",
            "0.1",
            "--double",
        ],
        &[
            "--env",
            "gymnasium-rs/CartPole",
            "--opt",
            "nag:lr=1e-4",
            "--tau",
            "0.5",
        ],
        &[
            "--opt",
            "adam",
            "--prioritized",
            "--n-step",
            "3",
            "--double",
        ],
        &["--opt", "adam", "--munchausen", "--prioritized"],
    ]
    .into_iter()
    .enumerate()
    {
        let one = files(dir.path(), &format!("{k}a"), more, "1");
        let names: Vec<&String> = one.keys().collect();
        assert_eq!(
            names,
            [
                "config.toml",
                "episodes.csv",
                "evaluations.csv",
                "outcome.csv",
                "updates.csv"
            ]
        );
        assert_eq!(one, files(dir.path(), &format!("{k}b"), more, "1"));
        assert_eq!(one, files(dir.path(), &format!("{k}c"), more, "7"));
        let other = files(
            dir.path(),
            &format!("{k}d"),
            &[more, &["--seed", "2"]].concat(),
            "1",
        );
        assert_ne!(one["episodes.csv"], other["episodes.csv"]);
    }
}

#[test]
fn what_is_only_watched_changes_nothing() {
    let dir = tempdir().unwrap();
    let plain = files(dir.path(), "plain", &[], "1");
    let watched = files(
        dir.path(),
        "watched",
        &[
            "--eval-every",
            "300",
            "--eval-episodes",
            "3",
            "--log-every",
            "1",
        ],
        "1",
    );
    assert_eq!(plain["episodes.csv"], watched["episodes.csv"]);
    assert_ne!(plain["evaluations.csv"], watched["evaluations.csv"]);
}

#[test]
fn diagnostics_change_no_other_file() {
    let dir = tempdir().unwrap();
    for (k, opt) in ["rmsprop", "adam:reset_moments=true"]
        .into_iter()
        .enumerate()
    {
        let more = |every: &'static str| ["--opt", opt, "--prioritized", "--diagnostics", every];
        let plain = files(dir.path(), &format!("{k}off"), &more("0"), "1");
        let watched = files(dir.path(), &format!("{k}on"), &more("5"), "1");
        assert!(!plain.contains_key("diagnostics.csv"));
        let lines = watched["diagnostics.csv"]
            .split(|byte| *byte == b'\n')
            .count();
        assert!(lines > 45, "{lines}");
        for name in ["episodes.csv", "evaluations.csv", "updates.csv"] {
            assert!(plain[name] == watched[name], "{name} differs");
        }
        let policy = |run: &str| fs::read(dir.path().join(run).join("policy.safetensors")).unwrap();
        assert!(policy(&format!("{k}off")) == policy(&format!("{k}on")));
        // The run's id is a hash of its whole configuration.
        let outcome = |files: &BTreeMap<String, Vec<u8>>| {
            let text = String::from_utf8(files["outcome.csv"].clone()).unwrap();
            let row = text.lines().nth(1).unwrap();
            row.split_once(',').unwrap().1.to_owned()
        };
        assert_eq!(outcome(&plain), outcome(&watched));
    }
}

#[test]
fn optimisers_are_paired() {
    // Until the first update, two optimisers see the same weights, actions and episodes.
    let dir = tempdir().unwrap();
    let before = |opt: &str| -> Vec<String> {
        let files = files(dir.path(), opt, &["--opt", opt], "1");
        let text = String::from_utf8(files["episodes.csv"].clone()).unwrap();
        let step = |line: &&str| {
            line.split(',')
                .next()
                .unwrap()
                .parse::<u64>()
                .is_ok_and(|s| s <= 500)
        };
        text.lines().filter(step).map(String::from).collect()
    };
    let adam = before("adam");
    assert!(adam.len() > 5);
    assert_eq!(adam, before("sgd"));
}

#[test]
fn an_agent_of_a_cohort_is_what_it_is_alone() {
    let dir = tempdir().unwrap();
    for (k, more) in [
        &["--env", "cartpole", "--opt", "adam", "--diagnostics", "5"][..],
        &[
            "--env",
            "acrobot",
            "--opt",
            "momentum:lr=1e-4",
            "--munchausen",
            "--tau",
            "0.01",
            "--diagnostics",
            "20",
            "--diagnostics-lags",
            "0",
        ],
        &[
            "--env",
            "cartpole?drift=gravity:5..15/period=500",
            "--opt",
            "rmsprop:centered=true",
            "--prioritized",
            "--n-step",
            "2",
            "--max-grad-norm",
            "1",
        ],
        // One of these diverges, which does not affect the others.
        &[
            "--env",
            "cartpole",
            "--opt",
            "sgd:lr=0.03",
            "--max-loss",
            "1.5",
            "--diagnostics",
            "3",
        ],
    ]
    .into_iter()
    .enumerate()
    {
        let out = format!("cohort{k}");
        let seeds = ["1", "2", "3", "4"];
        let args = [
            &SHORT[..],
            &["--quiet", "--out", &out, "--agents", "4"],
            more,
        ]
        .concat();
        let ran = run(env!("CARGO_BIN_EXE_rl"), dir.path(), &args, &[]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let mut outcomes = std::collections::BTreeSet::new();
        for seed in seeds {
            let alone = files(
                dir.path(),
                &format!("{k}-{seed}"),
                &[more, &["--seed", seed]].concat(),
                "1",
            );
            let folder = dir.path().join(&out).join(format!("seed-{seed}"));
            for (name, bytes) in &alone {
                let theirs = fs::read(folder.join(name)).unwrap();
                assert!(*bytes == theirs, "{more:?}, seed {seed}: {name} differs");
            }
            let outcome = String::from_utf8(alone["outcome.csv"].clone()).unwrap();
            outcomes.insert(outcome.contains("diverged"));
        }
        if k == 3 {
            assert_eq!(outcomes.len(), 2, "some diverge and some do not");
        }
    }
}

#[test]
fn no_algorithm_depends_on_threads_or_on_the_agents_beside() {
    let dir = tempdir().unwrap();
    for algorithm in registry() {
        let name = algorithm.name();
        let flags = [
            "--algo",
            name,
            "--steps",
            "2400",
            "--eval-every",
            "500",
            "--log-every",
            "7",
            "--diagnostics",
            "10",
            "--env",
            "cartpole?max_steps=20&drift=length:0.5..1.5/period=90",
        ];
        let [one, seven] = ["1", "7"]
            .map(|threads| files_of(dir.path(), &format!("{name}-{threads}"), &flags, threads));
        assert_eq!(one, seven, "{name}");
        let cohort = format!("{name}-cohort");
        let args = [&flags[..], &["--agents", "3", "--quiet", "--out", &cohort]].concat();
        let ran = run(env!("CARGO_BIN_EXE_rl"), dir.path(), &args, &[]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        for (file, bytes) in &one {
            let theirs = fs::read(dir.path().join(&cohort).join("seed-1").join(file)).unwrap();
            assert!(*bytes == theirs, "{name}: {file} differs");
        }
    }
}
