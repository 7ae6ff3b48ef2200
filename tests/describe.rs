//! `study describe-env` end to end.

mod common;

use std::{collections::HashMap, fs, path::Path};

use common::{Ran, run};
use optimiser_paradigms::streams::{Stream, stream};
use optimiser_paradigms::{
    algorithm::{
        Policy,
        dqn::{DqnConfig, untrained_policy},
    },
    run::{
        Configuration,
        rl::{Config, ConfigSource},
    },
};
use settings::{Settings, Value};
use tempfile::tempdir;

fn describe(folder: &Path, args: &[&str]) -> Ran {
    let args = [&["describe-env"], args].concat();
    run(env!("CARGO_BIN_EXE_study"), folder, &args, &[])
}

/// Small enough for a test.
const SMALL: [&str; 4] = ["--streams", "4", "--steps", "1000"];

fn small(folder: &Path, args: &[&str]) -> Ran {
    describe(folder, &[&SMALL, args].concat())
}

/// The folder of a run with an untrained agent for `env`.
fn untrained(folder: &Path, env: &str) {
    let mut source = ConfigSource::default();
    source.run.insert("env", env);
    source
        .agent
        .insert("hidden", Value::List(vec![Value::Whole(8)]));
    let config = source.resolve(None).unwrap();
    let dqn = DqnConfig::from_table(&config.agent).unwrap();
    let policy = untrained_policy(&dqn, envs::make(env).unwrap().spec()).unwrap();
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("config.toml"), config.to_toml()).unwrap();
    let weights = folder.join(Config::LAYOUT.weights);
    fs::write(weights, policy.to_safetensors().unwrap()).unwrap();
}

/// The rows of `describe.csv` by environment, policy and quantity: point and note.
fn quantities(folder: &Path) -> HashMap<[String; 3], (Option<f64>, String)> {
    let mut reader = csv::Reader::from_path(folder.join("describe.csv")).unwrap();
    let rows = reader.records().map(|row| row.unwrap());
    let row = |row: csv::StringRecord| {
        let of = |i: usize| row[i].to_string();
        ([of(0), of(1), of(2)], (row[3].parse().ok(), of(7)))
    };
    rows.map(row).collect()
}

#[test]
fn describes_and_writes_everything_the_same_twice() {
    let dir = tempdir().unwrap();
    let drift = "cartpole?drift=length:0.5..1.5/period=500,shape=sine";
    let envs = ["cartpole", "CartPole-v1", drift, "mountain_car"];
    untrained(&dir.path().join("agent"), "cartpole");
    let args = [&envs[..], &["--policy", "agent", "--out"]].concat();
    let ran = small(dir.path(), &[&args[..], &["a"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 10, "{}", ran.stderr);
    let table: Vec<&str> = ran
        .stdout
        .lines()
        .filter(|l| l.starts_with("| `"))
        .collect();
    assert_eq!(table.len(), 5, "the agent is CartPole's:\n{}", ran.stdout);
    for word in [
        "gravity",
        "9.8",
        "force",
        "DIAL:LOW..HIGH",
        "agent, epsilon 0.05",
    ] {
        assert!(ran.stdout.contains(word), "no `{word}` in:\n{}", ran.stdout);
    }

    let again = small(dir.path(), &[&args[..], &["b", "-q"]].concat());
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("", ""));
    let other = small(
        dir.path(),
        &[&args[..], &["c", "-q", "--seed", "2"]].concat(),
    );
    assert_eq!(other.code, Some(0));
    let read = |out: &str, file: &str| fs::read(dir.path().join(out).join(file)).unwrap();
    let files = [
        "describe.csv",
        "coverage.csv",
        "autocorrelation.csv",
        "table.md",
        "describe.png",
    ];
    for file in files {
        assert!(read("a", file) == read("b", file), "{file} differs");
        assert!(read("a", file) != read("c", file), "{file} has no seed");
    }
    assert!(
        ran.stdout
            .ends_with(&String::from_utf8(read("a", "table.md")).unwrap())
    );

    let found = quantities(&dir.path().join("a"));
    let of =
        |env: &str, quantity: &str| found[&[env, "random", quantity].map(String::from)].clone();
    assert_eq!(found.len(), 5 * 13);
    let (time, _) = of("cartpole", "time_observations");
    assert!((2.0..30.0).contains(&time.unwrap()), "{time:?}");
    let (effective, _) = of("cartpole", "effective_observations");
    assert!((effective.unwrap() * time.unwrap() - 1000.0).abs() < 0.1);
    // CartPole's reward is always 1, and MountainCar swings too slowly for 1000 steps.
    assert_eq!(of("cartpole", "time_rewards"), (None, "constant".into()));
    let (time, note) = of("mountain_car", "swing_time_observations");
    assert!(
        time.unwrap() > 20.0 && note.starts_with("a lower bound"),
        "{note}"
    );
    assert!(of("mountain_car", "time_observations").0 < Some(20.0));
    assert!(ran.stdout.contains("| ≥ "), "{}", ran.stdout);
    let (_, note) = of("cartpole", "p_observations");
    assert!(note.contains("below 0.125"), "{note}");
}

#[test]
fn every_environment_is_described() {
    let dir = tempdir().unwrap();
    let args = ["--all", "--out", "all", "--streams", "2", "--steps", "300"];
    let ran = describe(dir.path(), &args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let native: Vec<_> = envs::registry().iter().filter(|e| e.native).collect();
    let found = quantities(&dir.path().join("all"));
    assert_eq!(found.len(), native.len() * 13);
    for entry in native {
        assert!(
            ran.stdout
                .contains(&format!("| `{}` | random |", entry.name))
        );
        for setting in entry.settings() {
            assert!(ran.stdout.contains(&setting.help), "{}", setting.help);
        }
    }
    assert!(
        found
            .values()
            .all(|(point, _)| point.is_none_or(f64::is_finite))
    );
}

#[test]
fn without_a_name_all_environments_are_described_and_some_drifts_and_chains() {
    let dir = tempdir().unwrap();
    let page = dir.path().join("page.md");
    let marks = [
        "<!-- study:environments -->",
        "<!-- /study:environments -->",
    ];
    fs::write(
        &page,
        format!("before\n{}\n{}\nafter\n", marks[0], marks[1]),
    )
    .unwrap();
    let args = ["--out", "all", "--splice", "page.md", "-q"];
    let small = ["--streams", "2", "--steps", "100"];
    let ran = describe(dir.path(), &[&args[..], &small].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let native = envs::registry().iter().filter(|e| e.native).count();
    let found = quantities(&dir.path().join("all"));
    assert_eq!(found.len(), (native + 6) * 13);
    assert!(found.keys().any(|[env, ..]| env.contains("drift=actions")));
    let table = fs::read_to_string(dir.path().join("all/table.md")).unwrap();
    let expected = format!(
        "before\n{}\n{}\n{}\nafter\n",
        marks[0],
        table.trim(),
        marks[1]
    );
    assert_eq!(fs::read_to_string(&page).unwrap(), expected);
}

#[test]
fn a_drift_over_the_stream_is_found_and_a_still_world_is_not() {
    let dir = tempdir().unwrap();
    // The reward falls from 1 to -1 in the second half.
    let drift = "cartpole?drift=reward:-1..1/period=1000,shape=step";
    let ran = describe(
        dir.path(),
        &[
            "cartpole",
            drift,
            "--streams",
            "12",
            "--steps",
            "2000",
            "--out",
            "d",
            "-q",
        ],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let found = quantities(&dir.path().join("d"));
    let drift = envs::make(drift).unwrap().spec().name.clone();
    let of = |env: &str, quantity: &str| found[&[env, "random", quantity].map(String::from)].0;
    assert!(of(&drift, "p_rewards").unwrap() < 0.01);
    assert!(of(&drift, "change_rewards").unwrap() > 0.5);
    assert!(of("cartpole", "p_observations").unwrap() > 0.01);
    assert_eq!(of("cartpole", "change_rewards"), None);
}

#[test]
fn an_episode_is_drawn_where_the_environment_can_be() {
    let dir = tempdir().unwrap();
    let foreign = envs::registry().iter().find(|entry| !entry.native);
    if let Some(entry) = foreign {
        let ran = describe(dir.path(), &[entry.name, "--render", "x.gif"]);
        assert_eq!(ran.code, Some(2));
        let said = format!("{} cannot be drawn", entry.name);
        assert!(ran.stderr.contains(&said), "{}", ran.stderr);
        assert!(!dir.path().join("x.gif").exists());
    }
    for entry in envs::registry().iter().filter(|entry| entry.native) {
        let mut env = envs::make(entry.name).unwrap();
        let mut obs = vec![0.0; env.spec().observation.len()];
        env.reset(&mut stream(1, Stream::Env), &mut obs);
        let ran = describe(dir.path(), &[entry.name, "--render", "x.gif"]);
        if env.render().is_some() {
            assert_eq!(ran.code, Some(0), "{}: {}", entry.name, ran.stderr);
            assert!(
                fs::read(dir.path().join("x.gif"))
                    .unwrap()
                    .starts_with(b"GIF89a")
            );
            assert!(ran.stdout.contains(", return "), "{}", ran.stdout);
        } else {
            assert_eq!(ran.code, Some(2), "{}", entry.name);
        }
    }
}

#[test]
fn help_shows_how() {
    let dir = tempdir().unwrap();
    let help = describe(dir.path(), &["--help"]).stdout;
    for word in ["Examples:", "--streams", "[default: 20000]", "NAME.gif"] {
        assert!(help.contains(word), "no `{word}` in:\n{help}");
    }
}

#[test]
fn bad_input_is_refused_with_the_way_out() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("a_file"), "content").unwrap();
    untrained(&dir.path().join("acrobot"), "acrobot");
    fs::create_dir(dir.path().join("empty")).unwrap();
    let refused: &[(&[&str], &[&str])] = &[
        (
            &["cartpol"],
            &["cartpol", "did you mean \"cartpole\"?", "mountain_car"],
        ),
        (
            &["cartpole?lenght=1"],
            &["lenght", "did you mean `length`?", "gravity"],
        ),
        (
            &["cartpole?drift=length:2..1/period=9"],
            &["drift length", "LOW below HIGH"],
        ),
        (
            &["cartpole?drift=lengt:0.5..1/period=9"],
            &["lengt", "`length`", "actions"],
        ),
        (&["cartpole?drift=length:0.5..1"], &["period=20000"]),
        (&["chain?of=cartpole"], &["two environments or more"]),
        (&["chain?of=cartpole|acrobot"], &["chain"]),
        (&["cartpole", "--streams", "1"], &["--streams", "2 to 1000"]),
        (
            &["cartpole", "--steps", "99"],
            &["--steps", "from 100 to 10000000"],
        ),
        (
            &["cartpole", "--seed", "-1"],
            &["'-1' for '--seed", "a whole number from 0 to"],
        ),
        (
            &["cartpole", "--steps", "10000000", "--streams", "1000"],
            &["--steps 10000000", "allowed: up to", "--streams"],
        ),
        (
            &["cartpole", "--epsilon", "2"],
            &["--epsilon", "0 <= x <= 1"],
        ),
        (
            &["cartpole", "--policy", "nowhere"],
            &["nowhere", "policy.safetensors"],
        ),
        (
            &["cartpole", "--policy", "empty"],
            &["empty", "config.toml"],
        ),
        (
            &["cartpole", "--policy", "acrobot"],
            &["learned on acrobot", "cartpole"],
        ),
        (&["cartpole", "--render", "a_file/x.gif"], &["a_file"]),
        (
            &["cartpole", "--render", "film.mp4"],
            &["film.mp4", "NAME.gif", "NAME.png"],
        ),
        (
            &["cartpole", "acrobot", "--render", "x.gif"],
            &["--render", "one environment, not 2"],
        ),
        (
            &["cartpole", "--out", "x", "--render", "x.gif"],
            &["--out", "--render"],
        ),
        (
            &["--render", "x.gif"],
            &["--render draws one environment, not"],
        ),
        (
            &["cartpole", "--splice", "x.md", "--render", "x.gif"],
            &["--splice", "--render"],
        ),
        (&["cartpole", "--out", "a_file"], &["a_file", "--out"]),
        (
            &["cartpole", "--out", "acrobot"],
            &["is a run's folder", "--out"],
        ),
    ];
    for (args, words) in refused {
        let ran = describe(dir.path(), args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{args:?}: {}", ran.stderr);
        for word in *words {
            assert!(
                ran.stderr.contains(word),
                "{args:?}: no `{word}` in:\n{}",
                ran.stderr
            );
        }
    }
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        3,
        "nothing is left behind"
    );
}
