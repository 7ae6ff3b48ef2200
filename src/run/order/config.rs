//! The configuration of a run of order alone.

use std::path::Path;

use settings::{Settings, Table, Value};

use optim::{Restart, Spec};

use super::{Order, OrderRun, Recording, TargetKind, recorded_config, recording::recording};
use crate::{Error, Result, algorithm::dqn::DqnConfig, config::TomlDocument};

/// A recording with more numbers than this (1 GiB) is taken for a typing error.
const MOST_NUMBERS: usize = 1 << 27;

/// The whole configuration of a run of order alone, every default written out.
#[derive(Clone, Debug)]
pub struct OrderConfig {
    /// What is run.
    pub run: OrderRun,
    /// The optimiser.
    pub optimiser: Spec,
}

/// An error if `set` has a key that has no effect with the rest.
fn refuse_strangers(set: &Table, run: &OrderRun) -> Result<()> {
    let keys = [
        ("window", run.order == Order::Windows, "order = windows"),
        (
            "target_every",
            run.targets == TargetKind::Bootstrapped,
            "targets = bootstrapped",
        ),
    ];
    let stranger = keys.iter().find(|(key, used, _)| {
        let default = OrderRun::default().get(key);
        set.get(key)
            .is_some_and(|value| Some(value) != default.as_ref())
            && !used
    });
    match stranger {
        None => Ok(()),
        Some((key, _, allowed)) => Err(Error::usage(format!(
            "{key} has no effect here; allowed: with {allowed}"
        ))),
    }
}

impl OrderConfig {
    /// The settings in `set`, with defaults for the rest, checked.
    ///
    /// # Errors
    /// For the first value that is not allowed, by itself or with the others.
    pub fn resolve(set: &Table, optimiser: Spec) -> Result<Self> {
        let mut run = OrderRun::default();
        run.extend(set)?;
        refuse_strangers(set, &run)?;
        let env = envs::make(&run.env)?;
        run.env = env.spec().name.clone();
        let config = Self { run, optimiser };
        config.validate(&env)?;
        Ok(config)
    }

    /// Reads the TOML file at `path`, which has the form of a run's `config.toml`: `[run]`, and optionally
    /// `[optimiser]`.
    ///
    /// # Errors
    /// With the file, the line and the key of what is not allowed.
    pub fn read(path: &Path) -> Result<(Table, Option<Spec>)> {
        let document = TomlDocument::read(path)?;
        let read = || {
            let mut found = (Table::new(), None);
            for (key, value) in document.table.iter() {
                match (key, value) {
                    ("run", Value::Table(run)) => {
                        let known = OrderRun::default().extend(run);
                        known.map_err(|error| error.within("run"))?;
                        found.0 = run.clone();
                    }
                    ("optimiser", Value::Table(table)) => found.1 = Some(optimiser(table)?),
                    ("run" | "optimiser", other) => {
                        return Err(settings::Error::not_allowed(key, other, "a table"));
                    }
                    _ => return Err(settings::Error::unknown("key", key, ["run", "optimiser"])),
                }
            }
            Ok(found)
        };
        read().map_err(|error| document.explain(error))
    }

    fn validate(&self, env: &envs::TimeLimit) -> Result<()> {
        let run = &self.run;
        let check = |key: &'static str, value: usize, fits: bool, allowed: &str| match fits {
            true => Ok(()),
            false => Err(Error::from(settings::Error::not_allowed(
                key, value, allowed,
            ))),
        };
        let name = &run.env;
        let numbers = env.spec().observation.len();
        let state = env.save().map_err(|hidden| {
            Error::usage(format!(
                "{hidden}; true values are measured from saved states; allowed: environments that can be saved"
            ))
        })?;
        let most = MOST_NUMBERS / (2 * numbers + 2 * state.len()).max(1);
        let allowed = format!("a whole number from 1 to {most} in {name}");
        check("stream", run.stream, run.stream <= most, &allowed)?;
        let allowed = format!("at least 2 and below stream = {}", run.stream);
        check(
            "held_out",
            run.held_out,
            run.held_out < run.stream,
            &allowed,
        )?;
        let learned = run.learned();
        let left = format!("at most {learned}, the transitions that are learned from");
        check("batch", run.batch, run.batch <= learned, &left)?;
        let used = run.order == Order::Windows;
        check("window", run.window, !used || run.window <= learned, &left)?;
        let updates = run.updates();
        if run.evaluations > updates {
            let allowed = format!("at most {updates}, the updates of the run");
            return Err(
                settings::Error::not_allowed("evaluations", run.evaluations, allowed).into(),
            );
        }
        let recorded = recorded_config(run)?;
        if DqnConfig::from_table(&recorded.agent)?.dueling {
            return Err(Error::usage(format!(
                "preset = {} is not allowed, because its network is dueling; allowed: a preset without",
                run.preset
            )));
        }
        let moves = run.rules().target_every.is_some_and(|every| every > 1);
        if self.optimiser.restart() != Restart::Nothing && !moves {
            return Err(Error::usage(format!(
                "{} restarts at each update of a target network, and there is none; allowed: optimisers without restart_t \
                 and reset_moments, or targets = bootstrapped with target_every above 1",
                self.optimiser
            )));
        }
        Ok(self.optimiser.rule().map(drop)?)
    }

    /// The stream that the run learns from, recorded the first time that this process asks for it.
    ///
    /// # Errors
    /// If nothing can be learned from what was recorded.
    pub fn recording(&self) -> Result<std::sync::Arc<Recording>> {
        recording(&self.run)
    }
}

/// The optimiser of a table of its name and its values.
fn optimiser(table: &Table) -> std::result::Result<Spec, settings::Error> {
    crate::run::rl::optimiser(table).map_err(|error| error.within("optimiser"))
}
