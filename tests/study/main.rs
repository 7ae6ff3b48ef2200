//! Studies end to end. The results have the same bytes whichever processes do the runs, in whatever order, and however
//! often they are interrupted.
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;
mod interrupted;
mod kinds;
mod listed;
mod mistakes;
mod whole;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use common::{Ran, run};
use optimiser_paradigms::{algorithm, run::rl::RunConfig};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use settings::Settings;
use tempfile::{TempDir, tempdir};

const STUDY: &str = env!("CARGO_BIN_EXE_study");

/// Two environments, a factor, an optimiser with a grid and one without, and two optimisers that share
/// their runs.
const SMALL: &str = r#"
question = "Does it work?"
hypothesis = "It does."
analysis = "Look and see."
score = "area"
[seeds]
tuning = [11, 12]
report = "1..2"

[rl]
run = { steps = 1500, eval_every = 500, eval_episodes = 2, log_every = 10 }
agent = { learning_starts = 300, hidden = [16], batch_size = 16, buffer_size = 500 }

[[environments]]
env = "cartpole"

[[environments]]
name = "slow catch"
env = "catch"
run = { steps = 2500 }

[[factors]]
key = "agent.target_network_frequency"
values = [50, 400]

[[optimisers]]
name = "adam"
optimiser = "adam:beta1=0"
grid = { lr = [1e-3, 1e-2] }

[[optimisers]]
name = "the same"
optimiser = "adam:beta1=0"
grid = { lr = [1e-2, 1e-3] }

[[optimisers]]
name = "fixed"
optimiser = "rmsprop-tf"

[[contrasts]]
name = "nothing"
with = "adam"
without = "the same"
"#;

/// The runs of its stages: cells x trials x seeds, and cells x arms x seeds.
const TUNING: usize = 4 * 4 * 2;
const REPORT: usize = 4 * 3 * 2;

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

/// The files of the results that must be the same, by name. What runs cost is among the checksums.
fn results(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir.join("results/small")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let files = paths.map(|path| (name(&path), fs::read(&path).unwrap()));
    files
        .filter(|(name, _)| name != "cost.csv" && name != "files.toml")
        .collect()
}

/// The ids of the runs in the record of those that have finished.
fn recorded(dir: &Path) -> Vec<String> {
    let files = fs::read_dir(dir.join("results/small/rows"));
    let text = |file: fs::DirEntry| fs::read_to_string(file.path()).unwrap();
    let text: Vec<String> = files.into_iter().flatten().flatten().map(text).collect();
    let lines = text.iter().flat_map(|text| text.lines().skip(1));
    let id = |line: &str| line.split(',').next().unwrap().to_owned();
    lines.map(id).collect()
}

fn undisturbed() -> BTreeMap<String, Vec<u8>> {
    let dir = with(SMALL);
    works(dir.path(), &["run", "small.toml", "--quiet"]);
    results(dir.path())
}

fn same(a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>) {
    assert!(a.keys().eq(b.keys()), "{:?}, {:?}", a.keys(), b.keys());
    for (name, bytes) in a {
        assert!(*bytes == b[name], "{name} differs");
    }
}

fn spawn(dir: &Path, more: &[&str]) -> Child {
    let mut command = Command::new(STUDY);
    command
        .current_dir(dir)
        .args(["run", "small.toml"])
        .args(more);
    command.stderr(Stdio::piped()).stdout(Stdio::null());
    command.spawn().unwrap()
}

fn csv_rows(text: &str) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .unwrap()
}
