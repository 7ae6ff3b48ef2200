//! A toy that shows what an algorithm needs: tabular Q-learning (Watkins 1989), without networks.

use std::collections::BTreeMap;

use optim::state_file::{self, Array, StateFile, StatePart, bytes, numbers};
use optimiser_paradigms::{
    Result,
    algorithm::{Algorithm, Definition, Experience, Learning, Policy, Preset, Setup, dqn::greedy},
    streams::{Stream, go_to, place, stream},
};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use safetensors::Dtype;
use settings::{Setting, Settings, Table, settings};

settings! {
    /// The settings of tabular Q-learning.
    pub struct TabularSettings {
        /// Discount of a reward one step later
        gamma: f64 = 0.9, in 0.0..=1.0;
        /// Probability of a random action
        exploration: f64 = 0.2, in 0.0..=1.0;
        /// Number of cells into which an observation's unit of length is cut
        cells: u32 = 4, in 1..=100;
        /// Number of environments in which an agent acts at once
        environments: usize = 1, in 1..=16;
    }
}

settings! {
    /// Settings that `rl` cannot have flags for.
    pub struct ClashingSettings {
        /// Like `--agents`
        agents: usize = 1, in 1..=16;
    }
}

/// Tabular Q-learning, as the registry lists it.
pub enum Tabular {
    /// It acts in one environment.
    One,
    /// It acts in several at once.
    Several,
    /// It has a setting with the name of another flag of `rl`.
    Clashing,
}

/// Does not divide the intervals of regular events.
const SEVERAL: usize = 3;

const PRESETS: [Preset; 2] = [
    Preset {
        name: "plain",
        help: "its defaults",
        run: Table::new,
        agent: || TabularSettings::default().to_table(),
        optimiser: "sgd",
        lrs: &[("sgd", 0.5)],
    },
    Preset {
        name: "several",
        help: "several environments",
        run: Table::new,
        agent: || {
            let settings = TabularSettings {
                environments: SEVERAL,
                ..TabularSettings::default()
            };
            settings.to_table()
        },
        optimiser: "sgd",
        lrs: &[("sgd", 0.5)],
    },
];

/// What a table's file holds.
const WHAT: &str = "table";

impl Definition for Tabular {
    fn name(&self) -> &'static str {
        match self {
            Tabular::One => "tabular",
            Tabular::Several => "tabular-several",
            Tabular::Clashing => "tabular-clashing",
        }
    }
    fn summary(&self) -> &'static str {
        "Q-learning with a table, for tests"
    }
    fn source(&self) -> &'static str {
        "Watkins 1989"
    }
    fn settings(&self) -> &'static [Setting] {
        match self {
            Tabular::One | Tabular::Several => TabularSettings::declared(),
            Tabular::Clashing => ClashingSettings::declared(),
        }
    }
    fn complete(&self, values: &Table) -> Result<Table> {
        Ok(TabularSettings::from_table(values)?.to_table())
    }
    fn presets(&self) -> &'static [Preset] {
        match self {
            Tabular::One | Tabular::Clashing => &PRESETS[..1],
            Tabular::Several => &PRESETS[1..],
        }
    }
    fn behaviour_columns(&self) -> &'static [&'static str] {
        &["exploration", "states"]
    }
    fn update_columns(&self) -> &'static [&'static str] {
        &["td_error"]
    }
    fn environments(&self, settings: &Table) -> usize {
        TabularSettings::from_table(settings).map_or(1, |settings| settings.environments)
    }
    fn check(&self, settings: &Table, _env: &envs::EnvSpec, _agents: usize) -> Result<()> {
        Ok(TabularSettings::from_table(settings)?.check_ranges()?)
    }
    fn updates(&self, _settings: &Table, steps: u64) -> u64 {
        steps
    }
    fn learns_nothing(&self, _settings: &Table, _steps: u64) -> Option<&'static str> {
        None
    }
    fn effort(&self, _settings: &Table, _env: &envs::EnvSpec, steps: u64) -> f64 {
        steps as f64
    }
    fn learning_by(&self, settings: &Table, _step: u64) -> Result<Table> {
        Ok(settings.clone())
    }
    fn make(&self, setup: &Setup) -> Result<Box<dyn Algorithm>> {
        let settings = TabularSettings::from_table(setup.settings)?;
        let learner = |(seed, spec): (&u64, &optim::Spec)| Learner {
            values: Values::new(settings.cells, setup.env.actions),
            explore: stream(*seed, Stream::Explore),
            lr: spec.lr(),
            updates: 0,
            errors: Vec::new(),
        };
        let learners = setup.seeds.iter().zip(setup.optimisers).map(learner);
        Ok(Box::new(Cohort {
            learners: learners.collect(),
            settings,
        }))
    }
    fn policy(
        &self,
        settings: &Table,
        env: &envs::EnvSpec,
        saved: &[u8],
    ) -> Result<Box<dyn Policy>> {
        let cells = TabularSettings::from_table(settings)?.cells;
        let mut values = Values::new(cells, env.actions);
        let file = StateFile::read(WHAT, WHAT, saved)?;
        values.load(&StatePart::new(&file, WHAT))?;
        Ok(Box::new(TablePolicy {
            values,
            each: env.observation.len(),
        }))
    }
}

/// A value for each action in each cell of observations visited so far.
#[derive(Clone)]
struct Values {
    cells: f32,
    actions: usize,
    table: BTreeMap<Vec<i32>, Vec<f64>>,
}

impl Values {
    fn new(cells: u32, actions: usize) -> Self {
        Self {
            cells: cells as f32,
            actions,
            table: BTreeMap::new(),
        }
    }

    fn cell(&self, obs: &[f32]) -> Vec<i32> {
        obs.iter()
            .map(|x| (x * self.cells).floor() as i32)
            .collect()
    }

    fn of(&self, obs: &[f32]) -> Vec<f64> {
        let known = self.table.get(&self.cell(obs));
        known.cloned().unwrap_or(vec![0.0; self.actions])
    }

    fn arrays(&self) -> Vec<Array> {
        let cells: Vec<i32> = self.table.keys().flatten().copied().collect();
        let values: Vec<f64> = self.table.values().flatten().copied().collect();
        let count = (self.table.len() as u64).to_le_bytes().to_vec();
        vec![
            ("count".into(), Dtype::U64, vec![1], count),
            (
                "cells".into(),
                Dtype::I32,
                vec![cells.len()],
                bytes(&cells, |x| x.to_le_bytes()),
            ),
            (
                "values".into(),
                Dtype::F64,
                vec![values.len()],
                bytes(&values, |x| x.to_le_bytes()),
            ),
        ]
    }

    fn load(&mut self, state: &StatePart) -> Result<()> {
        let count = state.count("count")? as usize;
        let cells = numbers(state.list("cells", Dtype::I32)?, i32::from_le_bytes);
        let values = numbers(state.list("values", Dtype::F64)?, f64::from_le_bytes);
        let each = cells.len() / count.max(1);
        let cells = cells.chunks(each.max(1)).map(<[i32]>::to_vec);
        let values = values.chunks(self.actions).map(<[f64]>::to_vec);
        self.table = cells.zip(values).collect();
        Ok(())
    }
}

struct TablePolicy {
    values: Values,
    /// Numbers in an observation.
    each: usize,
}

impl Policy for TablePolicy {
    fn act(&self, obs: &[f32]) -> Result<Vec<usize>> {
        let rows = obs.chunks_exact(self.each);
        Ok(rows.map(|obs| greedy(&self.values.of(obs))).collect())
    }
    fn to_safetensors(&self) -> Result<Vec<u8>> {
        let arrays: Vec<Array> = state_file::of_part(WHAT, self.values.arrays()).collect();
        Ok(state_file::write(WHAT, WHAT.into(), &arrays)?)
    }
}

struct Learner {
    values: Values,
    explore: ChaCha8Rng,
    lr: f64,
    updates: u64,
    /// The TD errors of the updates since the last call of `learn`.
    errors: Vec<f64>,
}

struct Cohort {
    learners: Vec<Learner>,
    settings: TabularSettings,
}

impl Algorithm for Cohort {
    fn act(&mut self, _: u64, obs: &[f32], alive: &[bool], actions: &mut [usize]) -> Result<()> {
        let environments = self.settings.environments;
        let each = obs.len() / actions.len();
        for (place, (obs, action)) in obs.chunks_exact(each).zip(actions).enumerate() {
            let agent = place / environments;
            let learner = &mut self.learners[agent];
            if !alive[agent] {
                continue;
            }
            let random = learner.explore.random::<f64>() < self.settings.exploration;
            *action = match random {
                true => learner
                    .explore
                    .random_range(0..learner.values.actions as u32)
                    as usize,
                false => greedy(&learner.values.of(obs)),
            };
        }
        Ok(())
    }

    fn behaviour(&self) -> Vec<f64> {
        // The same for all, so that no agent's records depend on other agents.
        vec![self.settings.exploration, f64::from(self.settings.cells)]
    }

    fn observe(&mut self, agent: usize, environment: usize, experience: &Experience) -> Result<()> {
        assert_eq!(
            environment,
            self.learners[agent].errors.len(),
            "each once, in order"
        );
        let learner = &mut self.learners[agent];
        let next = learner.values.of(experience.next_obs);
        let next = if experience.terminated {
            0.0
        } else {
            next[greedy(&next)]
        };
        let target = f64::from(experience.reward) + self.settings.gamma * next;
        let mut values = learner.values.of(experience.obs);
        let error = target - values[experience.action];
        values[experience.action] += learner.lr * error;
        learner.errors.push(error);
        let cell = learner.values.cell(experience.obs);
        learner.values.table.insert(cell, values);
        learner.updates += 1;
        Ok(())
    }

    fn learn(&mut self, _step: u64, learning: &mut dyn Learning) -> Result<()> {
        for (agent, learner) in self.learners.iter_mut().enumerate() {
            let before = learner.updates - learner.errors.len() as u64;
            for (update, error) in (before + 1..).zip(learner.errors.drain(..)) {
                if learning.is_alive(agent) && learning.is_recorded(update) {
                    learning.updated(agent, update, &[error])?;
                }
            }
        }
        Ok(())
    }

    fn updates(&self, agent: usize) -> u64 {
        self.learners[agent].updates
    }

    fn policy(&self, agent: usize) -> Result<Box<dyn Policy>> {
        let values = self.learners[agent].values.clone();
        let each = values.table.keys().next().map_or(1, Vec::len);
        Ok(Box::new(TablePolicy { values, each }))
    }

    fn optimiser_bytes_per_parameter(&self) -> f64 {
        0.0
    }

    fn save(&self, agent: usize) -> Result<Vec<Array>> {
        let learner = &self.learners[agent];
        let mut arrays = learner.values.arrays();
        let counters = [&place(&learner.explore)[..], &[learner.updates]].concat();
        let data = bytes(&counters, |x| x.to_le_bytes());
        arrays.push(("counters".into(), Dtype::U64, vec![3], data));
        Ok(arrays)
    }

    fn load(&mut self, agent: usize, state: &StatePart) -> Result<()> {
        let learner = &mut self.learners[agent];
        learner.values.load(state)?;
        let counters = numbers(
            state.find("counters", Dtype::U64, &[3])?,
            u64::from_le_bytes,
        );
        go_to(&mut learner.explore, [counters[0], counters[1]]);
        learner.updates = counters[2];
        Ok(())
    }
}
