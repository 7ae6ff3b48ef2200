//! The flags of `study describe-env`, and what of an environment can be set.

use std::{fmt::Write, path::PathBuf};

use clap::Args;

use super::list::environment_setting;
use crate::{
    Error, Result,
    figures::Pictures,
    numbers::between,
    study::describe::Settings,
    train::{Actor, Trained},
};

/// What `study describe-env` is asked for.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub struct DescribeArgs {
    /// The environments, with all that can stand in a name: settings, drift, chains
    #[arg(value_name = "ENV", required_unless_present = "all")]
    envs: Vec<String>,

    /// Every environment that is written here, besides those named
    #[arg(long)]
    all: bool,

    /// A trained agent beside the random policy: a run's folder with config.toml and policy.safetensors, as
    /// often as you like
    #[arg(long, value_name = "FOLDER")]
    policy: Vec<PathBuf>,

    /// How often a trained agent's action is random
    #[arg(long, default_value_t = 0.05, value_parser = probability)]
    epsilon: f64,

    /// Independent streams that every number and interval is over
    #[arg(long, default_value_t = 20, value_parser = between::<u16>(2, 1000))]
    streams: u16,

    /// Steps of each stream
    #[arg(long, default_value_t = 20_000, value_parser = between::<u64>(100, 10_000_000))]
    steps: u64,

    /// The first stream's seed; each has the one after
    #[arg(long, default_value_t = 1, value_parser = between::<u64>(0, i64::MAX as u64))]
    seed: u64,

    /// Where to write describe.csv, autocorrelation.csv, coverage.csv, table.md, manifest.toml and describe.png
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,

    /// Play one episode instead and draw it: NAME.gif as an animation, NAME.png as NAME-0001.png, ...; by the
    /// trained agent if there is one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "all"])]
    pub render: Option<Pictures>,

    /// Print nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  study describe-env cartpole
  study describe-env 'cartpole?drift=length:0.5..1.5/period=20000' --out poles
  study describe-env 'chain?every=5000&of=cartpole|cartpole?length=1.5'
  study describe-env acrobot --policy runs/acrobot/adam-s1-0123456789
  study describe-env --all --out results/environments
  study describe-env cartpole --policy runs/best --render cartpole.gif";

fn probability(text: &str) -> std::result::Result<f64, String> {
    let number = text.parse().ok().filter(|x| (0.0..=1.0).contains(x));
    number.ok_or_else(|| "allowed: 0 <= x <= 1".into())
}

impl DescribeArgs {
    /// The whole names of the environments asked for, each once.
    pub fn envs(&self) -> Result<Vec<String>> {
        let all = envs::registry()
            .iter()
            .filter(|entry| self.all && entry.native);
        let asked = self.envs.iter().map(String::as_str);
        let mut names = Vec::new();
        for name in all.map(|entry| entry.name).chain(asked) {
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
    pub fn settings(&self) -> Settings {
        Settings {
            streams: self.streams.into(),
            steps: self.steps as usize,
            seed: self.seed,
        }
    }

    /// The trained agents, each of which must serve one of `envs`.
    pub fn trained(&self, envs: &[String]) -> Result<Vec<Trained>> {
        let mut trained = Vec::new();
        for path in &self.policy {
            let agent = super::under("--policy", Trained::read(path))?;
            if !serves_any(&agent, envs)? {
                return Err(Error::usage(format!(
                    "--policy {} learned on {}, which none of the environments is: {}",
                    path.display(),
                    agent.env,
                    envs.join(", ")
                )));
            }
            trained.push(agent);
        }
        Ok(trained)
    }

    /// The policies to describe `env` under, with their names: chance, and those of `trained` that serve it.
    pub fn policies<'a>(
        &self,
        env: &str,
        trained: &'a [Trained],
    ) -> Result<Vec<(String, Actor<'a>)>> {
        let mut policies = vec![("random".to_string(), Actor::RANDOM)];
        for agent in trained {
            if serves(agent, env)? {
                let name = format!("{}, epsilon {}", agent.path.display(), self.epsilon);
                policies.push((name, Actor::epsilon_greedy(&agent.policy, self.epsilon)));
            }
        }
        Ok(policies)
    }
}

fn serves_any(agent: &Trained, envs: &[String]) -> Result<bool> {
    let serving = envs.iter().map(|env| serves(agent, env));
    Ok(serving.collect::<Result<Vec<bool>>>()?.contains(&true))
}

/// Whether `agent` learned on this environment, whatever was set of it, or on a part of this chain.
fn serves(agent: &Trained, env: &str) -> Result<bool> {
    let made = envs::make(env)?;
    let spec = made.spec();
    let fits = agent.shape == (spec.observation.len(), spec.actions);
    let member = |part: &str| base(part) == base(&agent.env);
    Ok(fits && env.split(['|', '=']).any(member))
}

fn base(env: &str) -> &str {
    env.split('?').next().unwrap_or_default()
}

/// What each of `envs` is and what of it can be set, each environment once.
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
