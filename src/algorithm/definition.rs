//! What an algorithm is before it runs: its name, its settings, its presets.

use candle_core::Device;
use optim::{Schedule, Spec};
use settings::{Setting, Table};

use super::{Algorithm, Policy};
use crate::Result;

/// What a cohort is made from.
pub struct Setup<'a> {
    /// The algorithm's settings, every one of them.
    pub settings: &'a Table,
    /// Each agent's optimiser; they share a rule and its terms.
    pub optimisers: &'a [Spec],
    /// Each agent's seed.
    pub seeds: &'a [u64],
    /// The environment that they act in.
    pub env: &'a envs::EnvSpec,
    /// Environment steps of the run, which schedules span.
    pub steps: u64,
    /// Where networks compute.
    pub device: &'a Device,
}

/// A published setting to start from.
#[derive(Clone, Copy)]
pub struct Preset {
    /// The name by which it is requested.
    pub name: &'static str,
    /// What it is, in a phrase.
    pub help: &'static str,
    /// What it sets of a run: the environment, the steps and so on.
    pub run: fn() -> Table,
    /// All of the algorithm's settings.
    pub agent: fn() -> Table,
    /// The default optimiser.
    pub optimiser: &'static str,
    /// Learning rates for optimisers in this setting, if they differ from the optimisers' own.
    pub lrs: &'static [(&'static str, f64)],
}

impl Preset {
    /// The learning rate for an optimiser in this setting, if it has one of its own.
    pub fn lr(&self, optimiser: &str) -> Option<f64> {
        let known = self.lrs.iter().find(|(name, _)| *name == optimiser);
        known.map(|(_, lr)| *lr)
    }
}

/// A setting whose effect is spread over a whole run, so that a longer run goes otherwise from its start.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The setting.
    pub key: &'static str,
    /// What it is spread over: environment steps, updates or rollouts. Where it is spread over as many in two runs, it
    /// acts alike in both.
    pub over: f64,
    /// Whether its value is a share of the run, so that a smaller share of a longer run is as many.
    pub is_share: bool,
    /// A setting under which its effect is not spread over the run.
    pub otherwise: &'static str,
}

impl Span {
    /// That of `exploration_fraction`, over which epsilon goes from `start` to `end`; `None` if it is always the same.
    pub fn exploration(over: f64, start: f64, end: f64) -> Option<Self> {
        (over > 0.0 && start != end).then_some(Self {
            key: "exploration_fraction",
            over,
            is_share: true,
            otherwise: "exploration_fraction = 0",
        })
    }

    /// That of an lr schedule over so many updates; `None` if it acts alike in runs of any length.
    pub fn lr(schedule: &Schedule, updates: u64) -> Option<Self> {
        schedule.depends_on_length().then_some(Self {
            key: "lr_schedule",
            over: updates as f64,
            is_share: false,
            otherwise: "lr_schedule = constant",
        })
    }
}

/// An algorithm in the registry.
pub trait Definition: Sync {
    /// The name by which it is requested.
    fn name(&self) -> &'static str;

    /// What it is, in a phrase.
    fn summary(&self) -> &'static str;

    /// Where it comes from: paper, section, implementation.
    fn source(&self) -> &'static str;

    /// Its settings.
    fn settings(&self) -> &'static [Setting];

    /// Every setting: these values and defaults for the rest, each in its canonical form.
    fn complete(&self, values: &Table) -> Result<Table>;

    /// The settings to start from, its default first; there is at least one.
    fn presets(&self) -> &'static [Preset];

    /// The columns of `episodes.csv` in which it reports how agents act.
    fn behaviour_columns(&self) -> &'static [&'static str];

    /// The columns of `updates.csv` in which it reports what it measures in an update.
    fn update_columns(&self) -> &'static [&'static str];

    /// The environments that each agent acts in at once. The run steps them together, and each step of each of them
    /// counts as an environment step; so steps of a run are a multiple of it.
    fn environments(&self, settings: &Table) -> usize {
        let _ = settings;
        1
    }

    /// Whether it has a target network, whose updates optimisers with `restart_t` or `reset_moments` wait for.
    fn has_target_network(&self) -> bool {
        true
    }

    /// An error for the first of `settings`, each within its own range, that does not fit the
    /// others or the environment, or if `agents` agents together do not fit into memory.
    fn check(&self, settings: &Table, env: &envs::EnvSpec, agents: usize) -> Result<()>;

    /// An error for the first of `settings` that does not fit a run of `steps` environment steps.
    fn check_steps(&self, settings: &Table, steps: u64) -> Result<()> {
        let _ = (settings, steps);
        Ok(())
    }

    /// Roughly how many bytes an agent's experience takes by the end of a run of `steps` environment steps, and the
    /// setting that decides it; `None` if it is little.
    fn experience_bytes(
        &self,
        settings: &Table,
        env: &envs::EnvSpec,
        steps: u64,
    ) -> Option<(u64, &'static str)> {
        let _ = (settings, env, steps);
        None
    }

    /// The settings whose effect is spread over a run of `steps` environment steps. A run can be made longer only if
    /// these are spread over as much as before. By default no run can be.
    fn spans(&self, settings: &Table, steps: u64) -> Vec<Span> {
        let _ = settings;
        vec![Span {
            key: "algo",
            over: steps as f64,
            is_share: false,
            otherwise: "an algorithm that declares its spans",
        }]
    }

    /// The settings that two agents must share for the networks of one to be of use to the other.
    fn network_settings(&self) -> &'static [&'static str] {
        &[]
    }

    /// How many updates an agent makes in a run of `steps` environment steps.
    fn updates(&self, settings: &Table, steps: u64) -> u64;

    /// The setting that prevents learning, if a run of `steps` environment steps makes no update.
    fn learns_nothing(&self, settings: &Table, steps: u64) -> Option<&'static str>;

    /// A sentence for each of `settings` that is allowed but has no effect in a run of `steps` environment steps.
    fn warnings(&self, settings: &Table, steps: u64) -> Vec<String> {
        let _ = (settings, steps);
        Vec::new()
    }

    /// Roughly how many multiply-adds a run of `steps` environment steps takes.
    fn effort(&self, settings: &Table, env: &envs::EnvSpec, steps: u64) -> f64;

    /// `settings`, changed so that learning starts by environment step `step`, and not before if it can be put off.
    fn learning_by(&self, settings: &Table, step: u64) -> Result<Table>;

    /// Environment steps of one round of acting and learning, such as a rollout, if an agent repeats such rounds from its
    /// first step on. `None` if it first acts for a while without learning.
    fn learning_round(&self, settings: &Table) -> Option<u64> {
        let _ = settings;
        None
    }

    /// A cohort of agents at their start.
    fn make(&self, setup: &Setup) -> Result<Box<dyn Algorithm>>;

    /// The policy that [`Policy::to_safetensors`] saved, of an agent with these settings.
    fn policy(
        &self,
        settings: &Table,
        env: &envs::EnvSpec,
        saved: &[u8],
    ) -> Result<Box<dyn Policy>>;
}
