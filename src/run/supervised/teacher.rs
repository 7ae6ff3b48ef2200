//! The agent whose action values are learned.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, PoisonError},
};

use settings::{Settings, Value};

use super::SupervisedRun;
use optim::Spec;

use crate::{
    Error, Result,
    algorithm::dqn::{self, DqnConfig, QPolicy, untrained_policy},
    run::{
        Observer,
        rl::{self, Config, ConfigSource, Trained},
    },
};

/// Environment steps of a teacher that is trained here. With the seed below, CleanRL's DQN has solved
/// CartPole by then, in a few seconds.
const STEPS: i64 = 200_000;
/// Far from the seeds of runs: a run with the teacher's seed would start from the teacher's own initial weights.
const SEED: i64 = 1_000_001;
/// CleanRL's own optimiser, with its own lr.
const OPTIMISER: &str = "adam";

/// The run of the default teacher for `env`: that of `rl --env ENV --opt adam --steps 200000 --seed
/// 1000001`. Every run has the same one, whatever its seed.
pub fn teacher_config(env: &str) -> Result<Config> {
    let source = ConfigSource {
        run: [
            ("env", Value::from(env)),
            ("steps", Value::Whole(STEPS)),
            ("seed", Value::Whole(SEED)),
        ]
        .into_iter()
        .collect(),
        optimiser: Some(OPTIMISER.parse::<Spec>()?),
        ..ConfigSource::default()
    };
    source.resolve(None)
}

/// The environment of the teacher that `run` asks for.
pub fn teacher_env(run: &SupervisedRun) -> Result<String> {
    match run.teacher.as_str() {
        "" => Ok(run.env.clone()),
        folder => Ok(Trained::read(Path::new(folder))?.env().to_owned()),
    }
}

/// A DQN agent whose action values are learned.
pub(super) struct Teacher {
    pub env: String,
    pub policy: QPolicy,
    /// The discount of its action values.
    pub gamma: f64,
    /// The numbers in an observation and the actions it knows.
    pub shape: (usize, usize),
    /// The part of its environment's state that outlasts episodes, if its run was interrupted.
    pub world: Vec<f64>,
}

impl Teacher {
    /// A trained agent as a teacher; an error if it has no action values.
    pub fn of(trained: Trained) -> Result<Self> {
        let config = &trained.config;
        let (algorithm, path) = (config.algorithm.name(), trained.path.display());
        if algorithm != dqn::NAME {
            return Err(Error::usage(format!(
                "teacher = {path} follows {algorithm}; allowed: a run with algo = {}, whose action values can be \
                 learned",
                dqn::NAME
            )));
        }
        let settings = DqnConfig::from_table(&config.agent)?;
        let env = envs::make(&config.run.env)?;
        let like = untrained_policy(&settings, env.spec())?;
        Ok(Self {
            env: config.run.env.clone(),
            policy: like.load(&trained.policy.to_safetensors()?)?,
            gamma: settings.gamma,
            shape: trained.shape,
            world: trained.world,
        })
    }
}

/// The teacher that `run` asks for.
pub(super) fn teacher(run: &SupervisedRun) -> Result<Teacher> {
    Teacher::of(match run.teacher.as_str() {
        "" => trained(&run.env)?,
        folder => Trained::read(Path::new(folder))?,
    })
}

/// The best policies of teachers that this process has trained, under their environments.
static TRAINED: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::new(BTreeMap::new());

/// The teacher for `env`, trained the first time that this process asks.
fn trained(env: &str) -> Result<Trained> {
    let config = teacher_config(env)?;
    // Others that want one wait: it is most likely the same.
    let mut policies = TRAINED.lock().unwrap_or_else(PoisonError::into_inner);
    let env = config.run.env.clone();
    if !policies.contains_key(&env) {
        let mut best = Best(Vec::new());
        rl::train(&config, &mut best)?;
        policies.insert(env.clone(), best.0);
    }
    Trained::of(config, &policies[&env])
}

/// Keeps the best policy.
struct Best(Vec<u8>);

impl Observer for Best {
    fn weights(&mut self, safetensors: &[u8]) -> Result<()> {
        self.0 = safetensors.to_vec();
        Ok(())
    }
}
