//! The configuration of a run: a preset, changed by a TOML file, and both changed by flags.

use std::path::Path;

use settings::{Interval, Settings, Table, Value, settings, unknown};

use optim::{Restart, Spec};

use super::start;
use crate::{
    Error, Result,
    algorithm::{self, Definition, Preset},
    config::TomlDocument,
    run::Compute,
};

settings! {
    /// The environment, the length and the evaluations of a run. The defaults are CleanRL's for classic control.
    pub struct RunConfig {
        /// The environment; --list shows them
        env: String = "cartpole".into();
        /// Environment steps
        steps: u64 = 500_000, in 1..;
        /// Where the networks compute; cuda needs a build with --features cuda. Results differ in
        /// their last bits between devices
        device: Compute = Compute::Cpu;
        /// Fixes every random draw of the run
        seed: u64 = 1;
        /// A run's folder, or its policy.safetensors, end.safetensors or checkpoint.safetensors: the agent starts with
        /// the networks of that trained agent, and learns anew
        from: Option<String> = None;
        /// SHA-256 of those networks; filled in where it is not given, and checked where it is
        from_sha256: Option<String> = None;
        /// Environment steps between evaluations
        eval_every: u64 = 10_000, in 1..;
        /// Episodes in an evaluation
        eval_episodes: u32 = 10, in 1..=10_000;
        /// Probability of a random action in an evaluation
        eval_epsilon: f64 = 0.0, in Interval::at_least(0.0).at_most(1.0);
        /// Runs with the same number meet the same evaluation episodes, whatever their seeds; by default each seed has its
        /// own
        eval_seed: Option<u64> = None;
        /// Gradient steps between lines of updates.csv
        log_every: u64 = 100, in 1..;
        /// Gradient steps between lines of diagnostics.csv, on average; 0 for no such file
        diagnostics: u64 = 0;
        /// Past minibatches that a line of diagnostics.csv evaluates again; 0 for all
        diagnostics_lags: u32 = 4, in 0..=1_000;
    }
}

/// The whole configuration of a run, every default written out.
#[derive(Clone)]
pub struct Config {
    /// The algorithm.
    pub algorithm: &'static dyn Definition,
    /// The published setting that the rest started from.
    pub preset: &'static Preset,
    /// What is run.
    pub run: RunConfig,
    /// The optimiser.
    pub optimiser: Spec,
    /// The algorithm's settings, every one of them.
    pub agent: Table,
}

/// The part of a [`Config`] that the user sets.
#[derive(Clone, Debug, Default)]
pub struct ConfigSource {
    /// The algorithm.
    pub algo: Option<String>,
    /// The preset to start from.
    pub preset: Option<String>,
    /// What is run: values for [`RunConfig`].
    pub run: Table,
    /// The optimiser, as text or as a table of its name and its values.
    pub optimiser: Option<Spec>,
    /// Values for the algorithm's settings.
    pub agent: Table,
}

/// The keys of a configuration file.
const KEYS: [&str; 5] = ["algo", "preset", "run", "optimiser", "agent"];

impl ConfigSource {
    /// Reads a TOML file; an error names the file, the line, the key and what is allowed.
    ///
    /// An empty file is an error, because it may have lost its content. A file with nothing but comments asks for the
    /// defaults.
    pub fn read(path: &Path) -> Result<Self> {
        let document = TomlDocument::read(path)?;
        if document.is_blank() {
            return Err(Error::usage(format!(
                "{}: it is empty; write settings as a run's config.toml has them, such as `run = {{ env = \"cartpole\" }}`, \
                 or a comment to have all defaults",
                path.display()
            )));
        }
        Self::check_program(path)?;
        let source = Self::from_table(&document.table);
        source.map_err(|error| document.explain(error))
    }

    /// An error if the file at `path` is the configuration of a run of another program. Whatever else is wrong with it is
    /// left to [`read`](Self::read).
    pub(super) fn check_program(path: &Path) -> Result<()> {
        let document = TomlDocument::read(path).ok();
        let run = document
            .as_ref()
            .and_then(|document| document.table.get("run"));
        let others = ["dataset", "stream"];
        match run {
            Some(Value::Table(run)) if others.iter().any(|key| run.get(key).is_some()) => {
                Err(Error::usage(format!(
                    "{} is not the configuration of a run of `rl`: it learns from a data set or a recorded stream",
                    path.display()
                )))
            }
            _ => Ok(()),
        }
    }

    fn from_table(table: &Table) -> std::result::Result<Self, settings::Error> {
        if let Some((name, _)) = table.iter().find(|(name, _)| !KEYS.contains(name)) {
            return Err(settings::Error::unknown("key", name, KEYS));
        }
        let name = |key: &str| match table.get(key) {
            None => Ok(None),
            Some(Value::Text(name)) => Ok(Some(name.clone())),
            Some(other) => Err(settings::Error::not_allowed(key, other, "a name in quotes")),
        };
        let part = |key: &str| match table.get(key) {
            None => Ok(Table::new()),
            Some(Value::Table(part)) => Ok(part.clone()),
            Some(other) => Err(settings::Error::not_allowed(key, other, "a table")),
        };
        let source = Self {
            algo: name("algo")?,
            preset: name("preset")?,
            run: part("run")?,
            optimiser: match table.get("optimiser") {
                None => None,
                Some(_) => Some(optimiser(&part("optimiser")?).map_err(|e| e.within("optimiser"))?),
            },
            agent: part("agent")?,
        };
        source.check_names()?;
        Ok(source)
    }

    /// An error for the first key that is not known or whose value is not allowed for it.
    pub fn check_names(&self) -> std::result::Result<(), settings::Error> {
        let within = |outer: &'static str| move |error: settings::Error| error.within(outer);
        RunConfig::default()
            .extend(&self.run)
            .map_err(within("run"))?;
        let wrong = |error: Error| settings::Error::wrong(error.to_string());
        let algorithm = self.algorithm().map_err(wrong)?;
        check_agent(algorithm, &self.agent).map_err(within("agent"))?;
        self.preset_of(algorithm).map(drop).map_err(wrong)
    }

    /// These settings, with `other`'s for those that are not set here.
    pub fn or(self, other: Self) -> Self {
        let (mut run, mut agent) = (other.run, other.agent);
        run.extend(self.run);
        agent.extend(self.agent);
        Self {
            algo: self.algo.or(other.algo),
            preset: self.preset.or(other.preset),
            run,
            optimiser: self.optimiser.or(other.optimiser),
            agent,
        }
    }

    /// The algorithm that these settings are for.
    pub fn algorithm(&self) -> Result<&'static dyn Definition> {
        match &self.algo {
            Some(name) => algorithm::find(name),
            None => Ok(algorithm::registry()[0]),
        }
    }

    fn preset_of(&self, algorithm: &'static dyn Definition) -> Result<&'static Preset> {
        let presets = algorithm.presets();
        let Some(name) = &self.preset else {
            return Ok(&presets[0]);
        };
        let found = presets.iter().find(|preset| preset.name == name);
        let names = || presets.iter().map(|preset| preset.name);
        found.ok_or_else(|| Error::usage(unknown("preset", name, names())))
    }

    /// The whole configuration, checked; `lr` is the optimiser's unless it is `None`.
    pub fn resolve(self, lr: Option<f64>) -> Result<Config> {
        let algorithm = self.algorithm()?;
        let preset = self.preset_of(algorithm)?;
        let mut optimiser = match self.optimiser {
            Some(spec) => spec,
            None => preset.optimiser.parse()?,
        };
        match lr {
            Some(lr) => optimiser.set("lr", lr)?,
            None if !optimiser.is_set("lr") => {
                let own = optimiser.lr();
                // Set even if it is the optimiser's own, so that the same run is always written in the same way.
                let lr = preset.lr(optimiser.entry().name).unwrap_or(own);
                optimiser.set("lr", lr)?;
            }
            None => {}
        }
        let mut run = RunConfig::default();
        run.extend(&(preset.run)())?;
        run.extend(&self.run)?;
        // One name for each environment, so that the same run has the same id.
        let env = envs::make(&run.env)?;
        run.env = env.spec().name.clone();
        let mut agent = (preset.agent)();
        check_agent(algorithm, &self.agent)?;
        agent.extend(self.agent);
        let mut config = Config {
            algorithm,
            preset,
            run,
            optimiser,
            agent: algorithm.complete(&agent)?,
        };
        config.check_cohort(1)?;
        config.optimiser.rule()?;
        if config.optimiser.restart() != Restart::Nothing && !algorithm.has_target_network() {
            return Err(Error::usage(format!(
                "{} restarts at each update of a target network, and {} has none; allowed: optimisers without restart_t \
                 and reset_moments",
                config.optimiser,
                algorithm.name()
            )));
        }
        start::write_down(&mut config)?;
        Ok(config)
    }
}

/// The optimiser of a table of its name and its values.
pub(in crate::run) fn optimiser(table: &Table) -> std::result::Result<Spec, settings::Error> {
    let at = |key: &'static str| {
        move |error: optim::Error| settings::Error::wrong(error.to_string()).within(key)
    };
    let missing = || settings::Error::Missing {
        path: "name".into(),
    };
    let name = table.get("name").ok_or_else(missing)?;
    let mut spec = Spec::new(&name.plain()).map_err(at("name"))?;
    for (key, value) in table.iter().filter(|(key, _)| *key != "name") {
        let wrong = |error: optim::Error| settings::Error::wrong(error.to_string()).within(key);
        spec.set(key, value.clone()).map_err(wrong)?;
    }
    Ok(spec)
}

/// An error for the first of `values` that is not a setting of the algorithm, is not allowed for it, or is
/// not in a form that the setting can read.
fn check_agent(
    algorithm: &dyn Definition,
    values: &Table,
) -> std::result::Result<(), settings::Error> {
    let declared = algorithm.settings();
    for (name, value) in values.iter() {
        let known = declared.iter().find(|setting| setting.name == name);
        let names = declared.iter().map(|setting| setting.name);
        let known = known.ok_or_else(|| settings::Error::unknown("key", name, names))?;
        known.check(value)?;
    }
    match algorithm.complete(values) {
        Ok(_) => Ok(()),
        Err(Error::Setting(error)) => Err(error),
        Err(error) => Err(settings::Error::wrong(error.to_string())),
    }
}

/// An evaluation holds an observation of each of its episodes at once. More numbers than this (1 GiB) are surely a
/// mistake.
const MOST_NUMBERS: usize = 1 << 28;

impl Config {
    /// Checks that `agents` agents of this configuration can be a cohort and fit into memory together.
    pub fn check_cohort(&self, agents: usize) -> Result<()> {
        let env = envs::make(&self.run.env)?;
        self.algorithm.check(&self.agent, env.spec(), agents)?;
        self.check_steps()?;
        let most = MOST_NUMBERS / env.spec().observation.len();
        let episodes = self.run.eval_episodes;
        if episodes as usize > most {
            let allowed = format!("at most {most} in {}", self.run.env);
            return Err(settings::Error::not_allowed("eval_episodes", episodes, allowed).into());
        }
        Ok(())
    }

    /// Checks that all environments of an agent take the same number of steps, and the algorithm's own conditions on
    /// that number.
    fn check_steps(&self) -> Result<()> {
        let (steps, environments) = (self.run.steps, self.environments() as u64);
        if !steps.is_multiple_of(environments) {
            let (below, above) = (
                steps / environments * environments,
                steps.checked_next_multiple_of(environments),
            );
            let near = [Some(below).filter(|steps| *steps > 0), above];
            let near: Vec<String> = near.iter().flatten().map(u64::to_string).collect();
            let allowed = format!(
                "a multiple of the {environments} environments that the agent acts in, such as {}",
                near.join(" or ")
            );
            return Err(settings::Error::not_allowed("steps", steps, allowed).into());
        }
        self.algorithm.check_steps(&self.agent, steps)
    }

    /// Environments that an agent acts in at once.
    pub fn environments(&self) -> usize {
        self.algorithm.environments(&self.agent)
    }

    /// Updates of the run.
    pub fn updates(&self) -> u64 {
        self.algorithm.updates(&self.agent, self.run.steps)
    }

    /// Whether two agents can be in one cohort, apart from their optimisers.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let mut run = other.run.clone();
        run.seed = self.run.seed;
        self.run == run
            && self.agent == other.agent
            && self.algorithm.name() == other.algorithm.name()
    }
}
