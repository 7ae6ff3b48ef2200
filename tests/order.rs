//! Runs that differ in the order of their samples alone.

mod common;

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use common::{Ran, files, run};
use envs::make;
use optimiser_paradigms::{
    Error, Result,
    run::{
        Again, Control, EpisodeRow, Finished, Observer, Opened, Progress, Row, look,
        order::{OrderConfig, OrderOutcome, Recording, recorded_config, train},
        rl,
    },
};
use settings::{Table, Value};
use tempfile::tempdir;

const ORDER: &str = env!("CARGO_BIN_EXE_order");
const STUDY: &str = env!("CARGO_BIN_EXE_study");

/// Flags of a run of a fraction of a second, whose agent does nothing but explore.
const QUICK: [&str; 5] = ["--stream", "2000", "--held-out", "100", "--quiet"];

fn works(dir: &Path, args: &[&str]) -> Ran {
    let ran = run(ORDER, dir, args, &[]);
    assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.stderr);
    ran
}

/// The files of a quick run with `more` flags, in the folder `name`.
fn quick(dir: &Path, name: &str, more: &[&str]) -> BTreeMap<String, Vec<u8>> {
    works(dir, &[&QUICK[..], &["--out", name], more].concat());
    files(&dir.join(name))
}

fn outcome(folder: &Path) -> OrderOutcome {
    Finished::<OrderConfig>::read(folder).unwrap().outcome
}

/// The configuration of a run of Adam with these settings.
fn config(set: &[(&str, Value)]) -> OrderConfig {
    let table: Table = set.iter().cloned().collect();
    OrderConfig::resolve(&table, "adam".parse().unwrap()).unwrap()
}

fn recording(env: &str, stream: i64, gamma: f64) -> (OrderConfig, Arc<Recording>) {
    let config = config(&[
        ("env", Value::from(env)),
        ("stream", Value::Whole(stream)),
        ("gamma", Value::Number(gamma)),
        ("held_out", Value::Whole(100)),
    ]);
    let recording = config.recording().unwrap();
    (config, recording)
}

#[test]
fn the_same_configuration_gives_the_same_bytes_and_orders_differ() {
    let dir = tempdir().unwrap();
    let first = quick(dir.path(), "first", &[]);
    assert!(first.contains_key("weights.safetensors"));
    assert!(first == quick(dir.path(), "second", &[]));
    let same: [(&str, &[&str], &[&str]); 2] = [
        (
            "one",
            &["--order", "windows", "--window", "1"],
            &["--order", "recorded"],
        ),
        (
            "all",
            &["--order", "windows", "--window", "1900"],
            &["--order", "shuffled"],
        ),
    ];
    for targets in ["fixed", "bootstrapped"] {
        let mut seen = vec![];
        for (name, a, b) in same {
            let with = |name: &str, flags: &[&str]| {
                let flags = [flags, &["--targets", targets, "--batch", "3"]].concat();
                quick(dir.path(), &format!("{targets}-{name}"), &flags)["values.csv"].clone()
            };
            let values = with(name, a);
            assert_eq!(values, with(&format!("{name}-too"), b));
            seen.push(values);
        }
        assert_ne!(seen[0], seen[1]);
        // All start from the same weights.
        let start = |values: &[u8]| {
            String::from_utf8_lossy(values)
                .lines()
                .nth(1)
                .map(str::to_owned)
        };
        assert_eq!(start(&seen[0]), start(&seen[1]));
    }
}

#[test]
fn the_stream_is_what_a_run_of_the_agent_sees() {
    #[derive(Default)]
    struct Episodes(Vec<EpisodeRow>);
    impl Observer for Episodes {
        fn row(&mut self, row: Row) -> Result<()> {
            if let Row::Episode(row) = row {
                self.0.push(row.clone());
            }
            Ok(())
        }
    }
    // CleanRL's agent learns from step 10,000 on.
    let (config, recording) = recording("cartpole", 11_000, 0.99);
    let mut episodes = Episodes::default();
    rl::train(&recorded_config(&config.run).unwrap(), &mut episodes).unwrap();
    let all = &recording.transitions;
    let mut start = 0;
    for episode in &episodes.0 {
        let end = episode.step as usize;
        let rewards: f32 = all.rewards[start..end].iter().sum();
        assert_eq!(f64::from(rewards), episode.episode_return);
        assert!(all.terminated[start..end - 1].iter().all(|over| !over));
        for t in start..end - 1 {
            assert_eq!(all.next_obs(t), all.obs(t + 1));
        }
        start = end;
    }
    assert!(episodes.0.len() > 100 && all.len() == 11_000);
    assert_eq!(recording.learned.len() + recording.held_out.len(), 11_000);
    let gaps = recording.held_out.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.into_iter().all(|gap| gap == 110));
}

#[test]
fn what_is_asked_for_at_once_is_recorded_once() {
    let of = |order: &str| {
        config(&[
            ("stream", Value::Whole(2_345)),
            ("held_out", Value::Whole(100)),
            ("order", Value::from(order)),
        ])
    };
    let configs = ["recorded", "shuffled", "windows", "recorded"].map(of);
    let recordings: Vec<Arc<Recording>> = std::thread::scope(|scope| {
        let all = configs
            .each_ref()
            .map(|config| scope.spawn(|| config.recording().unwrap()));
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(
        recordings
            .iter()
            .all(|one| Arc::ptr_eq(one, &recordings[0]))
    );
    let other = config(&[
        ("stream", Value::Whole(2_346)),
        ("held_out", Value::Whole(100)),
    ]);
    assert!(!Arc::ptr_eq(&other.recording().unwrap(), &recordings[0]));
}

/// What followed each observation and action, by their bits.
type Seen = HashMap<(Vec<u32>, u32), Vec<(f64, Vec<u32>, bool)>>;

/// The values of the policy on what was seen, by sweeps of dynamic programming over all observations; each outcome of an
/// action counts as often as it was seen. NaN where the policy leads to what was not seen.
fn programmed(recording: &Recording, gamma: f64) -> Vec<f64> {
    let all = &recording.transitions;
    let bits = |obs: &[f32]| -> Vec<u32> { obs.iter().map(|x| x.to_bits()).collect() };
    let (mut seen, mut policy) = (Seen::new(), HashMap::new());
    for t in 0..all.len() {
        let next = bits(all.next_obs(t));
        policy.insert(next.clone(), all.next_actions[t]);
        let outcome = (f64::from(all.rewards[t]), next, all.terminated[t]);
        seen.entry((bits(all.obs(t)), all.actions[t]))
            .or_default()
            .push(outcome);
    }
    let mut values: HashMap<_, f64> = seen.keys().map(|key| (key.clone(), 0.0)).collect();
    for _ in 0..200 {
        let value = |(reward, next, over): &(f64, Vec<u32>, bool)| match over {
            true => *reward,
            false => {
                let following = values.get(&(next.clone(), policy[next]));
                reward + gamma * following.copied().unwrap_or(f64::NAN)
            }
        };
        let mean = |all: &Vec<_>| all.iter().map(value).sum::<f64>() / all.len() as f64;
        values = seen
            .iter()
            .map(|(key, all)| (key.clone(), mean(all)))
            .collect();
    }
    (0..all.len())
        .map(|t| values[&(bits(all.obs(t)), all.actions[t])])
        .collect()
}

#[test]
fn true_values_are_those_of_dynamic_programming() {
    for env in ["deep_sea?size=4", "catch"] {
        let (_, recording) = recording(env, 12_000, 0.9);
        assert!(recording.exact, "{env}");
        let expected = programmed(&recording, 0.9);
        let pairs = recording.transitions.values.iter().zip(expected);
        let known: Vec<_> = pairs.filter(|(_, expected)| expected.is_finite()).collect();
        assert!(known.len() > 11_000, "{env}: {}", known.len());
        for (value, expected) in known {
            assert!(
                (value - expected).abs() < 1e-5,
                "{env}: {value}, {expected}"
            );
        }
    }
}

#[test]
fn where_the_environment_is_random_values_are_means() {
    let (_, recording) = recording("deep_sea?size=4&stochastic", 12_000, 0.9);
    assert!(!recording.exact);
    let expected = programmed(&recording, 0.9);
    let pairs = recording.transitions.values.iter().zip(&expected);
    let bias = pairs.map(|(value, expected)| value - expected).sum::<f64>() / 12_000.0;
    // The rewards at the end have a noise of 1, and each end was seen some 400 times.
    assert!(bias.abs() < 0.08, "{bias}");
}

/// Each value of CartPole is that of some number of steps with a reward of 1. It is found by playing the recorded episode
/// from its start once more, without any saved state, and going on by the policy's recorded choices as far as they go.
#[test]
fn true_values_do_not_end_where_an_episode_is_cut_short() {
    let (_, recording) = recording("cartpole?max_steps=30", 3_000, 0.9);
    let all = &recording.transitions;
    let longest = 1.0 / (1.0 - 0.9);
    let mut beyond = 0;
    for t in 0..all.len() {
        let steps = (1.0 - all.values[t] / longest).ln() / 0.9f64.ln();
        if all.values[t] < longest - 1e-4 {
            assert!((steps - steps.round()).abs() < 1e-3, "{t}: {steps}");
        }
        assert_eq!(all.terminated[t], steps.round() == 1.0, "{t}");
        let cut = !all.terminated[t] && t + 1 < all.len() && all.next_obs(t) != all.obs(t + 1);
        beyond += usize::from(cut);
        assert!(!cut || all.values[t] > 1.5, "{t}");
    }
    assert!(beyond > 3, "{beyond} episodes are cut short");
    assert!(make("cartpole").unwrap().save().is_ok());
}

/// Ends the run at the first report past `at`.
struct Stopper {
    stop: Arc<AtomicUsize>,
    at: u64,
}

impl Observer for Stopper {
    fn progress(&mut self, progress: &Progress) -> Result<()> {
        if progress.step >= self.at {
            self.stop.store(15, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[test]
fn an_interrupted_run_goes_on_exactly() {
    for (optimiser, targets) in [("adam", "fixed"), ("adam:restart_t=true", "bootstrapped")] {
        let dir = tempdir().unwrap();
        let mut set: Vec<(&str, Value)> = vec![
            ("stream", Value::Whole(3_000)),
            ("held_out", Value::Whole(100)),
            ("order", Value::from("windows")),
            ("targets", Value::from(targets)),
            ("batch", Value::Whole(2)),
            ("diagnostics", Value::Whole(37)),
        ];
        if targets == "bootstrapped" {
            set.push(("target_every", Value::Whole(7)));
        }
        let table: Table = set.into_iter().collect();
        let config = OrderConfig::resolve(&table, optimiser.parse().unwrap()).unwrap();
        let go = |name: &str, stops: &[u64]| {
            let path = dir.path().join(name);
            for at in stops.iter().chain([&u64::MAX]) {
                let open = || match look(&path, &config, Again::Resume).unwrap() {
                    Opened::Unfinished(ready) => ready.open(),
                    _ => panic!("it has finished"),
                };
                // A process that another test starts has the lock until it has begun.
                let taken = |opened: &Result<_>| matches!(opened, Err(Error::Taken(_)));
                let mut opened = open();
                while taken(&opened) {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    opened = open();
                }
                let (mut folder, from) = opened.unwrap();
                let stop = Arc::new(AtomicUsize::new(0));
                let control = Control::new(None, stop.clone());
                let mut stopper = Stopper { stop, at: *at };
                let recording = config.recording().unwrap();
                let mut both = (&mut folder, &mut stopper);
                match train(&config, &recording, from.as_ref(), &mut both, &control) {
                    Ok(outcome) => drop(folder.finish::<OrderConfig>(outcome).unwrap()),
                    Err(Error::Stopped { step, .. }) => assert_eq!(step, *at),
                    Err(error) => panic!("{error}"),
                }
            }
            files(&path)
        };
        let whole = go("whole", &[]);
        assert!(whole.contains_key("diagnostics.csv"));
        assert_eq!(whole, go("parts", &[500, 1_000]));
    }
}

#[test]
fn a_run_can_be_made_from_its_configuration() {
    let dir = tempdir().unwrap();
    let first = quick(
        dir.path(),
        "first",
        &["--opt", "rmsprop", "--window", "100"],
    );
    let args = [
        "--config",
        "first/config.toml",
        "--quiet",
        "--out",
        "second",
    ];
    works(dir.path(), &args);
    let second = files(&dir.path().join("second"));
    // The outcome names what was set of the optimiser, which is everything here.
    for file in ["config.toml", "values.csv", "weights.safetensors"] {
        assert!(first[file] == second[file], "{file}");
    }
}

#[test]
fn what_diverges_has_the_worst_score() {
    let dir = tempdir().unwrap();
    let flags = ["--targets", "bootstrapped", "--opt", "sgd", "--lr", "1e3"];
    quick(dir.path(), "run", &flags);
    let outcome = outcome(&dir.path().join("run"));
    assert_eq!((outcome.score, outcome.error), (-3.0, None));
}

#[test]
fn a_study_mixes_orders() {
    let dir = tempdir().unwrap();
    let toml = r#"
question = "Does order matter?"
hypothesis = "It does."
analysis = "Nothing follows from runs as short as these."
[seeds]
tuning = "11..12"
report = "1..5"
[order.run]
stream = 2000
held_out = 100
evaluations = 4
diagnostics = 100
[[environments]]
kind = "order"
[[factors]]
key = "run.order"
values = ["recorded", "shuffled"]
[[optimisers]]
name = "adam"
optimiser = "adam"
grid = { lr = [1e-3, 1e-2] }
[[optimisers]]
name = "sgd"
optimiser = "sgd"
grid = { lr = [1e-5, 1e-4] }
"#;
    fs::write(dir.path().join("mix.toml"), toml).unwrap();
    let study = |args: &[&str]| {
        let ran = run(STUDY, dir.path(), args, &[]);
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.stderr);
        ran.stdout
    };
    study(&["run", "mix.toml", "--quiet"]);
    study(&["verify", "mix.toml"]);
    assert!(study(&["schema"]).contains("`[order.run]`"));
    let runs = fs::read_dir(dir.path().join("results/mix")).unwrap();
    let names: Vec<_> = runs.map(|e| e.unwrap().file_name()).collect();
    assert!(
        names.iter().any(|name| name == "mechanism.csv"),
        "{names:?}"
    );
}

#[test]
fn what_cannot_be_is_an_error_that_says_what_can() {
    let dir = tempdir().unwrap();
    let wrong: [(&[&str], &str); 16] = [
        (&["--window", "0"], "allowed: a whole number >= 1"),
        (
            &["--order", "windows", "--window", "1901"],
            "at most 1900, the transitions that are learned from",
        ),
        (&["--window", "7"], "with order = windows"),
        (&["--target-every", "7"], "with targets = bootstrapped"),
        (&["--gamma", "1.5"], "allowed: 0 <= x <= 1"),
        (&["--gamma", "nan"], "allowed: 0 <= x <= 1"),
        (&["--batch", "1901"], "at most 1900"),
        (&["--held-out", "2000"], "below stream = 2000"),
        (
            &["--evaluations", "1901"],
            "at most 1900, the updates of the run",
        ),
        (&["--stream", "999999999"], "a whole number from 1 to"),
        (
            &["--env", "gymnasium-rs/CartPole"],
            "environments that can be saved",
        ),
        (&["--env", "carpole"], "did you mean \"cartpole\""),
        (&["--preset", "nobodys"], "unknown preset"),
        (&["--opt", "adam:restart_t=true"], "target_every above 1"),
        (
            &[
                "--env",
                "mountain_car",
                "--stream",
                "150",
                "--held-out",
                "10",
            ],
            "no episode ended in it",
        ),
        (&["--env", "mountain_car"], "there is nothing to learn"),
    ];
    for (flags, part) in wrong {
        let ran = run(ORDER, dir.path(), &[&QUICK[..], flags].concat(), &[]);
        assert_eq!(ran.code, Some(2), "{flags:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{flags:?}: {}", ran.stderr);
    }
    let error = run(
        ORDER,
        dir.path(),
        &[&QUICK[..], &["--env", "mountain_car", "--gamma", "1"]].concat(),
        &[],
    );
    assert!(
        error.stderr.contains("gamma = 1 is not allowed"),
        "{}",
        error.stderr
    );
    let leftovers = fs::read_dir(dir.path()).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        files_in(&path).then_some(path)
    });
    assert_eq!(
        leftovers.collect::<Vec<_>>(),
        Vec::<std::path::PathBuf>::new()
    );
}

/// Whether there is a file anywhere in `folder`.
fn files_in(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries
        .into_iter()
        .any(|path| path.is_file() || files_in(&path))
}
