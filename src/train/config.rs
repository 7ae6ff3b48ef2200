//! The configuration of a run: a preset, what a TOML file sets of it, what flags set over both.

use std::path::Path;

use candle_core::Device;
use optim::{Spec, Value};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    agent::{DqnConfig, DqnOverrides},
    config,
    files::short_id,
    keys::choices,
    settings::{check, settings},
    suggest,
};

choices!(Compute, Preset);

settings! {
    /// What is run, on what, for how long.
    RunConfig, set by RunOverrides {
        /// The environment; --list shows them
        #[arg(value_name = "NAME")]
        env: String,
        /// Environment steps
        steps: u64,
        /// Where the networks compute; cuda needs a build with --features cuda. Results differ in
        /// their last bits from device to device
        #[arg(value_enum)]
        device: Compute,
        /// Fixes every random draw of the run
        seed: u64,
        /// Environment steps from evaluation to evaluation
        eval_every: u64,
        /// Episodes an evaluation plays
        eval_episodes: u32,
        /// Probability of a random action in an evaluation
        eval_epsilon: f64,
        /// Gradient steps from line to line of updates.csv
        log_every: u64,
        /// Gradient steps from line to line of diagnostics.csv, on average; 0 for no such file
        diagnostics: u64,
        /// Past minibatches that a line of diagnostics.csv evaluates again; 0 for all
        diagnostics_lags: u32,
    }
}

/// Where networks compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Compute {
    /// The processor: one thread a run, all cores for a ResNet.
    Cpu,
    /// The first NVIDIA GPU.
    Cuda,
}

impl Compute {
    /// The device; an error where there is none.
    pub fn device(self) -> Result<Device> {
        match self {
            Compute::Cpu => Ok(Device::Cpu),
            Compute::Cuda if cfg!(not(feature = "cuda")) => Err(Error::usage(
                "device = cuda needs a program built with it: cargo build --release --features \
                 cuda, where NVIDIA's CUDA toolkit is installed; allowed here: cpu",
            )),
            Compute::Cuda => Device::new_cuda(0).map_err(|error| {
                Error::usage(format!(
                    "device = cuda: there is no usable GPU ({error}); allowed: cpu"
                ))
            }),
        }
    }
}

/// A published setting to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// CleanRL's dqn.py: classic control, 500,000 steps, MLP 120-84
    Cleanrl,
    /// MinAtar's dqn.py: 5 million frames, conv 16x3 and 128; its optimiser is rmsprop-minatar
    Minatar,
}

impl Preset {
    /// What it runs.
    pub fn run(self) -> RunConfig {
        let cleanrl = RunConfig {
            env: "cartpole".into(),
            steps: 500_000,
            device: Compute::Cpu,
            seed: 1,
            eval_every: 10_000,
            eval_episodes: 10,
            eval_epsilon: 0.0,
            log_every: 100,
            diagnostics: 0,
            diagnostics_lags: 4,
        };
        match self {
            Preset::Cleanrl => cleanrl,
            Preset::Minatar => RunConfig {
                env: "breakout".into(),
                steps: 5_000_000,
                eval_every: 100_000,
                log_every: 1_000,
                ..cleanrl
            },
        }
    }

    /// The agent it runs.
    pub fn agent(self) -> DqnConfig {
        match self {
            Preset::Cleanrl => DqnConfig::cleanrl(),
            Preset::Minatar => DqnConfig::minatar(),
        }
    }

    /// The optimiser, where nobody asks for another.
    pub fn optimiser(self) -> &'static str {
        match self {
            Preset::Cleanrl => "rmsprop",
            Preset::Minatar => "rmsprop-minatar",
        }
    }

    /// The learning rate for an optimiser in this setting: the best of a grid on CartPole, on
    /// seeds kept for that (`experiments/cartpole_optimisers.sh`, `results/cartpole_lr`).
    /// Adam's is CleanRL's own. For MinAtar there is no such grid yet.
    pub fn lr(self, optimiser: &str) -> Option<f64> {
        if self == Preset::Minatar {
            return None;
        }
        Some(match optimiser {
            "sgd" => 1e-3,
            "momentum" => 3e-5,
            "nag" => 1e-4,
            "rmsprop" => 2.5e-4,
            "adagrad" => 3e-2,
            "adadelta" => 0.1,
            "adam" => 2.5e-4,
            "adamw" => 8e-5,
            _ => return None,
        })
    }
}

impl std::fmt::Display for Preset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Preset::Cleanrl => f.write_str("cleanrl"),
            Preset::Minatar => f.write_str("minatar"),
        }
    }
}

/// The whole configuration of a run, every default written out.
#[derive(Clone, Debug, Serialize)]
pub struct Config {
    /// What the rest started from.
    pub preset: Preset,
    /// What is run.
    pub run: RunConfig,
    /// The optimiser.
    pub optimiser: Spec,
    /// The agent.
    pub agent: DqnConfig,
}

/// What a person sets of a [`Config`].
#[derive(Clone, Debug, Default)]
pub struct ConfigSource {
    /// What to start from.
    pub preset: Option<Preset>,
    /// What is run.
    pub run: RunOverrides,
    /// The optimiser.
    pub optimiser: Option<Spec>,
    /// The agent.
    pub agent: DqnOverrides,
}

/// A [`ConfigSource`] as a TOML file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    preset: Option<Preset>,
    #[serde(default)]
    run: RunOverrides,
    optimiser: Option<config::toml::OptimiserTable>,
    #[serde(default)]
    agent: DqnOverrides,
}

impl ConfigSource {
    /// Reads a TOML file; an error names the file, the line, the key and what is allowed.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let path = path.display();
            Error::usage(format!(
                "cannot read {path}: {error}; allowed: a TOML file, such as a run's config.toml"
            ))
        })?;
        let file: ConfigFile = toml::from_str(&text).map_err(|error| {
            Error::usage(format!(
                "{}: {}",
                path.display(),
                suggest::explained(&error)
            ))
        })?;
        let table = file.optimiser;
        let optimiser = table.map(|table| config::toml::optimiser(&table, &text));
        let optimiser = optimiser
            .transpose()
            .map_err(|error| Error::usage(format!("{}: {error}", path.display())))?;
        Ok(Self {
            preset: file.preset,
            run: file.run,
            optimiser,
            agent: file.agent,
        })
    }

    /// These settings, and `other`'s where there is none here.
    pub fn or(self, other: Self) -> Self {
        Self {
            preset: self.preset.or(other.preset),
            run: self.run.or(other.run),
            optimiser: self.optimiser.or(other.optimiser),
            agent: self.agent.or(other.agent),
        }
    }

    /// The whole configuration, checked; `lr` is the optimiser's unless it is `None`.
    pub fn resolve(self, lr: Option<f64>) -> Result<Config> {
        let preset = self.preset.unwrap_or(Preset::Cleanrl);
        let mut optimiser = match self.optimiser {
            Some(spec) => spec,
            None => preset.optimiser().parse()?,
        };
        match lr {
            Some(lr) => optimiser.set("lr", Value::Number(lr))?,
            None if !optimiser.is_set("lr") => {
                if let Some(lr) = preset.lr(optimiser.entry().name) {
                    optimiser.set("lr", Value::Number(lr))?;
                }
            }
            None => {}
        }
        let mut config = Config {
            preset,
            run: self.run.over(preset.run()),
            optimiser,
            agent: self.agent.over(preset.agent()),
        };
        // One name for each environment, so that the same run has the same id.
        let env = envs::make(&config.run.env)?;
        config.run.env = env.spec().name.clone();
        config.validate(env.spec())?;
        Ok(config)
    }
}

/// A layer's output with more numbers than this (1 GiB) is a slip of the finger, and would end in an abort.
const MOST_ACTIVATIONS: usize = 1 << 28;
/// And so are more weights than this in the network.
const MOST_WEIGHTS: usize = 100_000_000;

impl Config {
    fn validate(&self, env: &envs::Spec) -> Result<()> {
        let RunConfig {
            steps,
            seed,
            eval_every,
            eval_episodes,
            eval_epsilon,
            log_every,
            diagnostics,
            diagnostics_lags,
            ..
        } = self.run;
        let most = i64::MAX as u64;
        let count = |key, x: u64, least, most: u64| {
            let allowed = format!("{least} <= x <= {most}");
            check(key, x, (least..=most).contains(&x), &allowed)
        };
        count("steps", steps, 1, most)?;
        count("seed", seed, 0, most)?;
        count("eval_every", eval_every, 1, most)?;
        count("eval_episodes", eval_episodes.into(), 1, 10_000)?;
        count("log_every", log_every, 1, most)?;
        count("diagnostics", diagnostics, 0, most)?;
        count("diagnostics_lags", diagnostics_lags.into(), 0, 1_000)?;
        let allowed = (0.0..=1.0).contains(&eval_epsilon);
        check("eval_epsilon", eval_epsilon, allowed, "0 <= x <= 1")?;
        self.agent.validate()?;
        self.fits(env, 1)?;
        self.optimiser.rule()?;
        Ok(())
    }

    /// Checks that `agents` of this configuration fit into memory side by side.
    pub fn check_cohort(&self, agents: usize) -> Result<()> {
        self.fits(envs::make(&self.run.env)?.spec(), agents)
    }

    fn fits(&self, env: &envs::Spec, agents: usize) -> Result<()> {
        let network = self.agent.architecture(&env.observation.shape, env.actions);
        let layers = network.sizes()?.into_iter().chain([env.observation.len()]);
        let widest = layers.max().unwrap_or(1);
        let weights = network.weights()?;
        let with = match agents {
            1 => String::new(),
            _ => format!(" times {agents} agents"),
        };
        let allowed = format!(
            "at most 100 million weights in the network, and with conv = {} it has {weights}{with}",
            self.agent.conv
        );
        check(
            "hidden",
            &self.agent.hidden,
            weights <= MOST_WEIGHTS / agents,
            &allowed,
        )?;
        let most = MOST_ACTIVATIONS / widest;
        for (key, rows, most) in [
            ("batch_size", self.agent.batch_size, most / agents),
            ("eval_episodes", self.run.eval_episodes as usize, most),
        ] {
            let allowed = format!("at most {most} with a layer of {widest}{with}");
            check(key, rows, rows <= most, &allowed)?;
        }
        Ok(())
    }

    /// As TOML, every value written out; [`ConfigSource::read`] reads it back.
    pub fn to_toml(&self) -> String {
        // Every value has been validated to fit TOML's types.
        toml::to_string(self).expect("a configuration fits TOML")
    }

    /// The run's id: a hash of its whole configuration.
    pub fn id(&self) -> String {
        short_id(&self.to_toml())
    }
}
