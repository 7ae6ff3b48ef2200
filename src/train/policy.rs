//! A trained agent's weights in its run's folder, and whoever else chooses actions.
//!
//! `policy.safetensors` has the network's weights and biases under their names, `0.weight`, `0.bias`,
//! `1.weight`, ..., each with the leading axis `[agents = 1, ...]`.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor, safetensors};
use rand::Rng;

use super::{ConfigSource, folder::CONFIG};
use crate::{
    Error, Result,
    agent::Dqn,
    files::write_whole,
    streams::{Stream, stream},
};

/// The weights' file in a run's folder.
pub const POLICY: &str = "policy.safetensors";

/// Who chooses actions: an agent, or chance.
#[derive(Clone, Copy)]
pub struct Policy<'a> {
    /// A cohort of one; chance if there is none.
    agent: Option<&'a Dqn>,
    /// The probability of a random action.
    epsilon: f64,
}

impl<'a> Policy<'a> {
    /// Every action is equally likely.
    pub const RANDOM: Policy<'static> = Policy {
        agent: None,
        epsilon: 1.0,
    };

    /// `agent`'s greedy action, but a random one with probability `epsilon`.
    pub fn epsilon_greedy(agent: &'a Dqn, epsilon: f64) -> Self {
        Self {
            agent: Some(agent),
            epsilon,
        }
    }

    /// One of `actions` actions for the observation `obs`.
    ///
    /// It draws as training does, so the random policy with a run's stream [`Stream::Explore`] acts as
    /// that run does while its epsilon is 1.
    pub fn act(&self, obs: &[f32], actions: usize, explore: &mut impl Rng) -> Result<usize> {
        let random = explore.random::<f64>() < self.epsilon;
        match self.agent {
            Some(agent) if !random => Ok(agent.act(obs)?[0]),
            _ => Ok(explore.random_range(0..actions as u32) as usize),
        }
    }
}

/// An agent as its run left it.
pub struct Trained {
    /// The run's folder.
    pub path: PathBuf,
    /// The environment it learned on.
    pub env: String,
    /// The agent, a cohort of one.
    pub agent: Dqn,
    /// The numbers in an observation and the actions it knows.
    pub shape: (usize, usize),
}

/// Writes `agent`'s weights into the run's folder `run`, whole or not at all.
pub fn save(run: &Path, agent: &Dqn) -> Result<()> {
    let weights: HashMap<String, Tensor> = agent
        .parameters()
        .into_iter()
        .map(|p| (p.name, p.var.as_detached_tensor()))
        .collect();
    let bytes = ::safetensors::serialize(&weights, None)
        .map_err(|error| Error::usage(format!("the weights cannot be saved: {error}")))?;
    write_whole(&run.join(POLICY), bytes)
}

/// Reads the agent of a run from its folder, or from the weights' file in it.
pub fn load(path: &Path) -> Result<Trained> {
    let run = match path.file_name() {
        Some(name) if name == POLICY => path.parent().unwrap_or(Path::new("")),
        _ => path,
    };
    let file = run.join(POLICY);
    let wrong = |what: String| Error::usage(format!("{}: {what}", file.display()));
    let data = fs::read(&file).map_err(|error| {
        Error::usage(format!(
            "cannot read {}: {error}; a policy is a run's folder with {CONFIG} and {POLICY}",
            file.display()
        ))
    })?;
    let config = ConfigSource::read(&run.join(CONFIG))?.resolve(None)?;
    let env = envs::make(&config.run.env)?;
    let shape = (env.spec().observation.len(), env.spec().actions);
    let agent = Dqn::new(
        &config.agent,
        std::slice::from_ref(&config.optimiser),
        shape.0,
        shape.1,
        &mut [stream(config.run.seed, Stream::Init)],
        config.agent.updates(config.run.steps),
    )?;
    let mut weights = safetensors::load_buffer(&data, &Device::Cpu)
        .map_err(|error| wrong(format!("no safetensors: {error}")))?;
    for parameter in agent.parameters() {
        let (name, var) = (&parameter.name, &parameter.var);
        let found = weights
            .remove(name)
            .ok_or_else(|| wrong(format!("there is no `{name}`")))?;
        if (found.dims(), found.dtype()) != (var.dims(), var.dtype()) {
            return Err(wrong(format!(
                "`{name}` is {:?} {:?}; the network of {CONFIG} needs {:?} {:?}",
                found.dtype(),
                found.dims(),
                var.dtype(),
                var.dims()
            )));
        }
        var.set(&found)?;
    }
    if let Some(name) = weights.keys().min() {
        return Err(wrong(format!("the network of {CONFIG} has no `{name}`")));
    }
    Ok(Trained {
        path: run.to_path_buf(),
        env: config.run.env,
        agent,
        shape,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Hidden;

    /// A run's folder with an agent in it that nobody has trained.
    fn untrained(folder: &Path) -> Dqn {
        let mut source = ConfigSource::default();
        source.agent.hidden = Some(Hidden(vec![8]));
        let config = source.resolve(None).unwrap();
        fs::write(folder.join(CONFIG), config.to_toml()).unwrap();
        let mut init = [stream(9, Stream::Init)];
        let specs = std::slice::from_ref(&config.optimiser);
        let agent = Dqn::new(&config.agent, specs, 4, 2, &mut init, 1).unwrap();
        save(folder, &agent).unwrap();
        agent
    }

    #[test]
    fn comes_back_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let agent = untrained(dir.path());
        let obs = [0.1, -0.2, 0.3, 0.4, 1.0, 2.0, -3.0, 0.5];
        for path in [dir.path().to_path_buf(), dir.path().join(POLICY)] {
            let back = load(&path).unwrap();
            assert_eq!((back.env.as_str(), back.shape), ("cartpole", (4, 2)));
            assert_eq!(
                back.agent.values(&obs).unwrap(),
                agent.values(&obs).unwrap()
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |word: &str| {
            let error = load(dir.path()).map(drop).unwrap_err().to_string();
            assert!(error.contains(word), "no `{word}` in: {error}");
        };
        refused("a run's folder with config.toml and policy.safetensors");
        untrained(dir.path());
        let config = fs::read_to_string(dir.path().join(CONFIG)).unwrap();
        let write = |text: String| fs::write(dir.path().join(CONFIG), text).unwrap();
        write(config.replace("hidden = [8]", "hidden = [9]"));
        refused("`0.weight` is F32 [1, 8, 4]; the network of config.toml needs F32 [1, 9, 4]");
        write(config.replace("hidden = [8]", "hidden = [8, 2]"));
        refused("there is no `2.weight`");
        fs::write(dir.path().join(POLICY), "not weights").unwrap();
        refused("no safetensors");
    }

    #[test]
    fn chance_takes_every_action() {
        let mut explore = stream(1, Stream::Explore);
        let mut counts = [0; 3];
        for _ in 0..3000 {
            counts[Policy::RANDOM.act(&[], 3, &mut explore).unwrap()] += 1;
        }
        assert!(counts.iter().all(|n| (850..1150).contains(n)), "{counts:?}");
    }
}
