//! Action values learned from a frozen buffer: the rungs between a classifier and a DQN.

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use common::{Ran, SHORT, files, run};
use optimiser_paradigms::run::{
    Finished, SupervisedOutcome,
    supervised::{SupervisedConfig, teacher_config},
};
use tempfile::{TempDir, tempdir};

const SUPERVISED: &str = env!("CARGO_BIN_EXE_supervised");
const RL: &str = env!("CARGO_BIN_EXE_rl");

/// Flags of a run of a fraction of a second, with the teacher in `teacher`.
const QUICK: [&str; 8] = [
    "--teacher",
    "teacher",
    "--buffer",
    "2000",
    "--epochs",
    "3",
    "--quiet",
    "--dataset",
];

fn works(dir: &Path, args: &[&str]) -> Ran {
    let ran = run(SUPERVISED, dir, args, &[]);
    assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.stderr);
    ran
}

/// A folder with a `teacher` that has barely learned.
fn with_teacher() -> TempDir {
    let dir = tempdir().unwrap();
    let args = [
        &SHORT[..],
        &["--env", "cartpole", "--quiet", "--out", "teacher"],
    ]
    .concat();
    assert_eq!(run(RL, dir.path(), &args, &[]).code, Some(0));
    dir
}

fn outcome(folder: &Path) -> SupervisedOutcome {
    Finished::<SupervisedConfig>::read(folder).unwrap().outcome
}

/// A quick run of `dataset` with `more` flags, in the folder `name`.
fn quick(dir: &Path, dataset: &str, more: &[&str], name: &str) -> BTreeMap<String, Vec<u8>> {
    works(dir, &[&QUICK[..], &[dataset, "--out", name], more].concat());
    files(&dir.join(name))
}

#[test]
fn the_same_configuration_gives_the_same_bytes() {
    let dir = with_teacher();
    for dataset in ["q-regression", "q-bootstrap"] {
        let name = |k: &str| format!("{dataset}-{k}");
        let first = quick(dir.path(), dataset, &[], &name("first"));
        assert!(first.contains_key("weights.safetensors"));
        assert!(first == quick(dir.path(), dataset, &[], &name("second")));
        for other in [
            ["--seed", "2"],
            ["--behaviour-epsilon", "0.3"],
            ["--buffer", "2010"],
        ] {
            let other = quick(dir.path(), dataset, &other, &name(other[1]));
            assert!(first["history.csv"] != other["history.csv"]);
        }
    }
}

#[test]
fn killed_and_resumed_it_ends_in_the_same_bytes() {
    let dir = with_teacher();
    for (dataset, opt) in [
        ("q-regression", "adam"),
        ("q-bootstrap", "adam:reset_moments=true"),
    ] {
        let more = ["--epochs", "40", "--target-every", "7", "--opt", opt];
        let more = if dataset == "q-bootstrap" {
            &more[..]
        } else {
            &["--epochs", "40"]
        };
        let whole = quick(dir.path(), dataset, more, &format!("{dataset}-whole"));
        let name = format!("{dataset}-killed");
        let folder = dir.path().join(&name);
        let args = [
            &QUICK[..],
            &[dataset, "--out", &name, "--checkpoint-every", "5"],
            more,
        ]
        .concat();
        let mut child = Command::new(SUPERVISED)
            .current_dir(dir.path())
            .args(&args)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !folder.join("checkpoint.safetensors").exists() {
            assert!(child.try_wait().unwrap().is_none(), "it has ended");
            sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(
            !folder.join("outcome.csv").exists(),
            "it was done before it was killed"
        );
        works(dir.path(), &[&args[..], &["--resume"]].concat());
        let resumed = files(&folder);
        assert!(whole.keys().eq(resumed.keys()), "{:?}", resumed.keys());
        for (file, bytes) in &whole {
            assert!(*bytes == resumed[file], "{dataset}: {file} differs");
        }
    }
}

#[test]
fn values_are_learned_and_a_teacher_is_the_same_from_a_folder() {
    let dir = tempdir().unwrap();
    let config = teacher_config("cartpole").unwrap();
    let (steps, seed) = (config.run.steps.to_string(), config.run.seed.to_string());
    let args = [
        "--env", "cartpole", "--opt", "adam", "--steps", &steps, "--seed", &seed, "--quiet",
        "--out", "teacher",
    ];
    assert_eq!(run(RL, dir.path(), &args, &[]).code, Some(0));

    let learn = |dataset: &str, more: &[&str]| {
        let args = ["--dataset", dataset, "--epochs", "20", "--quiet"];
        works(dir.path(), &[&args, more].concat());
    };
    learn("q-regression", &["--out", "here"]);
    learn("q-regression", &["--out", "folder", "--teacher", "teacher"]);
    let (here, folder) = (
        files(&dir.path().join("here")),
        files(&dir.path().join("folder")),
    );
    for file in ["history.csv", "epochs.csv", "weights.safetensors"] {
        assert!(here[file] == folder[file], "{file} differs");
    }
    // 5 % of the variance, which neither chance nor a constant reaches.
    let outcome = outcome(&dir.path().join("here"));
    let (loss, constant) = (outcome.test_loss.unwrap(), outcome.constant_loss);
    assert!(
        constant > 10.0 && loss < 0.05 * constant,
        "{loss} of {constant}"
    );
    assert!(outcome.test_accuracy > 0.9, "{}", outcome.test_accuracy);
    // When played, it does better than chance's 22, as its teacher did.
    assert!(outcome.test_return.unwrap() > 100.0, "{outcome:?}");

    // Bootstrapping comes near the teacher's values from its own, but only with a target network that
    // moves.
    let distances = |more: &[&str], name: &str| {
        let more = [more, &["--out", name, "--teacher", "teacher"]].concat();
        learn("q-bootstrap", &more);
        let run = Finished::<SupervisedConfig>::read(&dir.path().join(name)).unwrap();
        let losses = run.epochs().unwrap();
        losses.iter().map(|row| row.test_loss).collect::<Vec<_>>()
    };
    let moving = distances(&[], "moving");
    let still = distances(&["--target-every", "1000000"], "still");
    assert!(moving[19] < 0.3 * moving[0], "{moving:?}");
    assert!(still[19] > 0.9 * still[0], "{still:?}");
    // Both are the same until the target network first moves.
    let lines = |name: &str| {
        let text = fs::read_to_string(dir.path().join(name).join("history.csv")).unwrap();
        text.lines()
            .take(1 + 60 / 2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (moving, still) = (lines("moving"), lines("still"));
    assert_eq!(moving[..26], still[..26]);
    assert_ne!(moving[26], still[26]);
}

#[test]
fn the_optimiser_hears_of_a_target_that_moves() {
    let dir = with_teacher();
    for (dataset, hears) in [("q-regression", false), ("q-bootstrap", true)] {
        let [plain, reset] = ["adam", "adam:reset_moments=true"].map(|opt| {
            let name = format!("{dataset}-{opt}").replace(':', "-");
            let more = ["--opt", opt, "--target-every", "7"];
            let more = if hears { &more[..] } else { &more[..2] };
            quick(dir.path(), dataset, more, &name)
        });
        let same = plain["weights.safetensors"] == reset["weights.safetensors"];
        assert_eq!(same, !hears, "{dataset}");
    }
}

#[test]
fn several_optimisers_share_a_figure() {
    let dir = with_teacher();
    let more = [
        "q-regression",
        "--opt",
        "sgd,adam,rmsprop",
        "--lr",
        "1e-5,1e-3",
        "--out",
        "all",
    ];
    works(dir.path(), &[&QUICK[..], &more].concat());
    let all = dir.path().join("all");
    assert!(all.join("training_metrics.png").exists());
    // Six runs, the figure, three tables and their manifest.
    assert_eq!(fs::read_dir(&all).unwrap().count(), 11);
    // The return of each when played, next to its losses.
    let epochs = csv::Reader::from_path(all.join("epochs.csv"))
        .unwrap()
        .deserialize()
        .collect::<Result<Vec<BTreeMap<String, String>>, _>>()
        .unwrap();
    let adam = epochs
        .iter()
        .filter(|row| row["optimiser"].starts_with("adam"));
    let returns: Vec<f64> = adam
        .map(|row| row["test_return"].parse().unwrap())
        .collect();
    assert_eq!(returns.len(), 2 * 3);
    assert!(returns.iter().all(|x| (1.0..=500.0).contains(x)));
}

#[test]
fn mistakes_are_answered_with_what_is_allowed() {
    let dir = with_teacher();
    fs::create_dir(dir.path().join("empty")).unwrap();
    let q = ["--dataset", "q-regression"];
    for (args, words) in [
        (&["--teacher", "empty"][..], "a run's folder"),
        (
            &["--teacher", "nowhere"],
            "there is no nowhere/policy.safetensors",
        ),
        (&["--env", "cartpol"], "cartpole"),
        (
            &["--teacher", "teacher", "--env", "acrobot"],
            "allowed: cartpole",
        ),
        (&["--buffer", "100"], "at most 90"),
        (&["--buffer", "9"], "'9' for '--buffer"),
        (&["--buffer", "999999999999"], "buffer = 999999999999"),
        (&["--behaviour-epsilon", "1.5"], "0 <= x <= 1"),
        (&["--behaviour-epsilon", "NaN"], "0 <= x <= 1"),
        (&["--target-every", "5"], "with dataset = q-bootstrap"),
        (&["--net", "resnet18"], "allowed: mlp"),
        (&["--augment"], "with net = resnet18"),
        (&["--stem", "cifar"], "with net = resnet18"),
        (&["--train", "fc"], "with net = resnet18"),
        (&["--weights", "w"], "with net = resnet18"),
        (&["--precision", "bf16"], "allowed: f32"),
        (&["--data-dir", "d"], "--data-dir is not allowed"),
        (&["--download"], "--download is not allowed"),
        (
            &["--dataset", "q-bootstrap", "--target-every", "0"],
            "a whole number >= 1",
        ),
        (
            &["--dataset", "synthetic", "--teacher", "teacher"],
            "q-regression or q-bootstrap",
        ),
        (
            &["--dataset", "synthetic", "--env", "acrobot"],
            "env is not allowed",
        ),
        (
            &["--dataset", "synthetic", "--buffer", "500"],
            "buffer is not allowed",
        ),
    ] {
        let ran = run(SUPERVISED, dir.path(), &[&q, args].concat(), &[]);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{args:?}: {}", ran.stderr);
        assert!(!dir.path().join("runs").exists(), "{args:?}");
    }
}
