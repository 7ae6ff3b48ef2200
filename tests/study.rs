//! Studies end to end. The results have the same bytes whichever processes do the runs, in whatever order, and however
//! often they are interrupted.
#![cfg(unix)]

mod common;

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

/// All kinds of runs in one experiment: a classifier, both kinds of action values, an agent. The last optimiser diverges
/// on supervised data.
const MIXED: &str = r#"
question = "Do kinds mix?"
hypothesis = "They do."
analysis = "Look and see."
score = "area"
assay = { required = false }

[seeds]
tuning = [11]
report = "1..2"

[supervised.run]
net = "mlp"
epochs = 3
batch = 50

[rl]
run = { steps = 1500, eval_every = 500, eval_episodes = 2 }
agent = { learning_starts = 300, hidden = [16], batch_size = 16, buffer_size = 500 }

[[environments]]
kind = "supervised"
run = { dataset = "synthetic" }

[[environments]]
kind = "supervised"
run = { dataset = "q-regression", teacher = "teacher", buffer = 1000 }

[[environments]]
name = "bootstrap"
kind = "supervised"
run = { dataset = "q-bootstrap", teacher = "teacher", buffer = 1000, target_every = 9 }

[[environments]]
env = "catch"

[[optimisers]]
name = "adam"
optimiser = "adam"
grid = { lr = [1e-3, 1e-2] }

[[optimisers]]
name = "wild"
optimiser = "sgd:lr=1e30"

[[contrasts]]
name = "nothing"
with = "adam"
without = "wild"
"#;

/// A folder with [`MIXED`] and its teacher.
fn mixed() -> TempDir {
    let dir = with(MIXED);
    let rl = env!("CARGO_BIN_EXE_rl");
    let args = ["--quiet", "--out", "teacher"];
    let ran = run(rl, dir.path(), &[&common::SHORT[..], &args].concat(), &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    dir
}

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

#[test]
fn a_whole_study_leaves_every_run_and_what_was_chosen() {
    let dir = with(SMALL);
    let ran = works(dir.path(), &["run", "small.toml", "--jobs", "2"]);
    assert!(ran.stderr.contains("agent-steps/s"), "{}", ran.stderr);
    let files = results(dir.path());
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "curves.csv",
            "experiment.toml",
            "manifest.toml",
            "runs.csv",
            "tuning.csv"
        ]
    );
    let text = |name: &str| String::from_utf8(files[name].clone()).unwrap();
    assert_eq!(text("experiment.toml"), SMALL);
    assert_eq!(text("runs.csv").lines().count(), 1 + TUNING + REPORT);
    // The chosen setting has the best mean over its tuning runs, and is the one that the report stage ran.
    let runs = csv_rows(&text("runs.csv"));
    let tuning = csv_rows(&text("tuning.csv"));
    assert_eq!(tuning.len(), 4 * 4);
    let key = |row: &BTreeMap<String, String>| {
        ["environment", "factors", "optimiser"].map(|column| row[column].clone())
    };
    for row in &tuning {
        let trials = || tuning.iter().filter(|other| key(other) == key(row));
        let score = |row: &BTreeMap<String, String>| row["score"].parse::<f64>().unwrap();
        let own = |run: &&BTreeMap<String, String>| {
            key(run) == key(row) && run["stage"] == "tune" && run["setting"] == row["setting"]
        };
        let scores: Vec<f64> = runs.iter().filter(own).map(score).collect();
        assert_eq!(scores.len(), 2);
        assert!((score(row) - (scores[0] + scores[1]) / 2.0).abs() < 1e-12);
        if row["chosen"] == "true" {
            assert!(trials().all(|other| score(other) <= score(row)), "{row:?}");
            let reported =
                |run: &&BTreeMap<String, String>| key(run) == key(row) && run["stage"] == "report";
            let settings = runs.iter().filter(reported).map(|run| &run["setting"]);
            assert!(settings.eq([&row["setting"]; 2]), "{row:?}");
        }
        assert_eq!(trials().filter(|row| row["chosen"] == "true").count(), 1);
    }
    // Equal arms have equal runs, and each was done only once. Nothing is left of them but the tables.
    let ids: BTreeSet<&String> = runs.iter().map(|run| &run["id"]).collect();
    assert_eq!(ids.len(), (TUNING / 2) + 4 * 2 * 2, "runs are shared");
    let left = fs::read_dir(dir.path().join("runs/small")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".lock"]);
    let cost = fs::read_to_string(dir.path().join("results/small/cost.csv")).unwrap();
    for row in csv_rows(&cost) {
        assert!(row["joules"].parse::<f64>().unwrap() > 0.0, "{row:?}");
        assert!(
            ["rapl", "estimate"].contains(&row["source"].as_str()),
            "{row:?}"
        );
    }
    // A second time there is nothing to do, and nothing changes.
    let before = results(dir.path());
    works(dir.path(), &["run", "small.toml"]);
    same(&before, &results(dir.path()));
}

fn csv_rows(text: &str) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .unwrap()
}

#[test]
fn environments_and_optimisers_have_settings_of_their_own() {
    let text = SMALL
        .replacen("[seeds]", "assay = { required = false }\n[seeds]", 1)
        .replacen(
            "env = \"cartpole\"",
            "env = \"cartpole\"\nreport_seeds = \"1..4\"",
            1,
        )
        .replacen(
            "run = { steps = 1500,",
            "run = { diagnostics = 10, steps = 1500,",
            1,
        )
        .replacen("grid =", "set = { \"agent.loss\" = \"huber\" }\ngrid =", 1);
    let dir = with(&text);
    works(dir.path(), &["run", "small.toml", "--quiet", "--keep-runs"]);
    let results = dir.path().join("results/small");
    let table = |name: &str| csv_rows(&fs::read_to_string(results.join(name)).unwrap());
    let runs = table("runs.csv");
    for (environment, seeds) in [("cartpole", 4), ("slow catch", 2)] {
        let its = |run: &&BTreeMap<String, String>| {
            run["stage"] == "report" && run["environment"] == environment
        };
        // Two levels of the factor, three optimisers.
        assert_eq!(runs.iter().filter(its).count(), 2 * 3 * seeds);
    }
    let runs_folder = dir.path().join("runs/small");
    for run in &runs {
        let config = fs::read_to_string(runs_folder.join(&run["id"]).join("config.toml")).unwrap();
        let loss = if run["optimiser"] == "adam" {
            "huber"
        } else {
            "mse"
        };
        assert!(config.contains(&format!("loss = \"{loss}\"")), "{config}");
    }
    // Each run of the report stage has a line with the medians of its diagnostics.
    let mechanism = table("mechanism.csv");
    assert_eq!(mechanism.len(), 2 * 3 * (4 + 2));
    for line in &mechanism {
        let path = runs_folder.join(&line["id"]).join("diagnostics.csv");
        let rows = csv_rows(&fs::read_to_string(path).unwrap());
        assert_eq!(line["rows"], rows.len().to_string());
        let mut ages: Vec<f64> = rows
            .iter()
            .map(|row| row["age_mean"].parse().unwrap())
            .collect();
        ages.sort_by(f64::total_cmp);
        let n = ages.len();
        let median = (ages[(n - 1) / 2] + ages[n / 2]) / 2.0;
        assert_eq!(line["age_mean"].parse::<f64>().unwrap(), median);
        assert_eq!(line["momentum_is_hypothetical"], "true");
        let run = runs
            .iter()
            .find(|run| run["id"] == line["id"] && run["stage"] == "report");
        assert_eq!(line["score"], run.unwrap()["score"]);
    }
    let listed = || -> Vec<String> {
        let entries = fs::read_dir(&results).unwrap();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        entries.map(|entry| name(entry.unwrap())).collect()
    };
    let before = listed();
    works(dir.path(), &["report", "small.toml"]);
    let help = works(dir.path(), &["report", "--help"]).stdout;
    for file in listed().iter().filter(|file| !before.contains(file)) {
        assert!(help.contains(file.as_str()), "no `{file}` in {help}");
    }
    assert!(help.contains("mechanism_fit.csv"), "{help}");
    let report = fs::read_to_string(results.join("report.md")).unwrap();
    assert!(
        report.contains("on the seeds 1..2 (cartpole: 1..4)"),
        "{report}"
    );
    assert!(
        report.contains("Momentum is an average of past gradients"),
        "{report}"
    );
    // Both environments together are compared on the seeds that both have: two levels, two environments, two seeds.
    let contrast = &table("contrasts.csv")[0];
    assert_eq!(contrast["pairs"], "8");
}

/// Nobody learns: a thousand steps are too few for the car, and with the first lr every run diverges.
const NOBODY_LEARNS: &str = r#"
question = "Does momentum hurt where nobody learns?"
hypothesis = "It does."
analysis = "Look and see."
design = "grid"

[seeds]
tuning = [1, 2]
report = "11..20"

[rl]
run = { steps = 1000, eval_every = 500, eval_episodes = 1 }
agent = { learning_starts = 300, hidden = [8], batch_size = 8, buffer_size = 500 }

[[environments]]
env = "mountain_car"

[[optimisers]]
name = "adam"
optimiser = "adam"
grid = { lr = [1e10, 1e-3, 1e-4] }

[[optimisers]]
name = "adam0"
optimiser = "adam:beta1=0"
grid = { lr = [1e10, 1e-3, 1e-4] }

[[contrasts]]
name = "momentum"
with = "adam"
without = "adam0"
claim = "below"
"#;

#[test]
fn where_nobody_learns_nothing_is_equivalent_and_no_diverged_trial_is_chosen() {
    let dir = with(NOBODY_LEARNS);
    works(dir.path(), &["run", "small.toml", "--quiet"]);
    let found = results(dir.path());
    let said = works(dir.path(), &["report", "small.toml"]).stdout;
    assert!(said.contains("verdict: inconclusive"), "{said}");
    let table = |name: &str| csv_rows(&String::from_utf8(found[name].clone()).unwrap());
    // Every trial has every report seed. Of trials that do equally well the least lr is chosen, by either outcome.
    assert_eq!(table("runs.csv").len(), 6 * 2 + 6 * 10);
    let chosen = table("tuning.csv");
    let chosen: Vec<_> = chosen
        .iter()
        .filter(|row| row["chosen"] == "true")
        .collect();
    assert_eq!(chosen.len(), 4);
    assert!(
        chosen.iter().all(|row| row["setting"].contains("lr=1e-4")),
        "{chosen:?}"
    );
    let contrasts = fs::read_to_string(dir.path().join("results/small/contrasts.csv")).unwrap();
    let contrasts = csv_rows(&contrasts);
    assert_eq!(contrasts.len(), 2);
    for row in &contrasts {
        assert_eq!(row["finding"], "not informative", "{row:?}");
    }
    let report = fs::read_to_string(dir.path().join("results/small/report.md")).unwrap();
    assert!(!report.contains("| equivalent |"), "{report}");
}

#[test]
fn one_seed_has_no_interval_and_no_p_value() {
    let dir = with(&NOBODY_LEARNS.replace("\"11..20\"", "[11]"));
    works(dir.path(), &["run", "small.toml", "--quiet"]);
    works(dir.path(), &["report", "small.toml"]);
    let contrasts = fs::read_to_string(dir.path().join("results/small/contrasts.csv")).unwrap();
    for row in csv_rows(&contrasts) {
        for inferred in ["lo", "hi", "p", "p_corrected", "advantage_lo"] {
            assert_eq!(row[inferred], "", "{row:?}");
        }
        assert!(row["finding"].contains("1 seed is too few"), "{row:?}");
    }
}

#[test]
fn shards_and_indices_end_in_the_same_bytes() {
    let whole = undisturbed();
    let shards = with(SMALL);
    for stage in ["tune", "report"] {
        for shard in ["1/2", "2/2"] {
            let args = [
                "run",
                "small.toml",
                "--stage",
                stage,
                "--shard",
                shard,
                "--jobs",
                "1",
            ];
            works(shards.path(), &args);
        }
    }
    works(shards.path(), &["collect", "small.toml"]);
    same(&whole, &results(shards.path()));

    let indices = with(SMALL);
    for (stage, runs) in [("tune", TUNING), ("report", REPORT)] {
        for k in (0..runs).rev() {
            let args = [
                "run",
                "small.toml",
                "--stage",
                stage,
                "--index",
                &k.to_string(),
            ];
            works(indices.path(), &args);
        }
    }
    works(indices.path(), &["collect", "small.toml"]);
    same(&whole, &results(indices.path()));
}

#[test]
fn kinds_mix_and_end_in_the_same_bytes() {
    let dir = mixed();
    let tried = works(dir.path(), &["verify", "small.toml"]);
    assert!(tried.stdout.contains("12 trials"), "{}", tried.stdout);
    let listed = works(dir.path(), &["list", "small.toml"]).stdout;
    for words in [
        "| synthetic, mlp |",
        "| q-regression, mlp |",
        "| bootstrap |",
        "| catch |",
    ] {
        assert!(listed.contains(words), "no `{words}` in {listed}");
    }
    works(dir.path(), &["run", "small.toml", "--jobs", "2"]);
    let whole = results(dir.path());

    let shards = mixed();
    for stage in ["tune", "report"] {
        for shard in ["1/3", "2/3", "3/3"] {
            let args = [
                "run",
                "small.toml",
                "--quiet",
                "--stage",
                stage,
                "--shard",
                shard,
            ];
            works(shards.path(), &args);
        }
    }
    works(shards.path(), &["collect", "small.toml"]);
    same(&whole, &results(shards.path()));

    let killed = mixed();
    let mut resumed = 0;
    // A run of each kind, in the order of the environments.
    for index in ["0", "2", "4", "6"] {
        let only = ["--stage", "tune", "--index", index];
        let mut child = spawn(
            killed.path(),
            &[&only[..], &["--checkpoint-every", "3"]].concat(),
        );
        let left = || {
            let runs = fs::read_dir(killed.path().join("runs/small"))
                .into_iter()
                .flatten();
            let saved = |run: fs::DirEntry| run.path().join("checkpoint.safetensors").exists();
            runs.filter_map(Result::ok).any(saved)
        };
        while child.try_wait().unwrap().is_none() && !left() {
            sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let ran = works(killed.path(), &[&["run", "small.toml"], &only[..]].concat());
        resumed += usize::from(ran.stderr.contains("continues from step"));
    }
    // One of them may have finished before it was killed.
    assert!(resumed >= 3, "{resumed} runs went on from a checkpoint");
    works(killed.path(), &["run", "small.toml", "--quiet"]);
    same(&whole, &results(killed.path()));

    let text = |name: &str| String::from_utf8(whole[name].clone()).unwrap();
    let curves = csv_rows(&text("curves.csv"));
    for run in csv_rows(&text("runs.csv")) {
        let number = |key: &str| run[key].parse::<f64>().unwrap();
        let (wild, kind) = (run["optimiser"] == "wild", run["environment"].as_str());
        if kind == "catch" {
            continue;
        }
        let (worst, best) = match kind {
            "synthetic, mlp" => (0.0, 1.0),
            // Learned action values are played on CartPole.
            _ => (0.0, 500.0),
        };
        assert_eq!(run["status"] == "diverged", wild, "{run:?}");
        assert!((worst..=best).contains(&number("last")), "{run:?}");
        if wild {
            assert_eq!(number("last"), worst, "{run:?}");
        } else if kind == "synthetic, mlp" {
            // Action values need more training to beat a constant, so they are not tested for this.
            assert!(number("last") > worst, "{run:?}");
        }
        // There is a value for each epoch, even those that a diverged run did not reach.
        if run["stage"] == "report" {
            let own = curves.iter().filter(|row| row["id"] == run["id"]);
            let steps: Vec<&str> = own.map(|row| row["step"].as_str()).collect();
            let each = if kind == "synthetic, mlp" { 10 } else { 18 };
            assert_eq!(
                steps,
                [each, 2 * each, 3 * each].map(|n: u64| n.to_string()),
                "{run:?}"
            );
        }
    }
}

/// A ResNet, which takes all cores, and an agent.
const RESNET: &str = r#"
question = "Does a ResNet go with agents?"
hypothesis = "It does."
analysis = "Look and see."
score = "area"
seeds = { tuning = [11], report = [1] }

[rl]
run = { steps = 1500, eval_every = 500, eval_episodes = 2 }
agent = { learning_starts = 300, hidden = [16], batch_size = 16, buffer_size = 500 }

[[environments]]
kind = "supervised"
run = { dataset = "synthetic", net = "resnet18", batch = 8, steps = 2 }

[[environments]]
env = "catch"

[[optimisers]]
name = "adam"
optimiser = "adam"
"#;

#[test]
fn a_resnet_in_a_study_is_what_it_is_alone() {
    let dir = with(RESNET);
    works(dir.path(), &["verify", "small.toml"]);
    works(dir.path(), &["run", "small.toml", "--quiet", "--keep-runs"]);
    let alone = run(
        env!("CARGO_BIN_EXE_supervised"),
        dir.path(),
        &[
            "--dataset",
            "synthetic",
            "--batch",
            "8",
            "--steps",
            "2",
            "--opt",
            "adam",
            "--quiet",
            "--out",
            "alone",
        ],
        &[],
    );
    assert_eq!(alone.code, Some(0), "{}", alone.stderr);
    let history = fs::read_to_string(dir.path().join("alone/history.csv")).unwrap();
    let runs = fs::read_dir(dir.path().join("runs/small")).unwrap();
    let histories = runs.map(|run| fs::read_to_string(run.unwrap().path().join("history.csv")));
    let histories: Vec<String> = histories.flatten().collect();
    assert_eq!(histories, [history]);
}

#[test]
fn a_supervised_run_that_cannot_be_is_refused() {
    for (old, new, words) in [
        ("epochs = 3", "epocs = 3", "did you mean `epochs`?"),
        ("epochs = 3", "epochs = 3\nseed = 3", "run.seed"),
        ("\"synthetic\"", "\"synthetik\"", "synthetik"),
        (
            "dataset = \"synthetic\"",
            "weights = \"\"",
            "run.dataset` is missing",
        ),
        (
            "target_every = 9",
            "target_every = 0",
            "a whole number >= 1",
        ),
        ("batch = 50", "batch = 5000", "at most"),
    ] {
        assert!(MIXED.contains(old), "{old}");
        let dir = with(
            &MIXED
                .replacen(old, new, 1)
                .replace("teacher = \"teacher\", ", ""),
        );
        let ran = study(dir.path(), &["verify", "small.toml"]);
        assert_ne!(ran.code, Some(0), "{new}");
        let said = ran.stderr + &ran.stdout;
        assert!(said.contains(words), "{new}: {said}");
    }
}

#[test]
fn killed_at_random_moments_it_ends_in_the_same_bytes() {
    let whole = undisturbed();
    let dir = with(SMALL);
    let mut moments = ChaCha8Rng::seed_from_u64(9);
    let mut resumed = false;
    for round in 0..15 {
        let mut child = spawn(dir.path(), &["--checkpoint-every", "100"]);
        // On a busy machine a run takes longer to get to a checkpoint.
        let most = if resumed { 120 } else { 120 + 40 * round };
        sleep(Duration::from_millis(moments.random_range(5..most)));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        resumed |= String::from_utf8_lossy(&output.stderr).contains("continues from step");
    }
    assert!(resumed, "no run went on from a checkpoint");
    works(dir.path(), &["run", "small.toml", "--quiet"]);
    same(&whole, &results(dir.path()));
}

#[test]
fn a_signal_ends_all_runs_after_a_checkpoint() {
    let whole = undisturbed();
    let dir = with(SMALL);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let before = recorded(dir.path()).len();
        let mut child = spawn(dir.path(), &["--jobs", "1"]);
        while recorded(dir.path()).len() < before + 2 {
            assert!(child.try_wait().unwrap().is_none(), "it has ended");
            sleep(Duration::from_millis(1));
        }
        let kill = ["-s", signal, &child.id().to_string()];
        assert!(Command::new("kill").args(kill).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("the same command continues"), "{said}");
    }
    works(dir.path(), &["run", "small.toml", "--quiet"]);
    same(&whole, &results(dir.path()));
}

#[test]
fn two_at_once_share_the_work() {
    let whole = undisturbed();
    let dir = with(SMALL);
    let both = [(); 2].map(|()| spawn(dir.path(), &["--jobs", "1"]));
    for child in both {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
    same(&whole, &results(dir.path()));
}

#[test]
fn a_run_that_fails_is_named_and_stops_no_other() {
    let dir = with(SMALL);
    works(
        dir.path(),
        &["run", "small.toml", "--stage", "tune", "--index", "5"],
    );
    let id = recorded(dir.path()).remove(0);
    fs::remove_dir_all(dir.path().join("results")).unwrap();
    let lock = dir.path().join(format!("runs/small/{id}.lock"));
    fs::create_dir(&lock).unwrap();
    let ran = study(dir.path(), &["run", "small.toml", "--stage", "tune"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for words in [id.as_str(), ".lock", "1 of 16 runs failed"] {
        assert!(
            ran.stderr.contains(words),
            "no `{words}` in: {}",
            ran.stderr
        );
    }
    assert_eq!(recorded(dir.path()).len(), 15, "the others are done");
    let ran = study(dir.path(), &["collect", "small.toml"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr
            .contains("2 of 32 runs of stage tune are not done"),
        "{}",
        ran.stderr
    );
    fs::remove_dir(&lock).unwrap();
    works(dir.path(), &["run", "small.toml", "--quiet"]);
    same(&undisturbed(), &results(dir.path()));
}

#[test]
fn a_mistake_is_answered_with_its_line_and_what_is_allowed() {
    for (old, new, words) in [
        (
            "hypothesis",
            "hypotesis",
            &["line 3", "`hypotesis`", "did you mean `hypothesis`?"][..],
        ),
        (
            "report = \"1",
            "reports = \"1",
            &["line 8", "did you mean `report`?"],
        ),
        (
            "report = \"1..2\"",
            "report = \"2..1\"",
            &["line 8", "allowed: \"1..30\""],
        ),
        (
            "report = \"1..2\"",
            "report = [1, 11]",
            &["seed 11 is in both seeds.tuning and seeds.report"],
        ),
        (
            "report = \"1..2\"",
            "",
            &["line 6", "the key `seeds.report` is missing"],
        ),
        (
            "hidden = [16]",
            "hiden = [16]",
            &["line 12", "did you mean `hidden`?"],
        ),
        (
            "hidden = [16]",
            "hidden = \"big\"",
            &[
                "line 12: rl.agent.hidden = big",
                "allowed: at most 16 sizes",
            ],
        ),
        (
            "run = { steps = 2500 }",
            "report_seeds = [11]",
            &[
                "seed 11 is in both",
                "report_seeds of environment `slow catch`",
            ],
        ),
        (
            "run = { steps = 2500 }",
            "report_seeds = []",
            &["report_seeds of environment `slow catch` is empty"],
        ),
        (
            "run = { steps = 2500 }",
            "report_seeds = [7]",
            &[
                "no report seed is in every environment",
                "`cartpole` and `slow catch` share none",
            ],
        ),
        (
            "[[factors]]",
            "[[environments]]\nname = \"third\"\nenv = \"catch\"\nreport_seeds = [7]\n[[factors]]",
            &["`cartpole` and `third` share none"],
        ),
        (
            "optimiser = \"rmsprop-tf\"",
            "optimiser = \"rmsprop-tf\"\nset = { \"agent.los\" = \"huber\" }",
            &["optimiser `fixed`", "did you mean `loss`?"],
        ),
        (
            "optimiser = \"rmsprop-tf\"",
            "optimiser = \"rmsprop-tf\"\nset = { \"agent.batch_size\" = \"big\" }",
            &[
                "optimiser `fixed`",
                "agent.batch_size = \"big\" is not allowed; allowed: a whole number",
            ],
        ),
        (
            "optimiser = \"rmsprop-tf\"",
            "optimiser = \"rmsprop-tf\"\nset = { \"run.seed\" = 3 }",
            &["optimiser `fixed`", "`run.seed`", "seeds are in [seeds]"],
        ),
        (
            "optimiser = \"rmsprop-tf\"",
            "optimiser = \"rmsprop-tf\"\nset = { env = \"catch\" }",
            &["optimiser `fixed`", "`env`", "[[environments]]"],
        ),
        (
            "optimiser = \"rmsprop-tf\"",
            "optimiser = \"rmsprop-tf\"\nset = { agent.loss = \"huber\" }",
            &["optimiser `fixed`", "`agent`", "such as \"agent.loss\""],
        ),
        (
            "optimiser = \"rmsprop-tf\"",
            "optimiser = \"rmsprop-tf\"\nset = { \"agent.target_network_frequency\" = 7 }",
            &[
                "optimiser `fixed`",
                "`agent.target_network_frequency` of its `set` is also a factor",
            ],
        ),
        (
            "agent.target_network_frequency",
            "run.seed",
            &["factor `run.seed`", "seeds are in [seeds]"],
        ),
        (
            "agent.target_network_frequency",
            "run.env",
            &["factor `run.env`", "[[environments]]"],
        ),
        (
            "key = \"agent.target_network_frequency\"\nvalues = [50, 400]",
            "key = \"env\"\nvalues = [\"acrobot\"]",
            &[
                "factor `env`",
                "[[environments]]",
                "`env.<dial>` is allowed",
            ],
        ),
        (
            "[[optimisers]]",
            "[[factors]]\nkey = \"agent.target_network_frequency\"\nvalues = [1]\n[[optimisers]]",
            &["environment `cartpole` has two factors `agent.target_network_frequency`"],
        ),
        (
            "values = [50, 400]",
            "values = [50, 50]",
            &[
                "factor `agent.target_network_frequency`",
                "50 is listed twice",
            ],
        ),
        (
            "lr = [1e-3, 1e-2]",
            "lr = [1e-3, 1e-3]",
            &["`lr` of its grid has 0.001 twice"],
        ),
        (
            "optimiser = \"adam:beta1=0\"",
            "optimiser = \"adam:beta1=0,lr=1e-3\"",
            &["`lr` of its grid is also in `adam:beta1=0,lr=1e-3`"],
        ),
        (
            "key = \"agent.target_network_frequency\"\nvalues = [50, 400]",
            "key = \"optimiser.lr\"\nvalues = [1e-3]",
            &["`lr` of its grid is also the factor `optimiser.lr`"],
        ),
        (
            "[seeds]",
            "budget = { core_hours = -1 }\n[seeds]",
            &["budget.core_hours = -1 is not allowed"],
        ),
        (
            "name = \"slow catch\"",
            "name = \"\"",
            &["the `name` of one environment is empty"],
        ),
        (
            "learning_starts = 300",
            "learning_starts = 1500",
            &["agent.learning_starts = 1500 leaves no update in run.steps = 1500"],
        ),
        (
            "batch_size = 16",
            "batch_size = 0",
            &[
                "line 12",
                "rl.agent.batch_size = 0",
                "a whole number from 1",
            ],
        ),
        (
            "run = { steps = 1500,",
            "run = { seed = 3, steps = 1500,",
            &["line 11", "run.seed", "[seeds]"],
        ),
        (
            "run = { steps = 2500 }",
            "runs = { steps = 2500 }",
            &["line 20", "did you mean `run`?"],
        ),
        (
            "run = { steps = 2500 }",
            "run = { stebs = 2500 }",
            &["line 20", "did you mean `steps`?"],
        ),
        (
            "name = \"slow catch\"",
            "name = \"cartpole\"",
            &["two environments called `cartpole`"],
        ),
        ("env = \"catch\"", "env = \"cach\"", &["did you mean"]),
        (
            "env = \"catch\"",
            "env = \"breakout\"",
            &["`random` and `reference`"],
        ),
        (
            "env = \"catch\"",
            "env = \"catch\"\nkind = \"rk\"",
            &["line 20", "unknown kind `rk`", "allowed: rl"],
        ),
        (
            "optimiser = \"adam:beta1=0\"",
            "optimiser = \"adm\"",
            &["`adam`", "did you mean `adam`?"],
        ),
        ("lr = [1e-3, 1e-2]", "lr = [1e-3]\nlrs = [1]", &["line 30"]),
        (
            "lr = [1e-3, 1e-2]",
            "learning_rate = [1e-3, 1e-2]",
            &["unknown adam hyper-parameter"],
        ),
        (
            "lr = [1e-3, 1e-2]",
            "lr = [1e-3, 1e-2, 3e-2]",
            &["the same tuning budget"],
        ),
        (
            "lr = [1e-3, 1e-2]",
            "lr = { from = 1.0, to = 0.1, points = 2 }",
            &["line 29"],
        ),
        (
            "agent.target_network",
            "agent.taget_network",
            &["did you mean `target_network_frequency`?"],
        ),
        (
            "agent.target_network_frequency",
            "optimiser.nothing",
            &["unknown adam hyper-parameter `nothing`"],
        ),
        (
            "agent.target_network_frequency",
            "env.length",
            &[
                "environment `cartpole env.length=50`",
                "allowed: 0.01 <= x <= 10",
            ],
        ),
        (
            "values = [50, 400]",
            "values = [50, 400]\nenvironments = [\"slow cat\"]",
            &["factor `agent.target", "did you mean `slow catch`?"],
        ),
        (
            "without = \"the same\"",
            "without = \"tha same\"",
            &["contrast `nothing`", "did you mean `the same`?"],
        ),
        (
            "without = \"the same\"",
            "without = \"adam\"",
            &["contrast `nothing`", "are both `adam`"],
        ),
    ] {
        assert!(SMALL.contains(old), "{old}");
        let dir = with(&SMALL.replacen(old, new, 1));
        let ran = study(dir.path(), &["run", "small.toml"]);
        assert_eq!(ran.code, Some(2), "{new}: {}", ran.stderr);
        assert!(ran.stderr.contains("small.toml"), "{}", ran.stderr);
        for word in words {
            assert!(
                ran.stderr.contains(word),
                "{new}: no `{word}` in: {}",
                ran.stderr
            );
        }
        assert!(!dir.path().join("runs").exists(), "{new}");
    }
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    let dir = with(SMALL);
    for (args, words) in [
        (&["run", "nowhere.toml"][..], "nowhere"),
        (&["run", "small.toml", "--shard", "1/2"], "--stage"),
        (
            &["run", "small.toml", "--stage", "tune", "--shard", "3/2"],
            "allowed: I/N",
        ),
        (
            &["run", "small.toml", "--stage", "tune", "--shard", "0/2"],
            "allowed: I/N",
        ),
        (
            &["run", "small.toml", "--stage", "tune", "--index", "32"],
            "allowed: 0 to 31",
        ),
        (
            &["run", "small.toml", "--stage", "report"],
            "runs of stage tune are not done",
        ),
        (&["run", "small.toml", "--jobs", "0"], "jobs"),
        (
            &["collect", "small.toml"],
            "32 of 32 runs of stage tune are not done",
        ),
        (&["slurm", "small.toml", "--tasks", "0"], "tasks"),
    ] {
        let ran = study(dir.path(), args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{args:?}: {}", ran.stderr);
    }
    fs::create_dir(dir.path().join("experiments")).unwrap();
    fs::copy(
        dir.path().join("small.toml"),
        dir.path().join("experiments/tiny.toml"),
    )
    .unwrap();
    works(dir.path(), &["list", "tiny"]);
    let ran = study(dir.path(), &["collect", "tiny"]);
    assert!(
        ran.stderr.contains("runs of stage tune are not done"),
        "{}",
        ran.stderr
    );
    let ran = study(dir.path(), &["list", "tini"]);
    assert!(
        ran.stderr.contains("did you mean `tiny`?"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_schema_has_every_key() {
    let dir = with("");
    let schema = works(dir.path(), &["schema"]).stdout;
    let has = |key: &str| {
        assert!(
            schema.contains(&format!("| `{key}` |")),
            "no `{key}` in {schema}"
        );
    };
    // For each table, the keys that the parser lists as allowed.
    let asked = [
        "nonsense = 1",
        "[seeds]\nnonsense = 1",
        "[budget]\nnonsense = 1",
        "[energy]\nnonsense = 1",
        "[[environments]]\nnonsense = 1",
        "[rl]\nnonsense = 1",
        "[rl.run]\nnonsense = 1",
        "[rl.agent]\nnonsense = 1",
        "[supervised]\nnonsense = 1",
        "[supervised.run]\nnonsense = 1",
        "[[optimisers]]\nnonsense = 1",
        "[[factors]]\nnonsense = 1",
        "[[contrasts]]\nnonsense = 1",
    ];
    for text in asked {
        fs::write(dir.path().join("small.toml"), text).unwrap();
        let said = study(dir.path(), &["list", "small.toml"]).stderr;
        let allowed: Vec<String> = match said.split_once("allowed: ") {
            Some((_, list)) => list.trim().split(", ").map(str::to_owned).collect(),
            None => said
                .split('`')
                .skip(3)
                .step_by(2)
                .map(str::to_owned)
                .collect(),
        };
        assert!(!allowed.is_empty(), "{text}: {said}");
        // The tables of the families have their own sections.
        allowed
            .iter()
            .filter(|key| !["rl", "supervised"].contains(&key.as_str()))
            .for_each(|key| has(key));
    }
    let declared = |all: &[settings::Setting]| all.iter().for_each(|one| has(one.name));
    declared(algorithm::registry()[0].settings());
    declared(RunConfig::declared());
}

#[test]
fn an_experiment_is_listed_and_tried() {
    let dir = with(SMALL);
    let listed = works(dir.path(), &["list", "small.toml"]).stdout;
    for words in [
        "Does it work?",
        "| slow catch agent.target_network_frequency=400 | 3 | 8 | 6 |",
        "56 runs, 32 of them different, estimated",
        "a burst",
        "gCO2e",
    ] {
        assert!(listed.contains(words), "no `{words}` in {listed}");
    }
    let tried = works(dir.path(), &["verify", "small.toml"]).stdout;
    assert!(tried.contains("12 trials can be run"), "{tried}");
    assert!(!dir.path().join("runs").exists());
    works(dir.path(), &["run", "small.toml", "--quiet"]);
    let listed = works(dir.path(), &["list", "small.toml"]).stdout;
    assert!(listed.contains("8 finished runs"), "{listed}");
    // A factor may be for some environments only.
    let some = SMALL.replacen("[50, 400]", "[50, 400]\nenvironments = [\"cartpole\"]", 1);
    let listed = works(with(&some).path(), &["list", "small.toml"]).stdout;
    assert!(listed.contains("| slow catch | 3 | 8 | 6 |"), "{listed}");
    assert!(
        listed.contains("42 runs, 24 of them different, estimated"),
        "{listed}"
    );
    // Every experiment in the repository can be read.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(here.join("experiments")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let no_images = !Path::new("/usr/share/datasets/fashion-mnist").exists();
        if text.contains("fashion-mnist") && no_images {
            eprintln!("skipped {}: no fashion-mnist here", path.display());
        } else if path.extension().is_some_and(|end| end == "toml") {
            works(dir.path(), &["verify", path.to_str().unwrap()]);
        }
    }
}

#[test]
fn slurm_gets_arrays_under_its_limits_of_what_is_left() {
    let dir = with(SMALL);
    let slurm = [
        "slurm",
        "small.toml",
        "--checkpoint-every",
        "70",
        "--max-array",
        "10",
        "--at-once",
        "3",
        "--",
        "--mem=1G",
    ];
    let said = works(dir.path(), &slurm).stdout;
    assert!(said.contains("32 tasks to tune, 24 to report"), "{said}");
    let folder = dir.path().join("slurm/small");
    let submit = || fs::read_to_string(folder.join("submit.sh")).unwrap();
    for words in [
        "--job-name='small-tune' --array=0-9%3 '--mem=1G' task.sh tune 32 0\n",
        "--array=0-1%3 '--mem=1G' task.sh tune 32 30\n",
        "--array=0-3%3 '--mem=1G' task.sh report 24 20\n",
        "submit 'tune 32 0 10' --output=",
        "collect.sh",
    ] {
        assert!(submit().contains(words), "no `{words}` in {}", submit());
    }
    let task = fs::read_to_string(folder.join("task.sh")).unwrap();
    assert!(task.contains("--checkpoint-every 70 &\n"), "{task}");
    for script in ["submit.sh", "task.sh", "collect.sh"] {
        let checked = Command::new("sh")
            .arg("-n")
            .arg(folder.join(script))
            .status();
        assert!(checked.unwrap().success(), "{script}");
    }
    // Finished runs are not submitted again, nor the same runs of the other arm.
    let shard = [
        "run",
        "small.toml",
        "--quiet",
        "--stage",
        "tune",
        "--shard",
        "2/4",
    ];
    works(dir.path(), &shard);
    let said = works(dir.path(), &["slurm", "small.toml", "--tasks", "4"]).stdout;
    assert!(said.contains("2 tasks to tune, 4 to report"), "{said}");
    assert!(
        submit().contains("--array=0,2  task.sh tune 4 0\n"),
        "{}",
        submit()
    );
}
