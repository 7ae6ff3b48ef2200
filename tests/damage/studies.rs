//! Damaged results and records of studies.

use super::*;

const SMALL: &str = r#"
question = "?"
hypothesis = "-"
analysis = "-"
score = "area"
seeds = { tuning = "1..1", report = "2..3" }

[rl]
run = { steps = 900, eval_every = 100, eval_episodes = 1, log_every = 10, diagnostics = 50 }
agent = { learning_starts = 200, batch_size = 8, hidden = [8] }

[supervised]
run = { steps = 40, batch = 8 }

[[environments]]
env = "cartpole"

[[environments]]
kind = "supervised"
name = "pictures"
run = { dataset = "synthetic", net = "mlp" }

[[optimisers]]
name = "adam"
optimiser = "adam"
grid = { lr = [1e-3, 1e-2] }
"#;

/// The files of the results that depend on nothing but the experiment.
fn results(dir: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut all = files(&dir.join("results/small"));
    all.retain(|name, _| name != "cost.csv" && name != SUMS);
    all
}

#[test]
fn a_study_does_damaged_runs_again_and_believes_none() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("small.toml"), SMALL).unwrap();
    let study = |args: &[&str]| run(STUDY, dir.path(), args, &[]);
    ok(&study(&["run", "small.toml", "--quiet", "--keep-runs"]));
    let whole = results(dir.path());
    let runs = dir.path().join("runs/small");
    let folders = fs::read_dir(&runs)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let folders: Vec<_> = folders.filter(|path| path.is_dir()).collect();
    let with = |file: &str| {
        folders
            .iter()
            .find(|path| path.join(file).exists())
            .unwrap()
    };
    let collected = [
        "outcome.csv",
        "evaluations.csv",
        "diagnostics.csv",
        "epochs.csv",
    ];
    let others = [
        "episodes.csv",
        "history.csv",
        "policy.safetensors",
        "weights.safetensors",
    ];
    for (damage, happens, words) in DAMAGES {
        for file in collected.iter().chain(&others) {
            let what = format!("{file} {damage}");
            let folder = with(file);
            let id = folder.file_name().unwrap().to_str().unwrap();
            let before = files(folder);
            put(&folder.join(file), happens(&before[*file]).as_deref());
            let gone = (*file, damage) == ("outcome.csv", "gone");
            // The tables would be believed.
            fs::remove_dir_all(dir.path().join("results")).unwrap();
            // Only runs of the report stage have diagnostics that are collected.
            if collected.contains(file) && *file != "diagnostics.csv" && !gone {
                let words = [
                    id,
                    file,
                    words,
                    "`study run small.toml` does this run again",
                ];
                refused(&study(&["collect", "small.toml"]), &words, &what);
            }
            let ran = study(&["run", "small.toml"]);
            ok(&ran);
            let said = format!("run {id} starts again: ");
            assert!(gone || ran.stderr.contains(&said), "{what}: {}", ran.stderr);
            assert_eq!(files(folder), before, "{what}");
            assert_eq!(results(dir.path()), whole, "{what}");
        }
    }
    // Neither listing nor trying an experiment needs its runs.
    fs::remove_dir_all(dir.path().join("results")).unwrap();
    fs::write(with("evaluations.csv").join("evaluations.csv"), "").unwrap();
    ok(&study(&["list", "small.toml"]));
    ok(&study(&["verify", "small.toml"]));
}

#[test]
fn results_that_are_damaged_are_not_reported() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("small.toml"), SMALL).unwrap();
    let study = |args: &[&str]| run(STUDY, dir.path(), args, &[]);
    ok(&study(&["run", "small.toml", "--quiet"]));
    let folder = dir.path().join("results/small");
    let whole = files(&folder);
    let report = || study(&["report", "results/small"]);
    for (damage, happens, words) in DAMAGES {
        for file in whole.keys().filter(|file| *file != SUMS) {
            put(&folder.join(file), happens(&whole[file]).as_deref());
            refused(
                &report(),
                &[file, words, "study collect"],
                &format!("{file} {damage}"),
            );
            put(&folder.join(file), Some(&whole[file]));
        }
    }
    // Results from before there were checksums.
    fs::remove_file(folder.join(SUMS)).unwrap();
    for (damage, happens, _) in &DAMAGES[..5] {
        for file in ["curves.csv", "runs.csv", "tuning.csv"] {
            // A digit of a run's own line is only checked where another file has it too.
            if *damage == "with a flipped digit" && file != "curves.csv" {
                continue;
            }
            put(&folder.join(file), happens(&whole[file]).as_deref());
            refused(&report(), &[file], &format!("{file} {damage}"));
            put(&folder.join(file), Some(&whole[file]));
        }
    }
    ok(&report());
}
