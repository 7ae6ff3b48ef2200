//! A whole study: every run, what was chosen, and what is reported where nothing can be.

use super::*;

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
    let one = NOBODY_LEARNS.replace("\"11..20\"", "[11]");
    // Halves of one seed cannot judge each other.
    let ran = study(with(&one).path(), &["list", "small.toml"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("two report seeds"), "{}", ran.stderr);
    let dir = with(&one.replace("\"grid\"", "\"two-stage\""));
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
