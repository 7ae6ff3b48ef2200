//! The flags of `rl`.

use std::path::{Path, PathBuf};

use clap::{CommandFactory, FromArgMatches, Parser};
use settings::{Field, Settings, Table, Value};

use super::{Planned, flags, note, parsed, warn};
use optim::Spec;

use crate::{
    Error, Result,
    algorithm::{self, Definition},
    figures::{Pictures, make_folder},
    numbers::{at_least, between, count, number, probability},
    run::{
        Again, CONFIG, default_folder,
        rl::{Config, ConfigSource, RunConfig, check_memory, drawable},
    },
};

/// Train agents with an optimiser of your choice.
#[derive(Parser, Debug)]
#[command(name = "rl", version, after_help = EXAMPLES, args_override_self = true, allow_negative_numbers = true)]
pub struct RlArgs {
    /// The optimiser and its own hyper-parameters; --list shows them [default: the preset's]
    #[arg(long, value_name = "NAME[:KEY=VALUE,...]")]
    pub opt: Option<Spec>,

    /// The optimiser's learning rate [default: the preset's, or else the optimiser's own]
    #[arg(long, value_parser = number)]
    pub lr: Option<f64>,

    /// The algorithm; --list shows them, and --algo NAME --help shows the settings of NAME [default: dqn]
    #[arg(long, value_name = "NAME")]
    pub(super) algo: Option<String>,

    #[arg(skip)]
    pub(super) run: Table,

    /// The published setting of the algorithm to start from; --list shows them
    #[arg(long, value_name = "NAME")]
    pub(super) preset: Option<String>,

    /// Settings in TOML, such as the config.toml of an earlier run; flags take precedence
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// The run's folder [default: runs/ENV/OPTIMISER-sSEED-ID]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,

    /// Agents trained in lock-step, with seeds starting at --seed; each has its own folder and learns
    /// the same as it would alone
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = between::<u16>(1, 1024))]
    pub agents: u16,

    /// Continue an interrupted run; a finished run is left as it is, and a new one starts. With a run's folder, continue
    /// that run with its own settings; with more --steps, a longer run continues it in a folder of its own
    #[arg(long, value_name = "RUN", conflicts_with = "force")]
    pub resume: Option<Option<PathBuf>>,

    /// The probability of a random action, the same in every step: stands for --start-e and --end-e
    #[arg(long, value_name = "P", value_parser = probability, conflicts_with = "play")]
    pub(super) epsilon: Option<f64>,

    /// Environment steps between checkpoints [default: one checkpoint a minute]
    #[arg(long, value_name = "STEPS", value_parser = at_least::<u64>(1))]
    pub checkpoint_every: Option<u64>,

    /// Run again even if the folder holds a run
    #[arg(long)]
    pub force: bool,

    /// Play episodes of a trained agent instead, from a run's folder, its policy.safetensors, its end.safetensors or
    /// its checkpoint.safetensors; a terminal shows the first
    #[arg(long, value_name = "RUN", conflicts_with_all = ["resume", "force", "out", "agents", "config", "opt", "lr", "algo", "preset"])]
    pub play: Option<PathBuf>,

    /// Draw an episode of the agent after training, or of the agent that is played: NAME.gif for an
    /// animation, NAME.png for NAME-0001.png, ...
    #[arg(long, value_name = "FILE")]
    pub render: Option<Pictures>,

    /// Print nothing but errors
    #[arg(long, short)]
    pub quiet: bool,

    /// Show the environments, the algorithms and the optimisers, with everything that can be set
    #[arg(long)]
    pub list: bool,

    #[arg(skip)]
    pub(super) agent: Table,
}

const EXAMPLES: &str = "\
Examples:
  rl --env cartpole --opt rmsprop
  rl --env acrobot --opt adam:beta1=0 --lr 1e-3 --seed 7
  rl --opt rmsprop:lr=3e-4,decay=0.95,centered=true --steps 1e5 --hidden 64,64
  rl --env cartpole --opt adam --agents 4 --seed 1
  rl --env 'cartpole?drift=length:0.5..1.5/period=20000,shape=sine' --resume
  rl --config runs/cartpole/rmsprop-s1-0123456789/config.toml --seed 2
  rl --resume runs/cartpole/rmsprop-s1-0123456789
  rl --resume runs/cartpole/rmsprop-s1-0123456789 --steps 2e6 --exploration-fraction 0.125
  rl --from runs/cartpole/rmsprop-s1-0123456789 --env 'cartpole?length=1' --epsilon 0.05
  rl --agents 4 --eval-seed 7
  rl --env breakout --preset minatar --steps 2e5 --exploration-fraction 0.1 --render breakout.gif
  rl --play runs/cartpole/rmsprop-s1-0123456789 --render cartpole.gif
  rl --list";

impl RlArgs {
    /// The arguments of this process. If there is a mistake, or if help is asked for, prints it and
    /// ends the process.
    ///
    /// An error if the algorithm that they ask for is not known or has a setting with the name of another flag.
    pub fn from_env() -> Result<Self> {
        let algorithm = asked_algorithm()?;
        let mut matches = parsed(Self::command_for(algorithm)?.try_get_matches());
        let (run, agent) = (
            flags::given(&matches, RunConfig::declared()),
            flags::given(&matches, algorithm.settings()),
        );
        let args = parsed(Self::from_arg_matches_mut(&mut matches));
        Ok(Self { run, agent, ..args })
    }

    /// The command, with the flags of `algorithm`; each flag's help shows its value in the first
    /// preset.
    ///
    /// An error if a setting of `algorithm` has the name of another flag.
    pub fn command_for(algorithm: &'static dyn Definition) -> Result<clap::Command> {
        let preset = &algorithm.presets()[0];
        let mut run = RunConfig::default().to_table();
        run.extend((preset.run)());
        let command = flags::add(Self::command(), RunConfig::declared(), &run, "Run");
        if let Some(setting) = flags::taken(&command, algorithm.settings()) {
            let (name, key) = (algorithm.name(), setting.name);
            return Err(Error::usage(format!(
                "algorithm `{name}`: its setting `{key}` has the name of another flag of rl, --{}; give the setting another \
                 name",
                flags::long(setting)
            )));
        }
        let defaults = (preset.agent)();
        Ok(flags::add(
            command,
            algorithm.settings(),
            &defaults,
            "Agent",
        ))
    }

    /// The environment, seed, number of episodes and epsilon to play with, as far as they were given.
    pub fn played(&self) -> Result<Played> {
        let mut run = RunConfig::default();
        run.extend(&self.run)?;
        let is_set = |name: &str| self.run.get(name).is_some();
        Ok(Played {
            env: is_set("env").then_some(run.env),
            seed: run.seed,
            episodes: if is_set("eval_episodes") {
                run.eval_episodes
            } else {
                EPISODES
            },
            epsilon: run.eval_epsilon,
        })
    }

    /// Checks the flags that `--play` uses, and that no others were given.
    pub(super) fn check_played(&self) -> Result<()> {
        let known = ["env", "seed", "eval_episodes", "eval_epsilon"];
        let strange = self.run.iter().any(|(name, _)| !known.contains(&name));
        if strange || !self.agent.is_empty() || self.checkpoint_every.is_some() {
            return Err(Error::usage(
                "--play takes --env, --seed, --eval-episodes, --eval-epsilon, --render and --quiet; all other settings are \
                 the run's own",
            ));
        }
        Ok(())
    }

    /// What to do about an existing run.
    pub fn again(&self) -> Again {
        match (self.force, &self.resume) {
            (true, _) => Again::Force,
            (_, Some(_)) => Again::Resume,
            _ => Again::Refuse,
        }
    }

    /// Warns, before the run starts, of settings that have no effect in a run with this configuration.
    pub fn warn(&self, config: &Config) {
        if self.quiet {
            return;
        }
        let steps = config.run.steps;
        if let Some(key) = config.algorithm.learns_nothing(&config.agent, steps) {
            let flag = key.replace('_', "-");
            let value = config.agent.get(key).map(Value::plain).unwrap_or_default();
            warn(&format!(
                "nothing is learned in {}: {key} = {value}; --{flag} changes it",
                count(steps, "step")
            ));
        } else if config.optimiser.lr() == 0.0 {
            warn("lr = 0: the weights stay as they are; --lr changes it");
        }
        for warning in config.algorithm.warnings(&config.agent, steps) {
            warn(&warning);
        }
    }

    /// The number of steps, if it was given.
    pub(super) fn steps(&self) -> Option<u64> {
        let steps = self.run.get("steps")?;
        u64::from_value(steps).ok()
    }

    /// The run of each agent.
    pub fn runs(&self) -> Result<Vec<Planned>> {
        let run = self.resume.as_ref().and_then(Option::as_deref);
        let resumed = run.map(|run| self.resumed(run)).transpose()?;
        let first = match &resumed {
            Some(run) => run.config.clone(),
            None => self.config()?,
        };
        // Checked before any folder is touched.
        first.check_cohort(self.agents.into())?;
        if let (Some(much), false) = (check_memory(&first, self.agents.into())?, self.quiet) {
            note(&format!("{much}\n"));
        }
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
            // Before hours of training.
            drawable(&envs::make(&first.run.env)?)?;
            make_folder(pictures)?;
        }
        if let Some(resumed) = resumed {
            return Ok(vec![resumed]);
        }
        let one = |k: u64| {
            let mut config = first.clone();
            config.run.seed += k;
            let folder = match &self.out {
                Some(out) if self.agents > 1 => out.join(format!("seed-{}", config.run.seed)),
                Some(out) => out.clone(),
                None => default_folder(&config),
            };
            Planned::new(config, folder)
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

    /// The whole configuration that these arguments ask for.
    fn config(&self) -> Result<Config> {
        let flags = ConfigSource {
            algo: self.algo.clone(),
            preset: self.preset.clone(),
            run: self.run.clone(),
            optimiser: self.opt.clone(),
            agent: self.agent.clone(),
        };
        let mut file = match &self.config {
            Some(path) => super::under("--config", ConfigSource::read(path))?,
            None => ConfigSource::default(),
        };
        if let (Some(path), Some(asked)) = (&self.config, &flags.algo) {
            let named = algorithm::find(asked)?.name();
            let its = file.algorithm()?.name();
            if named != its {
                return Err(Error::usage(format!(
                    "--algo {named}: {} is for {its}, and its preset and [agent] do not fit {named}; leave out --algo or \
                     --config",
                    path.display()
                )));
            }
        }
        if flags.run.get("from").is_some() {
            // Another run to start from has other networks.
            file.run.remove("from_sha256");
        }
        let mut source = flags.or(file);
        self.explore(&mut source)?;
        source.resolve(self.lr)
    }

    /// Sets what `--epsilon` stands for in `source`.
    fn explore(&self, source: &mut ConfigSource) -> Result<()> {
        let Some(epsilon) = self.epsilon else {
            return Ok(());
        };
        let algorithm = source.algorithm()?;
        for key in ["start_e", "end_e"] {
            if !algorithm.settings().iter().any(|known| known.name == key) {
                return Err(Error::usage(format!(
                    "--epsilon: {} has no probability of a random action; leave it out",
                    algorithm.name()
                )));
            }
            if self.agent.get(key).is_some() {
                return Err(Error::usage(format!(
                    "--epsilon sets {key} too; leave out --epsilon or --{}",
                    key.replace('_', "-")
                )));
            }
            source.agent.insert(key, Value::Number(epsilon));
        }
        Ok(())
    }
}

/// The number of episodes that are played by default.
const EPISODES: u32 = 10;

/// The settings of `--play` and `--render`.
pub struct Played {
    /// The environment, if it is not the run's own.
    pub env: Option<String>,
    /// The seed of the first episode.
    pub seed: u64,
    /// How many episodes there are.
    pub episodes: u32,
    /// The probability of a random action.
    pub epsilon: f64,
}

/// The algorithm that this process is asked for, by `--algo`, in the file of `--config` or by the run of `--resume`: the
/// rest of the flags depend on it.
fn asked_algorithm() -> Result<&'static dyn Definition> {
    let args = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned());
    let args: Vec<String> = args.collect();
    let value = |flag: &str| {
        let with = format!("{flag}=");
        args.iter()
            .enumerate()
            .rev()
            .find_map(|(place, arg)| match arg.strip_prefix(&with) {
                Some(value) => Some(value.to_owned()),
                None if arg == flag => args.get(place + 1).cloned(),
                None => None,
            })
    };
    let file = value("--config").map(PathBuf::from);
    let file = file.or_else(|| Some(Path::new(&value("--resume")?).join(CONFIG)));
    // Errors in the file are reported when it is read.
    let in_file = || ConfigSource::read(&file?).ok()?.algo;
    let name = value("--algo").or_else(in_file);
    match name {
        Some(name) => algorithm::find(&name),
        None => Ok(algorithm::registry()[0]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_consistent() {
        for algorithm in algorithm::registry() {
            flags::assert_consistent(&RlArgs::command_for(algorithm).unwrap());
        }
    }
}
