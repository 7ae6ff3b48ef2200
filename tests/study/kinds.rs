//! Experiments that mix kinds of runs.

use super::*;

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
