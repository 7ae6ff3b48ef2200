//! Runs that differ in the order of their samples alone.

#[path = "../common/mod.rs"]
mod common;
mod mistakes;
mod recorded;
mod runs;
mod study;

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
