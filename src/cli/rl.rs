//! The flags of `rl`.

use std::{io::Write, path::PathBuf};

use clap::{CommandFactory, FromArgMatches, Parser};
use optim::Spec;

use crate::{
    Error, Result,
    agent::DqnOverrides,
    figures::Pictures,
    numbers::{at_least, between, number},
    train::{Again, Config, ConfigSource, Preset, RunOverrides, default_folder},
};

/// Train a DQN agent with an optimiser of your choice.
#[derive(Parser, Debug)]
#[command(name = "rl", version, after_help = EXAMPLES, args_override_self = true, allow_negative_numbers = true)]
pub struct RlArgs {
    /// The optimiser and its own hyper-parameters; --list shows them [default: rmsprop]
    #[arg(long, value_name = "NAME[:KEY=VALUE,...]")]
    pub opt: Option<Spec>,

    /// The optimiser's learning rate [default: the preset's, else the optimiser's own]
    #[arg(long, value_parser = number)]
    pub lr: Option<f64>,

    #[command(flatten, next_help_heading = "Run")]
    run: RunOverrides,

    /// The setting to start from [default: cleanrl]
    #[arg(long, value_enum)]
    preset: Option<Preset>,

    /// Settings in TOML, such as the config.toml of an earlier run; flags go before them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The run's folder [default: runs/ENV/OPTIMISER-sSEED-ID]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,

    /// Agents trained side by side, with seeds from --seed on; each has its own folder, and
    /// becomes what it would alone
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = between::<u16>(1, 1024))]
    pub agents: u16,

    /// Go on with a run that was interrupted; a finished one is left, a new one starts
    #[arg(long, conflicts_with = "force")]
    pub resume: bool,

    /// Environment steps from checkpoint to checkpoint [default: one a minute]
    #[arg(long, value_name = "STEPS", value_parser = at_least::<u64>(1))]
    pub checkpoint_every: Option<u64>,

    /// Run again even if the folder holds a run
    #[arg(long)]
    pub force: bool,

    /// Play episodes of a trained agent instead: a run's folder, its policy.safetensors or its
    /// checkpoint.safetensors; in a terminal it can be watched
    #[arg(long, value_name = "RUN", conflicts_with_all = ["resume", "force", "out", "agents", "config", "opt", "lr", "preset"])]
    pub play: Option<PathBuf>,

    /// Draw an episode of the agent when it is trained, or of the one that is played: NAME.gif for an
    /// animation, NAME.png for NAME-0001.png, ...
    #[arg(long, value_name = "FILE")]
    pub render: Option<Pictures>,

    /// Print nothing but errors
    #[arg(long, short)]
    pub quiet: bool,

    /// Show the environments and the optimisers with their hyper-parameters
    #[arg(long)]
    pub list: bool,

    #[command(flatten, next_help_heading = "Agent")]
    agent: DqnOverrides,
}

const EXAMPLES: &str = "\
Examples:
  rl --env cartpole --opt rmsprop
  rl --env acrobot --opt adam:beta1=0 --lr 1e-3 --seed 7
  rl --opt rmsprop:lr=3e-4,decay=0.95,centered=true --steps 1e5 --hidden 64,64
  rl --env cartpole --opt adam --agents 4 --seed 1
  rl --env 'cartpole?drift=length:0.5..1.5/period=20000,shape=sine' --resume
  rl --config runs/cartpole/rmsprop-s1-0123456789/config.toml --seed 2
  rl --env breakout --preset minatar --render breakout.gif
  rl --play runs/cartpole/rmsprop-s1-0123456789 --render cartpole.gif
  rl --list";

impl RlArgs {
    /// The arguments of this process; prints help or the mistake and ends the process if there is one.
    pub fn from_env() -> Self {
        let matches = Self::command_with_defaults().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// The command, with the preset's value in each flag's help.
    fn command_with_defaults() -> clap::Command {
        let preset = Preset::Cleanrl;
        let run = toml::Table::try_from(preset.run()).unwrap_or_default();
        let agent = toml::Table::try_from(preset.agent()).unwrap_or_default();
        let default = |key: &str| match run.get(key).or(agent.get(key))? {
            toml::Value::String(text) => Some(text.clone()),
            toml::Value::Array(items) => {
                let items: Vec<String> = items.iter().map(toml::Value::to_string).collect();
                Some(items.join(","))
            }
            other => Some(other.to_string()),
        };
        Self::command().mut_args(|arg| {
            let (Some(default), Some(help)) = (default(arg.get_id().as_str()), arg.get_help())
            else {
                return arg;
            };
            let help = format!("{help} [default: {default}]");
            arg.help(help)
        })
    }

    /// The environment, the seed, the number of episodes and the epsilon of what is played, where they
    /// were given.
    pub fn played(&self) -> &RunOverrides {
        &self.run
    }

    /// Checks what `--play` goes by, and that nothing was asked for that it does not.
    pub(super) fn check_played(&self) -> Result<()> {
        let asked = RunOverrides {
            env: self.run.env.clone(),
            seed: self.run.seed,
            eval_episodes: self.run.eval_episodes,
            eval_epsilon: self.run.eval_epsilon,
            ..RunOverrides::default()
        };
        if asked != self.run
            || self.agent != DqnOverrides::default()
            || self.checkpoint_every.is_some()
        {
            return Err(Error::usage(
                "--play goes by --env, --seed, --eval-episodes, --eval-epsilon, --render and --quiet; \
                 the rest is the run's own",
            ));
        }
        // The same bounds as in a run.
        let source = ConfigSource {
            run: RunOverrides { env: None, ..asked },
            ..ConfigSource::default()
        };
        source.resolve(None).map(drop)
    }

    /// What to do about a run that is there already.
    pub fn again(&self) -> Again {
        match (self.force, self.resume) {
            (true, _) => Again::Force,
            (_, true) => Again::Resume,
            _ => Again::Refuse,
        }
    }

    /// Says so where a run with this configuration learns nothing: better at its start than after it.
    pub fn warn(&self, config: &Config) {
        let steps = config.run.steps;
        if let (false, Some((key, value))) = (self.quiet, config.agent.learns_nothing(steps)) {
            let flag = key.replace('_', "-");
            let _ = writeln!(
                std::io::stderr(),
                "warning: nothing is learned in {steps} steps: {key} = {value}; --{flag} sets it"
            );
        }
    }

    /// The configuration of each agent, and its folder.
    pub fn runs(&self) -> Result<Vec<(Config, PathBuf)>> {
        let first = self.config()?;
        // Before any folder is touched.
        first.check_cohort(self.agents.into())?;
        first.run.device.device()?;
        if self.checkpoint_every.is_some() {
            let savable = envs::make(&first.run.env)?.save().map(drop);
            savable.map_err(|hidden| {
                Error::usage(format!(
                    "{hidden}; its runs have no checkpoints: leave out --checkpoint-every"
                ))
            })?;
        }
        if let Some(pictures) = &self.render {
            super::can_draw(&first.run.env, pictures)?;
        }
        let one = |k: u64| {
            let mut config = first.clone();
            config.run.seed += k;
            let folder = match &self.out {
                Some(out) if self.agents > 1 => out.join(format!("seed-{}", config.run.seed)),
                Some(out) => out.clone(),
                None => default_folder(&config),
            };
            (config, folder)
        };
        let last = first.run.seed.checked_add(u64::from(self.agents) - 1);
        if last.is_none_or(|last| last > i64::MAX as u64) {
            let (seed, agents) = (first.run.seed, self.agents);
            return Err(Error::usage(format!(
                "--agents {agents} from seed {seed} on: the last seed must be at most {}",
                i64::MAX
            )));
        }
        Ok((0..u64::from(self.agents)).map(one).collect())
    }

    /// The whole configuration these arguments ask for.
    fn config(&self) -> Result<Config> {
        let flags = ConfigSource {
            preset: self.preset,
            run: self.run.clone(),
            optimiser: self.opt.clone(),
            agent: self.agent.clone(),
        };
        let file = match &self.config {
            Some(path) => super::under("--config", ConfigSource::read(path))?,
            None => ConfigSource::default(),
        };
        flags.or(file).resolve(self.lr)
    }
}
