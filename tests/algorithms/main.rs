//! The promises of every algorithm: those in the registry and two toys that are registered here, each
//! with one line.

mod tabular;

use std::{
    path::Path,
    sync::{
        Arc, Once,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use optimiser_paradigms::{
    Error, Result,
    algorithm::{self, Definition, Setup, register},
    run::{
        Checkpoint, Configuration, Control, Observer, Outcome, Row, Snapshot, Status,
        rl::{Config, ConfigSource, Task, Trained, train, train_cohort},
    },
};
use settings::{Table, Value};

/// Every algorithm, including the toys.
fn algorithms() -> Vec<&'static dyn Definition> {
    static TOYS: Once = Once::new();
    TOYS.call_once(|| {
        register(&tabular::Tabular::One).unwrap();
        register(&tabular::Tabular::Several).unwrap();
    });
    algorithm::registry()
}

const STEPS: u64 = 600;
/// The step of the first checkpoint, which is not at the end of an episode.
const CHECKPOINT: u64 = 250;

/// A short run that learns in at least its second half.
fn short(definition: &dyn Definition, seed: u64) -> Config {
    let agent = (definition.presets()[0].agent)();
    let run = [
        ("env", Value::from("catch")),
        ("steps", Value::Whole(STEPS as i64)),
        ("seed", Value::Whole(seed as i64)),
        ("eval_every", Value::Whole(200)),
        ("eval_episodes", Value::Whole(3)),
        ("log_every", Value::Whole(3)),
        ("diagnostics", Value::Whole(4)),
    ];
    let source = ConfigSource {
        algo: Some(definition.name().into()),
        run: run.into_iter().collect(),
        agent: definition.learning_by(&agent, 100).unwrap(),
        ..ConfigSource::default()
    };
    source.resolve(None).unwrap()
}

/// Everything that a run reports, and its first checkpoint with what was reported before it.
#[derive(Default)]
struct Record {
    rows: Vec<String>,
    checkpoint: Option<(Vec<u8>, usize)>,
    weights: Vec<u8>,
}

impl Observer for Record {
    fn row(&mut self, row: Row) -> Result<()> {
        self.rows.push(format!("{row:?}"));
        Ok(())
    }
    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<()> {
        if self.checkpoint.is_none() {
            self.checkpoint = Some((snapshot.to_safetensors(&[])?, self.rows.len()));
        }
        Ok(())
    }
    fn weights(&mut self, safetensors: &[u8]) -> Result<()> {
        self.weights = safetensors.to_vec();
        Ok(())
    }
}

fn alone(config: &Config) -> (Record, Outcome) {
    let mut record = Record::default();
    let outcome = train(config, &mut record).unwrap();
    (record, outcome)
}

/// The runs of `configs` in lock-step, resumed from `from` if given, with a checkpoint on the way.
fn together(configs: &[Config], from: Vec<Option<Checkpoint>>) -> (Vec<Record>, Vec<Outcome>) {
    let mut records: Vec<Record> = configs.iter().map(|_| Record::default()).collect();
    let tasks = configs.iter().zip(from).zip(&mut records);
    let tasks = tasks.map(|((config, from), observer)| Task {
        config,
        from,
        observer,
    });
    let control = Control::new(Some(CHECKPOINT), Arc::default());
    let outcomes = train_cohort(tasks.collect(), &control).unwrap();
    (records, outcomes)
}

#[test]
fn an_algorithm_says_what_it_is() {
    for definition in algorithms() {
        let name = definition.name();
        assert!(!definition.summary().is_empty() && !definition.source().is_empty());
        for setting in definition.settings() {
            assert!(!setting.help.is_empty(), "{name}: {}", setting.name);
            assert!(setting.default.is_some(), "{name}: {}", setting.name);
        }
        for key in definition.network_settings() {
            let mut names = definition.settings().iter().map(|setting| setting.name);
            assert!(names.any(|name| name == *key), "{name}: {key}");
        }
        assert!(!definition.presets().is_empty(), "{name}");
        for preset in definition.presets() {
            let agent = (preset.agent)();
            assert_eq!(definition.complete(&agent).unwrap(), agent, "{name}");
            let names = definition.settings().iter().map(|setting| setting.name);
            assert!(
                agent.iter().map(|(key, _)| key).eq(names),
                "{name}: all, in order"
            );
            preset.optimiser.parse::<optim::Spec>().unwrap();
        }
        let unknown: Table = [("no such setting", Value::Flag(true))]
            .into_iter()
            .collect();
        let error = definition
            .complete(&unknown)
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(error.contains("unknown key"), "{name}: {error}");
    }
}

/// Nobody knows what depends on the number of steps in an algorithm that does not say so.
#[test]
fn only_an_algorithm_that_declares_its_spans_has_longer_runs() {
    for definition in algorithms() {
        let longer = short(definition, 1).longer(2 * STEPS, &Table::new());
        let error = longer.map(drop).err();
        let error = error.map_or(String::new(), |error| error.to_string());
        let undeclared = error.contains(&format!("algo = {} depends", definition.name()));
        let name = definition.name();
        assert_eq!(
            undeclared,
            name.starts_with("tabular"),
            "{name}: `Definition::spans` must be implemented: {error}"
        );
    }
}

#[test]
fn its_records_have_the_columns_and_the_updates_that_it_declares() {
    for definition in algorithms() {
        let config = short(definition, 1);
        let (record, outcome) = alone(&config);
        assert!(outcome.updates > 0 && outcome.episodes > 0);
        assert_eq!(outcome.updates, config.updates(), "{}", definition.name());
        assert_eq!(definition.learns_nothing(&config.agent, STEPS), None);
        struct Columns(usize, usize);
        impl Observer for Columns {
            fn row(&mut self, row: Row) -> Result<()> {
                match row {
                    Row::Episode(row) => assert_eq!(row.behaviour.len(), self.0),
                    Row::Update(row) => assert_eq!(row.measured.len(), self.1),
                    _ => {}
                }
                Ok(())
            }
        }
        let (behaviour, measured) = (definition.behaviour_columns(), definition.update_columns());
        train(&config, &mut Columns(behaviour.len(), measured.len())).unwrap();
        let is_update = |row: &&String| row.starts_with("Update");
        let recorded = record.rows.iter().filter(is_update).count() as u64;
        assert_eq!(recorded, outcome.updates.div_ceil(config.run.log_every));
        // The toys do not show their updates.
        let shown = record.rows.iter().any(|row| row.starts_with("Diagnostics"));
        let name = definition.name();
        assert!(
            shown || name.starts_with("tabular"),
            "{name}: `learn` must call `pending` before each update"
        );
    }
}

#[test]
fn the_same_run_is_written_the_same_however_its_lr_was_given() {
    for definition in algorithms() {
        for preset in definition.presets() {
            for entry in optim::registry() {
                let resolved = |lr: Option<f64>, text: &str| {
                    let source = ConfigSource {
                        algo: Some(definition.name().into()),
                        preset: Some(preset.name.into()),
                        // A multiple of every number of environments.
                        run: [("steps", Value::Whole(3 << 17))].into_iter().collect(),
                        optimiser: Some(text.parse().unwrap()),
                        ..ConfigSource::default()
                    };
                    source.resolve(lr).unwrap()
                };
                let plain = resolved(None, entry.name);
                let lr = plain.optimiser.lr();
                let texts = [
                    resolved(Some(lr), entry.name),
                    resolved(None, &format!("{}:lr={lr:e}", entry.name)),
                    resolved(None, &plain.optimiser.to_string()),
                ];
                for other in texts {
                    assert_eq!(other.id(), plain.id(), "{}", plain.optimiser);
                    assert_eq!(other.optimiser.to_string(), plain.optimiser.to_string());
                }
            }
        }
    }
}

#[test]
fn the_same_configuration_gives_the_same_bytes() {
    for definition in algorithms() {
        let config = short(definition, 1);
        let ((first, a), (second, b)) = (alone(&config), alone(&config));
        assert_eq!(
            (&first.rows, &first.weights, &a),
            (&second.rows, &second.weights, &b)
        );
        let (other, _) = alone(&short(definition, 2));
        assert_ne!(
            first.rows,
            other.rows,
            "{}: seeds differ",
            definition.name()
        );
    }
}

#[test]
fn an_agent_whose_loss_is_too_large_has_diverged() {
    for definition in algorithms() {
        let mut config = short(definition, 1);
        config.optimiser = "sgd:lr=1e30".parse().unwrap();
        let (_, outcome) = alone(&config);
        let name = definition.name();
        assert!(
            outcome.status == Status::Diverged || name.starts_with("tabular"),
            "{name}: `learn` must call `diverged`"
        );
    }
}

#[test]
fn an_agent_of_a_cohort_is_what_it_is_alone() {
    for definition in algorithms() {
        let configs = [5, 6, 7].map(|seed| short(definition, seed));
        let (records, outcomes) = together(&configs, vec![None, None, None]);
        for ((config, record), outcome) in configs.iter().zip(records).zip(outcomes) {
            let (own, expected) = alone(config);
            assert_eq!(record.rows, own.rows, "{}", definition.name());
            assert_eq!((record.weights, outcome), (own.weights, expected));
        }
    }
}

#[test]
fn an_interrupted_run_goes_on_exactly() {
    let dir = tempfile::tempdir().unwrap();
    for definition in algorithms() {
        let configs = [3, 4].map(|seed| short(definition, seed));
        let (whole, outcomes) = together(&configs, vec![None, None]);
        let from = |(config, record): (&Config, &Record)| {
            let path = dir.path().join(format!("{}.safetensors", config.id()));
            let (checkpoint, _) = record.checkpoint.as_ref().unwrap();
            std::fs::write(&path, checkpoint).unwrap();
            let checkpoint = Checkpoint::read(&path, config).unwrap();
            let together = config.environments() as u64;
            assert_eq!(checkpoint.step, CHECKPOINT.next_multiple_of(together));
            Some(checkpoint)
        };
        let from = configs.iter().zip(&whole).map(from).collect();
        let (resumed, again) = together(&configs, from);
        assert_eq!(outcomes, again, "{}", definition.name());
        for (whole, resumed) in whole.iter().zip(resumed) {
            let (_, told) = whole.checkpoint.as_ref().unwrap();
            assert_eq!(whole.rows[*told..], resumed.rows);
            assert_eq!(whole.weights, resumed.weights);
        }
    }
}

/// A record that asks its run to end at its first update after a checkpoint.
struct Stopper {
    record: Record,
    stop: Arc<AtomicUsize>,
    /// Whether it was saved once more when it ended, as a run is that ends after a step.
    saved_at_end: bool,
}

impl Observer for Stopper {
    fn row(&mut self, row: Row) -> Result<()> {
        if matches!(row, Row::Update(_)) && self.record.checkpoint.is_some() {
            self.stop.store(15, Ordering::Relaxed);
        }
        self.record.row(row)
    }
    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.saved_at_end |= self.stop.load(Ordering::Relaxed) != 0;
        self.record.checkpoint(snapshot)
    }
}

#[test]
fn learning_that_is_given_up_goes_on_exactly_from_the_checkpoint_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut amid = Vec::new();
    for definition in algorithms() {
        let mut config = short(definition, 5);
        if definition
            .settings()
            .iter()
            .any(|known| known.name == "gradient_steps")
        {
            config.agent.insert("gradient_steps", Value::Whole(7));
        }
        config.run.log_every = 1;
        let (whole, outcome) = alone(&config);
        let mut stopper = Stopper {
            record: Record::default(),
            stop: Arc::default(),
            saved_at_end: false,
        };
        let mut control = Control::new(Some(CHECKPOINT), stopper.stop.clone());
        control.patience = Duration::ZERO;
        let task = Task {
            config: &config,
            from: None,
            observer: &mut stopper,
        };
        let error = train_cohort(vec![task], &control).unwrap_err();
        let Error::Stopped {
            signal: 15,
            saved,
            step,
            ..
        } = error
        else {
            panic!("{}: {error}", definition.name());
        };
        assert!(saved >= CHECKPOINT && saved <= step);
        if !stopper.saved_at_end {
            amid.push(definition.name());
        }
        let Record {
            rows, checkpoint, ..
        } = stopper.record;
        assert_eq!(whole.rows[..rows.len()], rows, "{}", definition.name());
        let (checkpoint, told) = checkpoint.unwrap();
        let path = dir.path().join("checkpoint.safetensors");
        std::fs::write(&path, checkpoint).unwrap();
        let from = Some(Checkpoint::read(&path, &config).unwrap());
        let (resumed, again) = together(std::slice::from_ref(&config), vec![from]);
        assert_eq!(again, [outcome], "{}", definition.name());
        assert_eq!(whole.rows[told..], resumed[0].rows);
    }
    // These make several updates in a step.
    for name in ["dqn", "pqn"] {
        assert!(amid.contains(&name), "{amid:?}");
    }
}

#[test]
fn a_policy_acts_as_it_did_when_it_is_read_back() {
    for definition in algorithms() {
        let config = short(definition, 8);
        let (record, _) = alone(&config);
        let policy = Trained::of(config.clone(), &record.weights).unwrap().policy;
        assert_eq!(policy.to_safetensors().unwrap(), record.weights);
        let env = envs::make(&config.run.env).unwrap();
        let agent = definition.make(&Setup {
            settings: &config.agent,
            optimisers: std::slice::from_ref(&config.optimiser),
            // Not those of the run, whose weights may be the first that it drew.
            seeds: &[9],
            env: env.spec(),
            steps: STEPS,
            device: &candle_core::Device::Cpu,
        });
        let mut agent = agent.unwrap();
        assert_eq!(agent.updates(0), 0);
        let name = definition.name();
        match agent.start_from(0, &record.weights) {
            Ok(()) => {
                let begun = agent.policy(0).unwrap().to_safetensors().unwrap();
                assert_eq!(
                    begun, record.weights,
                    "{name}: an agent that starts from it"
                );
            }
            Err(error) => assert!(
                error.to_string().contains("cannot start from"),
                "{name}: {error}"
            ),
        }
        let obs = vec![0.5; 3 * env.spec().observation.len()];
        assert_eq!(policy.act(&obs).unwrap().len(), 3);
        let damaged = &record.weights[..record.weights.len() / 2];
        assert!(
            definition
                .policy(&config.agent, env.spec(), damaged)
                .is_err()
        );
    }
}

#[test]
fn a_configuration_file_names_its_algorithm() {
    let dir = tempfile::tempdir().unwrap();
    for definition in algorithms() {
        let config = short(definition, 9);
        let path: &Path = &dir.path().join("config.toml");
        std::fs::write(path, config.to_toml()).unwrap();
        let read = ConfigSource::read(path).unwrap().resolve(None).unwrap();
        assert_eq!(
            (read.id(), read.algorithm.name()),
            (config.id(), definition.name())
        );
    }
    std::fs::write(dir.path().join("bad.toml"), "algo = \"tabula\"\n").unwrap();
    let error = ConfigSource::read(&dir.path().join("bad.toml")).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("did you mean `tabular`?"), "{error}");
}

/// The number called `name` in a row reported by a run, such as `step: 12`.
fn field(row: &str, name: &str) -> f64 {
    let start = row.find(&format!("{name}: ")).unwrap() + name.len() + 2;
    let text: String = row[start..]
        .chars()
        .take_while(|c| !", }".contains(*c))
        .collect();
    text.parse().unwrap()
}

#[test]
fn steps_and_episodes_of_several_environments_are_counted_together() {
    for definition in algorithms() {
        let mut config = short(definition, 1);
        config.run.eval_every = 100;
        let together = config.environments() as u64;
        let (record, outcome) = alone(&config);
        let rows = |kind: &str| -> Vec<&String> {
            record
                .rows
                .iter()
                .filter(|row| row.starts_with(kind))
                .collect()
        };
        // At the first step of all environments that is at or past each multiple.
        let evaluated: Vec<u64> = rows("Evaluation")
            .iter()
            .map(|row| field(row, "step") as u64)
            .collect();
        let due: Vec<u64> = (0..=STEPS / 100)
            .map(|k| (k * 100).next_multiple_of(together))
            .collect();
        assert_eq!(evaluated, due, "{}", definition.name());
        let episodes = rows("Episode");
        assert_eq!(episodes.len() as u64, outcome.episodes);
        let numbered = (1..)
            .zip(&episodes)
            .all(|(n, row)| field(row, "episode") == f64::from(n));
        assert!(numbered, "{}", definition.name());
        // An episode of catch takes nine steps in each environment.
        let ended = |environments: u64| STEPS / environments / 9 * environments;
        assert_eq!(outcome.episodes, ended(together), "{}", definition.name());
        for (n, row) in (0..).zip(episodes) {
            assert_eq!(field(row, "step") as u64, (n / together + 1) * 9 * together);
            assert_eq!(field(row, "length"), 9.0);
        }
    }
}

#[test]
fn environments_of_an_agent_have_streams_and_clocks_of_their_own() {
    let several = |seed: u64, env: &str, steps: i64| {
        let source = ConfigSource {
            algo: Some("tabular-several".into()),
            run: [
                ("env", Value::from(env)),
                ("steps", Value::Whole(steps)),
                ("seed", Value::Whole(seed as i64)),
                ("eval_episodes", Value::Whole(1)),
            ]
            .into_iter()
            .collect(),
            ..ConfigSource::default()
        };
        source.resolve(None)
    };
    algorithms();
    // Otherwise all three would begin and end alike, and returns would come in groups of three.
    let (record, _) = alone(&several(1, "cartpole", 300).unwrap());
    let lengths: Vec<f64> = record
        .rows
        .iter()
        .filter(|row| row.starts_with("Episode"))
        .map(|row| field(row, "length"))
        .collect();
    assert!(
        lengths.len() > 5
            && lengths
                .chunks(3)
                .any(|three| three.iter().any(|l| *l != three[0])),
        "{lengths:?}"
    );
    // Every 7 steps of each environment are 21 of the agent's; each time all three episodes are
    // truncated.
    let (record, _) = alone(&several(1, "chain?every=7&of=catch|catch?reward=0.5", 63).unwrap());
    let ends: Vec<u64> = record
        .rows
        .iter()
        .filter(|row| row.starts_with("Episode"))
        .map(|row| field(row, "step") as u64)
        .collect();
    assert_eq!(ends, [21, 21, 21, 42, 42, 42, 63, 63, 63]);
    let error = several(1, "cartpole", 500)
        .map(drop)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "steps = 500 is not allowed; allowed: a multiple of the 3 environments that the agent acts in, such as 498 or 501"
    );
    let error = several(1, "cartpole", 2).map(drop).unwrap_err().to_string();
    assert!(error.ends_with("such as 3"), "{error}");
}
