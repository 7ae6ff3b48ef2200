//! The flags of `study describe-env`, and what can be set in an environment.

use std::{fmt::Write, path::PathBuf};

use clap::Args;

use super::list::environment_setting;
use crate::{
    Error, Result,
    figures::Pictures,
    numbers::between,
    run::rl::{Actor, Trained},
    study::describe::Extent,
};

/// The flags of `study describe-env`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub struct DescribeArgs {
    /// The environments; a name may include settings, drifts and chains [default: every environment, and some
    /// drifts and chains]
    #[arg(value_name = "ENV")]
    envs: Vec<String>,

    /// Describe every environment of the crate envs, in addition to those named
    #[arg(long)]
    all: bool,

    /// A trained agent to describe in addition to the random policy: a run's folder with config.toml and
    /// policy.safetensors; can be given several times
    #[arg(long, value_name = "FOLDER")]
    policy: Vec<PathBuf>,

    /// The probability that a trained agent's action is random
    #[arg(long, default_value_t = 0.05, value_parser = probability)]
    epsilon: f64,

    /// The number of independent streams; every number and interval is taken over them
    #[arg(long, default_value_t = 20, value_parser = between::<u16>(2, 1000))]
    streams: u16,

    /// Steps of each stream
    #[arg(long, default_value_t = 20_000, value_parser = between::<u64>(100, 10_000_000))]
    steps: u64,

    /// The first stream's seed; each further stream has the next seed
    #[arg(long, default_value_t = 1, value_parser = between::<u64>(0, i64::MAX as u64))]
    seed: u64,

    /// The folder for describe.csv, autocorrelation.csv, coverage.csv, table.md, manifest.toml and describe.png
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,

    /// Also put the table into this page, between <!-- study:environments --> and <!-- /study:environments -->
    #[arg(long, value_name = "FILE")]
    pub splice: Option<PathBuf>,

    /// Play one episode and draw it instead: NAME.gif as an animation, NAME.png as NAME-0001.png, ...; the trained
    /// agent plays if there is one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "splice", "all"])]
    pub render: Option<Pictures>,
}

const EXAMPLES: &str = "\
Examples:
  study describe-env cartpole
  study describe-env 'cartpole?drift=length:0.5..1.5/period=20000' --out poles
  study describe-env 'chain?every=5000&of=cartpole|cartpole?length=1.5'
  study describe-env acrobot --policy runs/acrobot/adam-s1-0123456789
  study describe-env --out results/environments --splice envs/README.md
  study describe-env cartpole --policy runs/best --render cartpole.gif";

/// What is described, besides the environments of the crate envs, when none is named.
const DRIFTS_AND_CHAINS: [&str; 6] = [
    "cartpole?drift=length:0.5..1.5/period=20000,shape=sine",
    "cartpole?drift=gravity:9.8..20/period=20000,shape=ramp",
    "cartpole?drift=reward:-1..1/period=10000,shape=step",
    "acrobot?drift=actions/period=5000",
    "chain?every=5000&of=cartpole|cartpole?length=1.5",
    "chain?every=2000",
];

fn probability(text: &str) -> std::result::Result<f64, String> {
    let number = text.parse().ok().filter(|x| (0.0..=1.0).contains(x));
    number.ok_or_else(|| "allowed: 0 <= x <= 1".into())
}

impl DescribeArgs {
    /// The full names of the environments asked for, each once.
    pub fn envs(&self) -> Result<Vec<String>> {
        let mut asked: Vec<&str> = self.envs.iter().map(String::as_str).collect();
        let default = asked.is_empty() && !self.all;
        if default {
            asked.extend(DRIFTS_AND_CHAINS);
        }
        let native = envs::registry().iter().filter(|entry| entry.native);
        let native = native.filter(|_| self.all || default);
        let mut names = Vec::new();
        for name in native.map(|entry| entry.name).chain(asked) {
            let name = envs::make(name)?.spec().name.clone();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if self.render.is_some() && names.len() > 1 {
            return Err(Error::usage(format!(
                "--render draws one environment, not {}",
                names.len()
            )));
        }
        Ok(names)
    }

    /// How much to play.
    pub fn extent(&self) -> Extent {
        Extent {
            streams: self.streams.into(),
            steps: self.steps as usize,
            seed: self.seed,
        }
    }

    /// The trained agents; an error if one can play none of `envs`.
    pub fn trained(&self, envs: &[String]) -> Result<Vec<Trained>> {
        let mut trained = Vec::new();
        for path in &self.policy {
            let agent = super::under("--policy", Trained::read(path))?;
            if !plays_any(&agent, envs)? {
                return Err(Error::usage(format!(
                    "--policy {} learned on {}, which is not among the environments: {}",
                    path.display(),
                    agent.env(),
                    envs.join(", ")
                )));
            }
            trained.push(agent);
        }
        Ok(trained)
    }

    /// The policies to describe `env` under, with their names: the random one, and those of `trained` that can play it.
    pub fn policies<'a>(
        &self,
        env: &str,
        trained: &'a [Trained],
    ) -> Result<Vec<(String, Actor<'a>)>> {
        let mut policies = vec![("random".to_string(), Actor::RANDOM)];
        for agent in trained {
            if can_play(agent, env)? {
                let name = format!("{}, epsilon {}", agent.path.display(), self.epsilon);
                policies.push((
                    name,
                    Actor::epsilon_greedy(agent.policy.as_ref(), self.epsilon),
                ));
            }
        }
        Ok(policies)
    }
}

fn plays_any(agent: &Trained, envs: &[String]) -> Result<bool> {
    let playable = envs.iter().map(|env| can_play(agent, env));
    Ok(playable.collect::<Result<Vec<bool>>>()?.contains(&true))
}

/// Whether `agent` learned on this environment, with any settings, or on a part of this chain.
fn can_play(agent: &Trained, env: &str) -> Result<bool> {
    let made = envs::make(env)?;
    let spec = made.spec();
    let fits = agent.shape == (spec.observation.len(), spec.actions);
    let learned_on = |part: &str| base(part) == base(agent.env());
    Ok(fits && env.split(['|', '=']).any(learned_on))
}

/// The name of `env` without its settings.
fn base(env: &str) -> &str {
    env.split('?').next().unwrap_or_default()
}

/// A description of each of `envs` and of what can be set in it; each environment appears once.
pub fn about(envs: &[String]) -> Result<String> {
    let mut out = String::new();
    let mut seen = Vec::new();
    for name in envs {
        let Some(entry) = envs::registry().iter().find(|e| e.name == base(name)) else {
            continue;
        };
        if seen.contains(&entry.name) {
            continue;
        }
        seen.push(entry.name);
        let _ = writeln!(out, "{}: {}", entry.name, entry.summary);
        for setting in entry.settings() {
            let _ = writeln!(out, "{}", environment_setting(setting));
        }
        for dial in envs::make(entry.name)?.dials() {
            let _ = writeln!(out, "{}; can drift", environment_setting(dial));
        }
    }
    out.push_str("every environment:\n");
    for setting in envs::common_settings() {
        let _ = writeln!(out, "{}", environment_setting(setting));
    }
    out.push('\n');
    Ok(out)
}
