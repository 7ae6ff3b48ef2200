//! Report cards. The suite takes minutes, so here it has little of everything.

mod common;

use std::{collections::BTreeMap, fs, path::Path};

use common::{Ran, run};
use optimiser_paradigms::study::report::card::cards;
use tempfile::tempdir;

fn study(dir: &Path, args: &[&str]) -> Ran {
    run(env!("CARGO_BIN_EXE_study"), dir, args, &[])
}

#[test]
fn the_experiment_of_a_card_is_an_experiment() {
    let dir = tempdir().unwrap();
    let ran = study(
        dir.path(),
        &["card", "adam:beta1=0.5", "--write", "half.toml"],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let text = fs::read_to_string(dir.path().join("half.toml")).unwrap();
    // The baselines and the optimiser in question, each with seven learning rates.
    assert_eq!(text.matches("[[optimisers]]").count(), 4);
    assert!(text.contains("name = \"adam:beta1=0.5\""));
    // Runs of other optimisers are the same runs with any entrant, so the suite may not depend on it.
    let ran = study(dir.path(), &["card", "lion", "--write", "lion.toml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let suite = |text: &str| text.split("[[optimisers]]").next().unwrap().to_owned();
    let other = fs::read_to_string(dir.path().join("lion.toml")).unwrap();
    assert_eq!(suite(&text), suite(&other));
    let ran = study(
        dir.path(),
        &["run", "half.toml", "--stage", "tune", "--index", "100000"],
    );
    assert!(
        ran.stderr.contains("there is no run 100000"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_a_card_cannot_be_of_is_named() {
    let dir = tempdir().unwrap();
    for (args, words) in [
        (&["card"][..], "<OPTIMISER>"),
        (&["card", "adm"], "did you mean `adam`"),
        (&["card", "adam:lr=1e-3"], "--lr"),
        (&["card", "lion", "--lr", "0"], "above 0"),
        (&["card", "lion", "--lr", "nan"], "above 0"),
        (&["card", "adam", "--lr", "1"], "is a baseline"),
        (&["card", "lion", "--all"], "cannot be used with"),
        (&["card", "lion", "--size", "large"], "small"),
    ] {
        let ran = study(dir.path(), args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{args:?}: {}", ran.stderr);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_card_and_its_leaderboard() {
    let dir = tempdir().unwrap();
    let name = "adam:beta1=0.5";
    let ran = study(dir.path(), &["card", name, "--write", "card.toml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    // The suite with little of everything, because only what is made of its results is in question.
    let path = dir.path().join("card.toml");
    let mut text = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("1001..1005", "1001..1002"),
        ("1..20", "1..3"),
        (
            "steps = 100_000, eval_every = 5_000",
            "steps = 400, eval_every = 200",
        ),
        (
            "steps = 60_000, eval_every = 3_000",
            "steps = 512, eval_every = 256",
        ),
        (
            "steps = 40_000, eval_every = 2_000",
            "steps = 400, eval_every = 200",
        ),
        (
            "steps = 20_000, eval_every = 1_000",
            "steps = 512, eval_every = 256",
        ),
        (
            "steps = 10_000, eval_every = 500",
            "steps = 400, eval_every = 200",
        ),
        ("steps = 3_000", "steps = 200"),
        ("eval_episodes = 5", "eval_episodes = 1"),
        ("learning_starts = 1_000", "learning_starts = 100"),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    fs::write(&path, &text).unwrap();
    let ran = study(dir.path(), &["run", "card.toml", "--quiet"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);

    let folder = dir.path().join("results/card");
    let names = [name.to_owned(), "adam".to_owned()];
    let written = cards(&folder, &names, "a suite").unwrap();
    assert_eq!(written.len(), 2);
    assert!(
        written[0]
            .says
            .contains("better than adam with probability 0."),
        "{}",
        written[0].says
    );
    // Adam is not compared with itself.
    assert!(!written[1].says.contains("adam"), "{}", written[1].says);
    let own = folder.join("adam-beta1=0.5");
    let html = fs::read_to_string(own.join("card.html")).unwrap();
    for words in [
        "DQN without replay",
        "streaming: Q(lambda)",
        "3 seeds are too few",
        "over rmsprop",
    ] {
        assert!(html.contains(words), "{words}");
    }
    for words in ["NaN", "http://", "https://"] {
        let at = html.find(words);
        assert_eq!(at, None, "{}", &html[at.unwrap_or(0)..][..200]);
    }
    assert!(own.join("figures/at_a_glance.svg").exists());
    let png = fs::read(own.join("card.png")).unwrap();
    assert_eq!(&png[1..4], b"PNG");
    let rows = leaderboard(&folder);
    let optimisers: Vec<&str> = rows.iter().map(|row| row["optimiser"].as_str()).collect();
    assert_eq!(optimisers.len(), 4);
    let adam = &rows[optimisers.iter().position(|one| *one == "adam").unwrap()];
    assert_eq!(
        (adam["area"].as_str(), adam["bytes_per_weight"].as_str()),
        ("0.5", "8.0")
    );
    assert_eq!(
        rows[0]["regimes"].split(';').count() + rows[0]["regimes"].is_empty() as usize,
        7
    );
    // The same results give the same bytes, and another suite's rows leave the leaderboard.
    cards(&folder, &names, "a suite").unwrap();
    assert_eq!(fs::read_to_string(own.join("card.html")).unwrap(), html);
    assert_eq!(leaderboard(&folder), rows);
    cards(&folder, &names, "another suite").unwrap();
    assert_eq!(leaderboard(&folder).len(), 4);
    assert_ne!(leaderboard(&folder)[0]["suite"], rows[0]["suite"]);
}

fn leaderboard(folder: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(folder.join("leaderboard.csv")).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}
