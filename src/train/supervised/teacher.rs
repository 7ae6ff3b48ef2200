//! The agent whose action values are learned.

use optim::Spec;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, PoisonError},
};

use super::SupervisedRun;
use crate::{
    Result,
    train::{
        self, Config, ConfigSource, EpisodeRow, EvaluationRow, Observer, RunOverrides, Trained,
        UpdateRow,
    },
};

/// Environment steps of a teacher that is trained here. CleanRL's DQN has solved CartPole by then, with
/// the seed below, in a few seconds.
const STEPS: u64 = 200_000;
/// Far from the seeds of runs: one with the teacher's would start from the teacher's own initial weights.
const SEED: u64 = 1_000_001;
/// CleanRL's own optimiser, with its own lr.
const OPTIMISER: &str = "adam";

/// The run that a teacher for `env` comes from where none is given: that of
/// `rl --env ENV --opt adam --steps 200000 --seed 1000001`. Every run has the same one, whatever its seed.
pub fn teacher_config(env: &str) -> Result<Config> {
    let source = ConfigSource {
        run: RunOverrides {
            env: Some(env.into()),
            steps: Some(STEPS),
            seed: Some(SEED),
            ..RunOverrides::default()
        },
        optimiser: Some(OPTIMISER.parse::<Spec>()?),
        ..ConfigSource::default()
    };
    source.resolve(None)
}

/// The environment of the teacher that `run` asks for.
pub fn teacher_env(run: &SupervisedRun) -> Result<String> {
    match run.teacher.as_str() {
        "" => Ok(run.env.clone()),
        folder => Ok(Trained::read(Path::new(folder))?.env),
    }
}

/// The teacher that `run` asks for.
pub(super) fn teacher(run: &SupervisedRun) -> Result<Trained> {
    match run.teacher.as_str() {
        "" => trained(&run.env),
        folder => Trained::read(Path::new(folder)),
    }
}

/// The best policies of teachers that this process has trained, under their environments.
static TRAINED: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::new(BTreeMap::new());

/// The teacher for `env`, trained the first time that this process asks.
fn trained(env: &str) -> Result<Trained> {
    let config = teacher_config(env)?;
    // Whoever else wants one waits: it is most likely the same.
    let mut policies = TRAINED.lock().unwrap_or_else(PoisonError::into_inner);
    let env = config.run.env.clone();
    if !policies.contains_key(&env) {
        let mut best = Best(Vec::new());
        train::run(&config, &mut best)?;
        policies.insert(env.clone(), best.0);
    }
    Trained::of(&config, &policies[&env])
}

/// Keeps the policy that did best.
struct Best(Vec<u8>);

impl Observer for Best {
    fn episode(&mut self, _row: &EpisodeRow) -> Result<()> {
        Ok(())
    }
    fn evaluation(&mut self, _row: &EvaluationRow) -> Result<()> {
        Ok(())
    }
    fn update(&mut self, _row: &UpdateRow) -> Result<()> {
        Ok(())
    }
    fn policy(&mut self, safetensors: &[u8]) -> Result<()> {
        self.0 = safetensors.to_vec();
        Ok(())
    }
}
