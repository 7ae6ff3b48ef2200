//! Overviews of the results in `tests/fixtures/report/quick`, which have four cells, three optimisers and three seeds.

mod common;

use std::{collections::BTreeMap, fs, path::Path};

use common::{Ran, run};
use tempfile::{TempDir, tempdir};

const OVERVIEW: &str = r#"
title = "Two places <b>"
about = "What momentum does there."

[[effects]]
name = "momentum in Adam"
with = "adam"
without = "adam0"

[[effects]]
name = "RMSprop in place of Adam"
with = "rmsprop"
without = "adam"

[[places]]
name = "everywhere"
study = "quick"

[[places]]
name = "catch with a small buffer"
study = "results/quick"
environments = ["catch"]
levels = { "agent.buffer_size" = 500 }
"#;

/// A folder with the results of `study run quick`, their report and an overview.
fn prepared(overview: &str) -> TempDir {
    let dir = tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/report/quick");
    let to = dir.path().join("results/quick");
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    let named = dir.path().join("experiments/overviews");
    fs::create_dir_all(&named).unwrap();
    fs::write(named.join("two.toml"), overview).unwrap();
    dir
}

fn study(dir: &TempDir, args: &[&str]) -> Ran {
    run(env!("CARGO_BIN_EXE_study"), dir.path(), args, &[])
}

fn rows(dir: &TempDir, file: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(dir.path().join(file)).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

#[test]
fn an_overview_says_what_the_studies_say() {
    let dir = prepared(OVERVIEW);
    let ran = study(&dir, &["overview", "two"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("results/two/report.html"));
    assert_eq!(study(&dir, &["report", "quick"]).code, Some(0));
    let (effects, contrasts) = (
        rows(&dir, "results/two/effects.csv"),
        rows(&dir, "results/quick/contrasts.csv"),
    );
    // Two effects at two places by the one outcome of the study.
    assert_eq!(effects.len(), 4);
    for key in ["difference", "advantage", "margin", "finding"] {
        assert_eq!(effects[0][key], contrasts[0][key], "{key}");
    }
    assert_eq!(effects[1]["place"], "catch with a small buffer");
    assert_eq!(effects[1]["environments"], "1");
    // Three seeds are too few for an interval.
    assert_eq!(effects[0]["lo"], "");
    assert!(effects[0]["finding"].contains("3 seeds are too few"));
    let read = |file: &str| fs::read_to_string(dir.path().join("results/two").join(file)).unwrap();
    let (html, markdown) = (read("report.html"), read("report.md"));
    assert!(html.contains("Two places &lt;b&gt;") && !html.contains("NaN"));
    assert!(markdown.contains("| everywhere |") && markdown.contains("figures/at_a_glance.svg"));
    assert!(read("figures/at_a_glance.svg").contains("catch with a small buffer"));
    assert_eq!(read("overview.toml"), OVERVIEW);
    // Again, with the same bytes.
    let ran = study(&dir, &["overview", "two", "--out", "again"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for file in ["effects.csv", "report.html", "report.md"] {
        let again = fs::read_to_string(dir.path().join("again").join(file)).unwrap();
        assert_eq!(again, read(file), "{file}");
    }
}

#[test]
fn what_is_not_there_is_named() {
    for (from, to, words) in [
        ("study = \"quick\"", "study = \"slow\"", "`study run slow`"),
        ("\"rmsprop\"", "\"rmsprob\"", "did you mean `rmsprop`?"),
        ("[\"catch\"]", "[\"cach\"]", "did you mean `catch`?"),
        (
            "buffer_size\" = 500",
            "buffer_size\" = 501",
            "allowed: 10000, 500",
        ),
        (
            "agent.buffer_size",
            "agent.size",
            "unknown factor `agent.size`",
        ),
        (
            "environments = ",
            "rung = \"rll\"\nenvironments = ",
            "did you mean `rl`?",
        ),
        ("about =", "abot =", "two.toml: line 3"),
        ("[[places]]", "[[place]]", "did you mean `places`?"),
    ] {
        let dir = prepared(&OVERVIEW.replace(from, to));
        let ran = study(&dir, &["overview", "two"]);
        assert_eq!(ran.code, Some(2), "{to}");
        assert!(ran.stderr.contains(words), "{to}: {}", ran.stderr);
        assert!(ran.stderr.contains("two.toml"), "{to}: {}", ran.stderr);
        assert!(!dir.path().join("results/two").exists(), "{to}");
    }
    let dir = prepared("title = \"a\"\nabout = \"b\"\neffects = []\nplaces = []\n");
    let ran = study(&dir, &["overview", "two"]);
    assert!(
        ran.stderr.contains("at least one table [[effects]]"),
        "{}",
        ran.stderr
    );
    let ran = study(&dir, &["overview", "three"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("experiments/overviews/three.toml"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("has two"), "{}", ran.stderr);
}

#[test]
fn a_study_and_an_overview_keep_out_of_each_others_folders() {
    let dir = prepared(OVERVIEW);
    let ran = study(&dir, &["overview", "two", "--out", "results/quick"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("has the results of a study"),
        "{}",
        ran.stderr
    );
    assert_eq!(study(&dir, &["overview", "two"]).code, Some(0));
    let experiment = dir.path().join("results/quick/experiment.toml");
    fs::copy(experiment, dir.path().join("two.toml")).unwrap();
    let ran = study(
        &dir,
        &["run", "two.toml", "--stage", "tune", "--index", "0"],
    );
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("results/two has an overview"),
        "{}",
        ran.stderr
    );
}
