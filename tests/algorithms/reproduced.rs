//! Runs are the same when they are repeated, done in lock-step, resumed or read back.

use super::*;

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
        let task = RunTask {
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
