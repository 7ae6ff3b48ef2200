//! Who chooses actions when nothing is learned, and a trained agent from its run's folder.

use std::path::{Path, PathBuf};

use rand::Rng;

use super::{
    Checkpoint, Config, ConfigSource,
    folder::{CHECKPOINT, CONFIG, POLICY},
};
use crate::{
    Error, Result,
    agent::{Dqn, Policy},
    streams::{Stream, stream},
};

/// Who chooses actions: an agent, or chance.
#[derive(Clone, Copy)]
pub struct Actor<'a> {
    /// Chance if there is none.
    policy: Option<&'a Policy>,
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
    pub fn epsilon_greedy(policy: &'a Policy, epsilon: f64) -> Self {
        Self {
            policy: Some(policy),
            epsilon,
        }
    }

    /// One of `actions` actions for the observation `obs`.
    ///
    /// It draws as training does, so chance with a run's stream [`Stream::Explore`] acts as
    /// that run does while its epsilon is 1.
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
    /// The environment it learned on.
    pub env: String,
    /// The agent.
    pub policy: Policy,
    /// The discount of its action values.
    pub gamma: f64,
    /// The numbers in an observation and the actions it knows.
    pub shape: (usize, usize),
    /// Where the environment stood in what outlasts its episodes, if it was interrupted
    /// ([`TimeLimit::world`](envs::TimeLimit::world)).
    pub world: Vec<f64>,
}

impl Trained {
    /// Reads the agent of a run from its folder: its best policy, or if the run was interrupted the
    /// one it had then. The path of `policy.safetensors` or `checkpoint.safetensors` says which.
    pub fn read(path: &Path) -> Result<Self> {
        let named = |file: &str| path.file_name().is_some_and(|name| name == file);
        let run = match named(POLICY) || named(CHECKPOINT) {
            true => match path.parent() {
                Some(folder) if folder != Path::new("") => folder,
                _ => Path::new("."),
            },
            false => path,
        };
        let (best, saved) = (run.join(POLICY), run.join(CHECKPOINT));
        let interrupted = named(CHECKPOINT) || !named(POLICY) && !best.is_file();
        if !(if interrupted { &saved } else { &best }).is_file() {
            return Err(Error::usage(format!(
                "there is no {}; a trained agent is a run's folder with {CONFIG} and {POLICY}, or \
                 {CHECKPOINT} if it was interrupted",
                best.display()
            )));
        }
        let config = ConfigSource::read(&run.join(CONFIG))?.resolve(None)?;
        let (untrained, shape) = untrained(&config)?;
        let (policy, world) = match interrupted {
            true => Checkpoint::read(&saved, &config)?.policy(untrained, &config)?,
            false => (untrained.policy(0)?.read(&best)?, Vec::new()),
        };
        Ok(Self {
            path: run.to_path_buf(),
            policy,
            gamma: config.agent.gamma,
            shape,
            world,
            env: config.run.env,
        })
    }

    /// The agent of the run `config` that ended with the policy `saved`, which has no folder.
    pub fn of(config: &Config, saved: &[u8]) -> Result<Self> {
        let (untrained, shape) = untrained(config)?;
        Ok(Self {
            path: PathBuf::new(),
            policy: untrained.policy(0)?.load(saved)?,
            gamma: config.agent.gamma,
            shape,
            world: Vec::new(),
            env: config.run.env.clone(),
        })
    }
}

/// The agent of the run `config` at its start, and the numbers in an observation and the actions it knows.
fn untrained(config: &Config) -> Result<(Dqn, (usize, usize))> {
    let env = envs::make(&config.run.env)?;
    let (observation, actions) = (&env.spec().observation, env.spec().actions);
    let agent = Dqn::new(
        &config.agent,
        std::slice::from_ref(&config.optimiser),
        observation.shape.as_slice(),
        actions,
        &mut [stream(config.run.seed, Stream::Init)],
        config.agent.updates(config.run.steps),
    )?;
    Ok((agent, (observation.len(), actions)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Hidden;
    use std::fs;

    /// A run's folder with an agent in it that nobody has trained.
    fn untrained(folder: &Path) -> Policy {
        let mut source = ConfigSource::default();
        source.agent.hidden = Some(Hidden(vec![8]));
        let config = source.resolve(None).unwrap();
        fs::write(folder.join(CONFIG), config.to_toml()).unwrap();
        let mut init = [stream(9, Stream::Init)];
        let specs = std::slice::from_ref(&config.optimiser);
        let agent = Dqn::new(&config.agent, specs, 4, 2, &mut init, 1).unwrap();
        let policy = agent.policy(0).unwrap();
        fs::write(folder.join(POLICY), policy.to_safetensors().unwrap()).unwrap();
        policy
    }

    #[test]
    fn comes_back_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let policy = untrained(dir.path());
        let obs = [0.1, -0.2, 0.3, 0.4, 1.0, 2.0, -3.0, 0.5];
        for path in [dir.path().to_path_buf(), dir.path().join(POLICY)] {
            let back = Trained::read(&path).unwrap();
            assert_eq!((back.env.as_str(), back.shape), ("cartpole", (4, 2)));
            assert_eq!(
                back.policy.values(&obs).unwrap(),
                policy.values(&obs).unwrap()
            );
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
