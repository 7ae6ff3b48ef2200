//! Runs that start with a trained agent's networks, and evaluation episodes that runs share.

mod common;

use std::{collections::BTreeMap, fs, path::Path};

use common::{Ran, files, run};
use safetensors::SafeTensors;
use tempfile::tempdir;

const RL: &str = env!("CARGO_BIN_EXE_rl");
const STUDY: &str = env!("CARGO_BIN_EXE_study");

/// Short runs of each algorithm.
const ALGORITHMS: [&str; 4] = [
    "--algo dqn --learning-starts 300 --hidden 32",
    "--algo a2c --n-envs 4",
    "--algo pqn --n-envs 4 --n-steps 32 --hidden 32,32",
    "--algo stream-q",
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

fn text(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

/// The first evaluation of a run.
fn first(folder: &Path, run: &str) -> String {
    let table = text(folder, &format!("{run}/evaluations.csv"));
    table.lines().nth(1).unwrap().to_owned()
}

/// The arrays in a file of a run whose names begin with `prefix`.
fn arrays(path: &Path, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let data = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&data).unwrap();
    let all = file.tensors().into_iter();
    let all = all.filter(|(name, _)| name.starts_with(prefix));
    all.map(|(name, view)| (name, view.data().to_vec()))
        .collect()
}

/// The weights of the policy that a run saved.
fn policy(folder: &Path, run: &str) -> BTreeMap<String, Vec<u8>> {
    let mut arrays = arrays(&folder.join(run).join("policy.safetensors"), "");
    // Stream Q(lambda) normalises what it sees by statistics that go on changing.
    arrays.retain(|name, _| !["mean", "squares", "count"].contains(&name.as_str()));
    arrays
}

#[test]
fn it_starts_as_the_trained_agent_is_and_two_seeds_share_their_evaluations() {
    for algorithm in ALGORITHMS {
        let dir = tempdir().unwrap();
        let dir = dir.path();
        ok(
            dir,
            &format!("{algorithm} --steps 4000 --eval-every 1000 --seed 5 --out trained"),
        );
        // Nothing is learned.
        let start = format!("{algorithm} --from trained --lr 0 --steps 1024 --eval-every 1024");
        ok(dir, &format!("{start} --eval-seed 7 --out one"));
        ok(dir, &format!("{start} --eval-seed 7 --seed 2 --out two"));
        ok(dir, &format!("{start} --seed 1 --out own"));
        ok(dir, &format!("{start} --seed 2 --out other"));
        ok(
            dir,
            &format!("{algorithm} --steps 1024 --eval-seed 7 --out untrained"),
        );
        assert_eq!(first(dir, "one"), first(dir, "two"), "{algorithm}");
        assert_ne!(first(dir, "own"), first(dir, "other"), "{algorithm}");
        assert_ne!(first(dir, "one"), first(dir, "own"), "{algorithm}");
        assert_eq!(policy(dir, "one"), policy(dir, "trained"), "{algorithm}");
        assert_ne!(policy(dir, "one"), policy(dir, "untrained"), "{algorithm}");
        if !algorithm.contains("stream-q") {
            let [one, two] = ["one", "two"].map(|run| text(dir, &format!("{run}/evaluations.csv")));
            assert_eq!(one, two, "{algorithm}");
        }
        // Their training does differ.
        let [one, two] = ["one", "two"].map(|run| text(dir, &format!("{run}/episodes.csv")));
        assert_ne!(one, two, "{algorithm}");
    }
}

#[test]
fn the_state_at_the_end_brings_all_networks() {
    let dir = tempdir().unwrap();
    let dir = dir.path();
    let algorithm = ALGORITHMS[1];
    ok(dir, &format!("{algorithm} --steps 2000 --out trained"));
    let start = format!("{algorithm} --lr 0 --steps 400 --from");
    ok(dir, &format!("{start} trained/end.safetensors --out last"));
    ok(
        dir,
        &format!("{start} trained/policy.safetensors --out best"),
    );
    ok(dir, &format!("{start} trained --out folder"));
    let of = |run: &str, prefix: &str| arrays(&dir.join(run).join("end.safetensors"), prefix);
    assert_eq!(of("trained", "agent.value.").len(), 6);
    for prefix in ["agent.policy.", "agent.value."] {
        assert_eq!(of("last", prefix), of("trained", prefix));
    }
    assert_eq!(of("best", "agent."), of("folder", "agent."));
    // A policy has no value network, so a new one is drawn.
    assert_ne!(of("best", "agent.value."), of("trained", "agent.value."));
    // DQN's target network starts with the same weights.
    let algorithm = ALGORITHMS[0];
    ok(dir, &format!("{algorithm} --steps 2000 --out dqn"));
    let start = format!("{algorithm} --steps 400 --learning-starts 1000 --from");
    ok(dir, &format!("{start} dqn/end.safetensors --out again"));
    let online = of("dqn", "agent.online.");
    let unnamed =
        |run: &str, prefix: &str| -> Vec<Vec<u8>> { of(run, prefix).into_values().collect() };
    assert_eq!(of("again", "agent.online."), online);
    assert_eq!(
        unnamed("again", "agent.target."),
        unnamed("dqn", "agent.online.")
    );
}

#[test]
fn it_can_be_repeated_and_resumed() {
    let dir = tempdir().unwrap();
    let dir = dir.path();
    let algorithm = ALGORITHMS[0];
    ok(dir, &format!("{algorithm} --steps 1500 --out trained"));
    ok(
        dir,
        &format!("{algorithm} --steps 1500 --seed 9 --out another"),
    );
    let start = format!("{algorithm} --steps 1500 --epsilon 0.1");
    ok(dir, &format!("{start} --from trained --out run"));
    let config = text(dir, "run/config.toml");
    let sum = text(dir, "trained/files.toml");
    let sum = sum.split("[\"policy.safetensors\"]").nth(1).unwrap();
    let sum = sum
        .split("sha256 = \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    for words in [
        "from = \"trained\"",
        &format!("from_sha256 = \"{sum}\""),
        "start_e = 0.1",
        "end_e = 0.1",
    ] {
        assert!(config.contains(words), "no `{words}` in {config}");
    }
    ok(dir, "--config run/config.toml --out again");
    assert!(files(&dir.join("run")) == files(&dir.join("again")));
    // Agents side by side all start with it.
    ok(
        dir,
        &format!("{start} --from trained --agents 2 --out both"),
    );
    assert!(files(&dir.join("run")) == files(&dir.join("both/seed-1")));
    // Another agent than the recorded one is refused, and can be asked for.
    fs::rename(dir.join("trained"), dir.join("moved")).unwrap();
    fs::rename(dir.join("another"), dir.join("trained")).unwrap();
    let words = ["from = trained", "SHA-256", "from_sha256"];
    refused(dir, "--config run/config.toml --out new", &words);
    assert!(!dir.join("new").exists());
    ok(dir, "--config run/config.toml --from trained --out new");
    ok(dir, "--config run/config.toml --from moved --out new2");
    // A run that has begun needs it no more: this one was interrupted after its last step.
    let whole = files(&dir.join("run"));
    fs::remove_dir_all(dir.join("trained")).unwrap();
    let [end, checkpoint] = ["end", "checkpoint"].map(|name| format!("run/{name}.safetensors"));
    fs::rename(dir.join(end), dir.join(checkpoint)).unwrap();
    for lost in ["outcome.csv", "files.toml", "policy.safetensors"] {
        fs::remove_file(dir.join("run").join(lost)).unwrap();
    }
    ok(dir, "--resume run");
    assert!(files(&dir.join("run")) == whole);
    ok(dir, "--play run --eval-episodes 1");
    ok(dir, "--resume run --steps 1600 --out longer");
}

#[test]
fn what_does_not_fit_is_refused_with_both_sides() {
    let dir = tempdir().unwrap();
    let dir = dir.path();
    ok(dir, &format!("{} --steps 400 --out trained", ALGORITHMS[0]));
    for (flags, words) in [
        (
            "",
            &[
                "hidden is [32] there and [120, 84] here",
                "rl --config trained/config.toml",
            ][..],
        ),
        (
            "--hidden 32 --dueling",
            &["dueling is false there and true here"],
        ),
        ("--algo a2c", &["algo is dqn there and a2c here"]),
        (
            "--hidden 32 --env acrobot",
            &[
                "shape is [4] there and [6] here",
                "actions is 2 there and 3 here",
            ],
        ),
    ] {
        refused(dir, &format!("{flags} --from trained --out run"), words);
    }
    refused(
        dir,
        "--from nowhere --out run",
        &["from = nowhere", "there is no nowhere/policy.safetensors"],
    );
    refused(dir, "--from-sha256 00 --out run", &["without from"]);
    assert!(!dir.join("run").exists());
}

#[test]
fn epsilon_is_short_for_two_settings() {
    let dir = tempdir().unwrap();
    let dir = dir.path();
    refused(dir, "--algo a2c --epsilon 0.1", &["a2c has no probability"]);
    refused(
        dir,
        "--epsilon 0.1 --start-e 0.5",
        &["leave out --epsilon or --start-e"],
    );
    refused(dir, "--epsilon 1.5", &["allowed: 0 <= x <= 1"]);
    ok(
        dir,
        "--epsilon 0.25 --steps 800 --learning-starts 300 --out run",
    );
    let episodes = text(dir, "run/episodes.csv");
    assert!(episodes.lines().count() > 5);
    assert!(
        episodes.lines().skip(1).all(|line| line.ends_with(",0.25")),
        "{episodes}"
    );
}

#[test]
fn a_study_can_share_evaluation_episodes_and_begins_untrained() {
    let dir = tempdir().unwrap();
    let experiment = |run: &str| {
        format!(
            "question = \"Is it so?\"\nhypothesis = \"Yes.\"\nanalysis = \"Look.\"\nscore = \"area\"\n\
             [seeds]\ntuning = [11, 12]\nreport = \"1..2\"\n\
             [rl]\nrun = {{ steps = 600, eval_every = 200, eval_episodes = 2, {run} }}\n\
             agent = {{ learning_starts = 300, hidden = [16] }}\n\
             [[environments]]\nenv = \"cartpole\"\n\
             [[optimisers]]\nname = \"adam\"\noptimiser = \"adam\"\ngrid = {{ lr = [1e-3, 1e-2] }}\n"
        )
    };
    let ask = |run: &str| {
        fs::write(dir.path().join("it.toml"), experiment(run)).unwrap();
        common::run(STUDY, dir.path(), &["verify", "it.toml"], &[])
    };
    let shared = ask("eval_seed = 7");
    assert_eq!(shared.code, Some(0), "{}", shared.stderr);
    let trained = ask("from = \"runs/x\"");
    assert_eq!(trained.code, Some(2));
    assert!(
        trained.stderr.contains("begin untrained"),
        "{}",
        trained.stderr
    );
}

#[test]
fn the_agent_that_a_run_starts_with_is_not_overwritten() {
    let dir = tempdir().unwrap();
    let dir = dir.path();
    let short = "--steps 1000 --learning-starts 300 --eval-every 1000 --hidden 32";
    ok(dir, &format!("{short} --out base"));
    let before = files(&dir.join("base"));
    for from in ["base", "base/end.safetensors", "./base/../base"] {
        let flags = format!("{short} --from {from} --out base --force");
        refused(dir, &flags, &[from, "choose another --out"]);
        assert!(files(&dir.join("base")) == before, "{from}");
    }
}

#[test]
fn a_run_of_another_program_is_no_agent_to_start_with() {
    let dir = tempdir().unwrap();
    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("policy.safetensors"), "").unwrap();
    fs::write(
        other.join("config.toml"),
        "[run]\ndataset = \"synthetic\"\n",
    )
    .unwrap();
    let words = ["other/config.toml is not the configuration of a run of `rl`"];
    refused(dir.path(), "--from other --out new", &words);
}
