//! Runs of `order`.

use super::*;

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
