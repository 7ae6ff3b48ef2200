//! The configuration of a run of order alone.

use std::path::Path;

use serde::Serialize;
use settings::{Settings, Table, Value, settings, words};

use optim::{Restart, Spec};

use super::{Order, OrderOutcome, Recording, Rules, recorded_config, recording::recording};
use crate::{
    Error, Result,
    algorithm::dqn::{DqnConfig, Loss},
    config::{AsToml, Document},
    files::short_id,
    run::{Configuration, ExpectedTable, FolderLayout, RowTable},
};

words! {
    /// The target of a transition.
    pub enum TargetKind {
        /// The true value of its action
        Fixed = "fixed",
        /// The reward plus the discounted value of the policy's next action, by the learner's own estimate
        Bootstrapped = "bootstrapped",
    }
}

settings! {
    /// What is recorded, and how it is learned.
    pub struct OrderRun {
        /// The environment in which a DQN learns and is recorded
        env: String = "cartpole".into();
        /// The DQN's published setting: rl --list
        preset: String = "cleanrl".into();
        /// Transitions to record: all that the DQN sees in a run of this many steps
        stream: usize = 50_000, in 1..=1_000_000_000;
        /// How many of these are held out, evenly spread, to measure the error on
        held_out: usize = 1_000, in 2..;
        /// The order in which the others are learned, each once
        order: Order = Order::Recorded;
        /// Consecutive transitions that are shuffled together, with order = windows: 1 gives the recorded order, all
        /// of them the shuffled order
        window: usize = 100, in 1..;
        /// What a transition teaches
        targets: TargetKind = TargetKind::Fixed;
        /// Updates between copies to the target network, with bootstrapped targets; 1 for no target network
        target_every: u64 = 1, in 1..;
        /// Transitions in an update; the last update uses what is left
        batch: usize = 1, in 1..=65_536;
        /// The discount of the values
        gamma: f64 = 0.99, in 0.0..=1.0;
        /// The loss of a value against its target
        loss: Loss = Loss::Mse;
        /// Rollouts that are averaged for a true value if the environment is random
        rollouts: u32 = 16, in 1..=100_000;
        /// Evaluations of the error, evenly spread, in addition to one at the start
        evaluations: u64 = 20, in 1..;
        /// Updates between lines of diagnostics.csv, on average; 0 for no such file
        diagnostics: u64 = 0;
        /// Past minibatches that a line of diagnostics.csv evaluates again; 0 for all
        diagnostics_lags: u32 = 4, in 0..=1_000;
        /// Fixes what is recorded, the initial weights and the shuffling
        seed: u64 = 1;
    }
}

/// A recording with more numbers than this (1 GiB) is taken for a typing error.
const MOST_NUMBERS: usize = 1 << 27;

impl OrderRun {
    /// Transitions that are learned from.
    pub fn learned(&self) -> usize {
        self.stream.saturating_sub(self.held_out)
    }

    /// Updates of the run.
    pub fn updates(&self) -> u64 {
        self.learned().div_ceil(self.batch) as u64
    }

    /// Consecutive transitions that are shuffled together.
    pub fn window_size(&self) -> usize {
        match self.order {
            Order::Recorded => 1,
            Order::Windows => self.window,
            Order::Shuffled => self.learned(),
        }
    }

    /// How transitions are learned.
    pub fn rules(&self) -> Rules {
        Rules {
            gamma: self.gamma,
            loss: self.loss,
            target_every: (self.targets == TargetKind::Bootstrapped).then_some(self.target_every),
        }
    }

    /// The number of updates before evaluation number `k`, counted from 0.
    pub fn evaluated_at(&self, k: u64) -> u64 {
        let at = u128::from(self.updates()) * u128::from(k);
        at.div_ceil(u128::from(self.evaluations)) as u64
    }

    /// Bytes of the recording, roughly.
    pub(super) fn bytes(&self) -> Result<usize> {
        let obs_len = envs::make(&self.env)?.spec().observation.len();
        Ok(self.stream * (8 * obs_len + 29))
    }
}

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
        let document = Document::read(path)?;
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

/// `config.toml`.
#[derive(Serialize)]
struct Written<'a> {
    run: AsToml<'a>,
    optimiser: &'a Spec,
}

impl Configuration for OrderConfig {
    type Outcome = OrderOutcome;

    const LAYOUT: FolderLayout = FolderLayout {
        weights: "weights.safetensors",
        figures: &["value_error.png", "diagnostics.png"],
        tables: &[RowTable::Values, RowTable::Diagnostics],
    };

    fn to_toml(&self) -> String {
        let written = Written {
            run: AsToml(&Value::Table(self.run.to_table())),
            optimiser: &self.optimiser,
        };
        // Every value has been checked, and values have no type that TOML lacks.
        toml::to_string(&written).expect("a configuration fits TOML")
    }

    fn id(&self) -> String {
        short_id(&self.to_toml())
    }

    fn place(&self) -> String {
        format!("order-{}", self.run.env)
    }

    fn optimiser(&self) -> &Spec {
        &self.optimiser
    }

    fn seed(&self) -> u64 {
        self.run.seed
    }

    fn headers(&self) -> Vec<(RowTable, String)> {
        let mut headers = vec![(RowTable::Values, RowTable::Values.header())];
        if self.run.diagnostics > 0 {
            headers.push((RowTable::Diagnostics, RowTable::Diagnostics.header()));
        }
        headers
    }

    /// Every run of this family has checksums.
    fn expected_table(&self, _outcome: &OrderOutcome, _table: RowTable) -> ExpectedTable {
        ExpectedTable::default()
    }

    fn describes(path: &Path) -> bool {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let table: toml::Table = text.parse().unwrap_or_default();
        let run = table.get("run").and_then(toml::Value::as_table);
        run.is_some_and(|run| run.contains_key("stream") && run.contains_key("order"))
    }
}
