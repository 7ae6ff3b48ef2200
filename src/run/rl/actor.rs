//! Choosing actions without learning, and trained agents read from their runs' folders.

use std::path::{Path, PathBuf};

use candle_core::Device;
use rand::Rng;

use super::{Config, ConfigSource, state};
use crate::{
    Error, Result,
    algorithm::{Policy, Setup},
    checksums::read_file,
    run::{
        Checkpoint, Configuration, Finished, OUTCOME,
        file_names::{CHECKPOINT, CONFIG, END},
    },
};

/// Chooses actions: an agent, or chance.
#[derive(Clone, Copy)]
pub struct Actor<'a> {
    /// Chance if there is none.
    policy: Option<&'a dyn Policy>,
    /// The probability of a random action.
    epsilon: f64,
}

impl<'a> Actor<'a> {
    /// Every action is equally likely.
    pub const RANDOM: Actor<'static> = Actor {
        policy: None,
        epsilon: 1.0,
    };

    /// `policy`'s greedy action, but a random one with probability `epsilon`.
    pub fn epsilon_greedy(policy: &'a dyn Policy, epsilon: f64) -> Self {
        Self {
            policy: Some(policy),
            epsilon,
        }
    }

    /// One of `actions` actions for the observation `obs`.
    ///
    /// It draws as DQN does in training. With the stream that a run explores with, chance therefore
    /// acts as that run does while its epsilon is 1.
    pub fn act(&self, obs: &[f32], actions: usize, explore: &mut impl Rng) -> Result<usize> {
        let random = explore.random::<f64>() < self.epsilon;
        match self.policy {
            Some(policy) if !random => Ok(policy.act(obs)?[0]),
            _ => Ok(explore.random_range(0..actions as u32) as usize),
        }
    }
}

/// An agent as its run left it.
pub struct Trained {
    /// The run's folder; empty if there is none.
    pub path: PathBuf,
    /// The configuration of the run.
    pub config: Config,
    /// The agent.
    pub policy: Box<dyn Policy>,
    /// What another agent can start from
    /// ([`Algorithm::start_from`](crate::algorithm::Algorithm::start_from)).
    pub networks: Vec<u8>,
    /// The numbers in an observation and the actions it knows.
    pub shape: (usize, usize),
    /// The part of the environment's state that outlasts episodes, if the run was interrupted
    /// ([`TimeLimit::world`](envs::TimeLimit::world)).
    pub world: Vec<f64>,
}

impl Trained {
    /// Reads the agent of a run from its folder: its best policy, or the policy it had when the run
    /// was interrupted. The path of `policy.safetensors`, `checkpoint.safetensors` or `end.safetensors`
    /// selects one of the agents that it had.
    pub fn read(path: &Path) -> Result<Self> {
        let policy_file = Config::LAYOUT.weights;
        let named = |file: &str| path.file_name().is_some_and(|name| name == file);
        let run = match [policy_file, CHECKPOINT, END].into_iter().any(named) {
            true => match path.parent() {
                Some(folder) if folder != Path::new("") => folder,
                _ => Path::new("."),
            },
            false => path,
        };
        let state = if named(END) { END } else { CHECKPOINT };
        let (best, saved) = (run.join(policy_file), run.join(state));
        let interrupted =
            named(state) || !named(policy_file) && !best.is_file() && !run.join(OUTCOME).is_file();
        // The case that a finished run has lost its policy is reported below.
        let is_there = if interrupted { &saved } else { &best }.is_file();
        if !is_there && !run.join(OUTCOME).is_file() {
            return Err(Error::usage(format!(
                "there is no {}; a trained agent is a run's folder with {CONFIG} and {policy_file}, or \
                 {CHECKPOINT} if it was interrupted",
                best.display()
            )));
        }
        let file = run.join(CONFIG);
        ConfigSource::check_program(&file)?;
        let config = || ConfigSource::read(&file)?.resolve(None);
        let again = |error: Error| error.mended_by(run_again(run));
        let mut trained = if interrupted {
            let config = config()?;
            interrupted_at(&Checkpoint::read(&saved, &config).map_err(again)?, config)?
        } else {
            let read = weights(run).map_err(again)?;
            let config = config()?;
            let within = |error: Error| Error::usage(format!("{}: {error}", best.display()));
            Self::of(config, &read).map_err(within)?
        };
        trained.path = run.to_path_buf();
        Ok(trained)
    }

    /// The agent of the run `config` that ended with the policy `saved`, which has no folder.
    pub fn of(config: Config, saved: &[u8]) -> Result<Self> {
        let env = envs::make(&config.run.env)?;
        let policy = config.algorithm.policy(&config.agent, env.spec(), saved)?;
        let learned = (policy, saved.to_vec());
        Ok(Self::new(config, env.spec(), learned, Vec::new()))
    }

    fn new(
        config: Config,
        env: &envs::EnvSpec,
        (policy, networks): (Box<dyn Policy>, Vec<u8>),
        world: Vec<f64>,
    ) -> Self {
        Self {
            path: PathBuf::new(),
            shape: (env.observation.len(), env.actions),
            config,
            policy,
            networks,
            world,
        }
    }

    /// The environment that it learned on.
    pub fn env(&self) -> &str {
        &self.config.run.env
    }
}

/// The weights that the run in the folder `run` left; an error if they or its configuration are not as it left them.
fn weights(run: &Path) -> Result<Vec<u8>> {
    if !run.join(OUTCOME).is_file() {
        return read_file(&run.join(Config::LAYOUT.weights));
    }
    let finished = Finished::<Config>::read(run)?;
    finished.file(CONFIG)?;
    finished.file(Config::LAYOUT.weights)
}

/// How to repeat the run in the folder `run`.
fn run_again(run: &Path) -> String {
    let (shown, config) = (run.display(), run.join(CONFIG));
    match ConfigSource::read(&config) {
        Ok(_) => format!(
            "`rl --config {} --out {shown} --force` runs it again",
            config.display()
        ),
        Err(_) => format!("`rl` with its settings and --out {shown} --force runs it again"),
    }
}

/// The agent that the run `config` had at `checkpoint`, and the world it was in.
fn interrupted_at(checkpoint: &Checkpoint, config: Config) -> Result<Trained> {
    let mut env = envs::make(&config.run.env)?;
    let mut agent = config.algorithm.make(&Setup {
        settings: &config.agent,
        optimisers: std::slice::from_ref(&config.optimiser),
        seeds: &[config.run.seed],
        env: env.spec(),
        steps: config.run.steps,
        device: &Device::Cpu,
    })?;
    checkpoint.restore(|saved| {
        state::load_agent(agent.as_mut(), 0, saved)?;
        Ok(env.load(&state::env(saved)?)?)
    })?;
    let learned = (agent.policy(0)?, agent.networks(0)?);
    let world = env.world();
    Ok(Trained::new(config, env.spec(), learned, world))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use settings::Value;

    use super::*;
    use crate::{
        algorithm::dqn::{DqnConfig, untrained_policy},
        run::Configuration,
        streams::{Stream, stream},
    };
    use settings::Settings;

    const POLICY: &str = Config::LAYOUT.weights;

    /// A run's folder with an untrained agent in it.
    fn untrained(folder: &Path) -> Box<dyn Policy> {
        let mut source = ConfigSource::default();
        source
            .agent
            .insert("hidden", Value::List(vec![Value::Whole(8)]));
        let config = source.resolve(None).unwrap();
        fs::write(folder.join(CONFIG), config.to_toml()).unwrap();
        let dqn = DqnConfig::from_table(&config.agent).unwrap();
        let policy = untrained_policy(&dqn, envs::make("cartpole").unwrap().spec()).unwrap();
        fs::write(folder.join(POLICY), policy.to_safetensors().unwrap()).unwrap();
        Box::new(policy)
    }

    #[test]
    fn comes_back_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let policy = untrained(dir.path());
        for path in [dir.path().to_path_buf(), dir.path().join(POLICY)] {
            let back = Trained::read(&path).unwrap();
            assert_eq!((back.env(), back.shape), ("cartpole", (4, 2)));
            let saved = |policy: &dyn Policy| policy.to_safetensors().unwrap();
            assert_eq!(saved(back.policy.as_ref()), saved(policy.as_ref()));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |word: &str| {
            let error = Trained::read(dir.path()).map(drop).unwrap_err().to_string();
            assert!(error.contains(word), "no `{word}` in: {error}");
        };
        refused("a run's folder with config.toml and policy.safetensors, or");
        untrained(dir.path());
        let config = fs::read_to_string(dir.path().join(CONFIG)).unwrap();
        let wider = config.replace("hidden = [8]", "hidden = [9]");
        fs::write(dir.path().join(CONFIG), wider).unwrap();
        refused("0.weight");
        fs::write(dir.path().join(POLICY), "no weights").unwrap();
        refused(POLICY);
    }

    #[test]
    fn chance_takes_every_action() {
        let mut explore = stream(1, Stream::Explore);
        let mut counts = [0; 3];
        for _ in 0..3000 {
            counts[Actor::RANDOM.act(&[], 3, &mut explore).unwrap()] += 1;
        }
        assert!(counts.iter().all(|n| (850..1150).contains(n)), "{counts:?}");
    }
}
