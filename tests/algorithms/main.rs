//! The promises of every algorithm: those in the registry and two toys that are registered here, each
//! with one line.

mod configurations;
mod declared;
mod environments;
mod reproduced;
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
    cli::RlArgs,
    run::{
        Checkpoint, Configuration, Control, Observer, RlOutcome, Row, Snapshot, Status,
        rl::{Config, ConfigSource, RunTask, Trained, train, train_cohort},
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

fn alone(config: &Config) -> (Record, RlOutcome) {
    let mut record = Record::default();
    let outcome = train(config, &mut record).unwrap();
    (record, outcome)
}

/// The runs of `configs` in lock-step, resumed from `from` if given, with a checkpoint on the way.
fn together(configs: &[Config], from: Vec<Option<Checkpoint>>) -> (Vec<Record>, Vec<RlOutcome>) {
    let mut records: Vec<Record> = configs.iter().map(|_| Record::default()).collect();
    let tasks = configs.iter().zip(from).zip(&mut records);
    let tasks = tasks.map(|((config, from), observer)| RunTask {
        config,
        from,
        observer,
    });
    let control = Control::new(Some(CHECKPOINT), Arc::default());
    let outcomes = train_cohort(tasks.collect(), &control).unwrap();
    (records, outcomes)
}
