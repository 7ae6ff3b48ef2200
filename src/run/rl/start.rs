//! Runs whose agents start with the networks of a trained agent.

use std::path::Path;

use settings::{Table, Value};

use super::{Config, Trained};
use crate::{Error, Result, checksums::Checksum, run::CONFIG};

/// Puts the SHA-256 of the networks that the run starts with into `config`, if it is not there.
pub(super) fn write_down(config: &mut Config) -> Result<()> {
    let run = &config.run;
    if run.from.is_none() && run.from_sha256.is_some() {
        return Err(Error::usage(
            "from_sha256 is set without from, which names the run to start from",
        ));
    }
    if run.from.is_some() && run.from_sha256.is_none() {
        let networks = networks(config)?;
        config.run.from_sha256 = networks.map(|networks| Checksum::of(networks).sha256);
    }
    Ok(())
}

/// An error if `config` asks for networks to start with that cannot be read, do not fit, or are not those that it has
/// the SHA-256 of.
pub fn check_start(config: &Config) -> Result<()> {
    networks(config).map(drop)
}

/// The networks that a run starts with, if they are not drawn; an error as of [`check_start`].
pub(super) fn networks(config: &Config) -> Result<Option<Vec<u8>>> {
    let Some(from) = &config.run.from else {
        return Ok(None);
    };
    let about = |error: Error| match error {
        Error::Usage(why) => Error::usage(format!("from = {from}: {why}")),
        other => other,
    };
    let trained = Trained::read(Path::new(from)).map_err(about)?;
    check_fit(config, &trained).map_err(about)?;
    let found = Checksum::of(&trained.networks).sha256;
    match &config.run.from_sha256 {
        Some(expected) if *expected != found => Err(about(Error::usage(format!(
            "its networks are not those that this run began with: their SHA-256 is {found}, and from_sha256 is {expected}; \
             without from_sha256 a run starts from what is there now"
        )))),
        _ => Ok(Some(trained.networks)),
    }
}

/// An error that lists how the agent `trained` and the agents of `config` differ, if one cannot start from the other.
fn check_fit(config: &Config, trained: &Trained) -> Result<()> {
    let mut differ = Vec::new();
    let mut compare = |what: &str, there: String, here: String| {
        if there != here {
            differ.push(format!("{what} is {there} there and {here} here"));
        }
    };
    let (theirs, ours) = (&trained.config, config);
    let algorithm = ours.algorithm;
    let names = (theirs.algorithm.name(), algorithm.name());
    compare("algo", names.0.into(), names.1.into());
    if names.0 == names.1 {
        let value = |agent: &Table, key: &str| agent.get(key).map(Value::plain).unwrap_or_default();
        for key in algorithm.network_settings() {
            compare(key, value(&theirs.agent, key), value(&ours.agent, key));
        }
    }
    let spec = |env: &str| -> Result<envs::EnvSpec> { Ok(envs::make(env)?.spec().clone()) };
    let (their_env, our_env) = (spec(&theirs.run.env)?, spec(&ours.run.env)?);
    let shape = |spec: &envs::EnvSpec| format!("{:?}", spec.observation.shape);
    let actions = |spec: &envs::EnvSpec| spec.actions.to_string();
    compare("an observation's shape", shape(&their_env), shape(&our_env));
    compare(
        "the number of actions",
        actions(&their_env),
        actions(&our_env),
    );
    if differ.is_empty() {
        return Ok(());
    }
    Err(Error::usage(format!(
        "that agent does not fit this run: {}; `rl --config {} --from ...` has the same settings",
        differ.join("; "),
        trained.path.join(CONFIG).display()
    )))
}
