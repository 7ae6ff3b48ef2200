//! `diagnostics.csv` against a second computation of all its values, in f64 from their definitions.

mod definitions;
mod identities;
mod lived;
mod plain;
mod recomputed;

use lived::{Update, live};
use optimiser_paradigms::{
    Result,
    algorithm::dqn::{DqnConfig, Hidden, Loss},
    run::{
        DiagnosticsRow, Observer, Row, UpdateRow,
        rl::{self, Config, ConfigSource, RunConfig},
    },
};
use plain::Plain;
use settings::Settings;

#[derive(Default)]
struct Rows {
    diagnostics: Vec<DiagnosticsRow>,
    updates: Vec<UpdateRow>,
}

impl Observer for Rows {
    fn row(&mut self, row: Row) -> Result<()> {
        match row {
            Row::Update(row) => self.updates.push(row.clone()),
            Row::Diagnostics(row) => self.diagnostics.push(*row),
            _ => {}
        }
        Ok(())
    }
}

/// A run of DQN.
struct Case {
    run: RunConfig,
    optimiser: optim::Spec,
    agent: DqnConfig,
}

impl Case {
    fn config(&self) -> Config {
        let source = ConfigSource {
            run: self.run.to_table(),
            optimiser: Some(self.optimiser.clone()),
            agent: self.agent.to_table(),
            ..ConfigSource::default()
        };
        source.resolve(None).unwrap()
    }
}

/// A run of a few hundred small updates; in one of every `every`, `lags` past minibatches are examined.
fn small(optimiser: &str, hidden: &[usize], every: u64, lags: u32) -> Case {
    let source = ConfigSource {
        optimiser: Some(optimiser.parse().unwrap()),
        ..ConfigSource::default()
    };
    let optimiser = source.resolve(None).unwrap().optimiser;
    let run = RunConfig {
        steps: 1_000,
        eval_every: 10_000,
        eval_episodes: 1,
        log_every: 1,
        diagnostics: every,
        diagnostics_lags: lags,
        ..RunConfig::default()
    };
    let agent = DqnConfig {
        hidden: Hidden(hidden.to_vec()),
        gamma: 0.9,
        buffer_size: 200,
        batch_size: 16,
        learning_starts: 150,
        train_frequency: 2,
        target_network_frequency: 50,
        ..DqnConfig::cleanrl()
    };
    Case {
        run,
        optimiser,
        agent,
    }
}

fn rows(config: &Case) -> Rows {
    let mut rows = Rows::default();
    rl::train(&config.config(), &mut rows).unwrap();
    assert_eq!(
        rows.updates.len() as u64,
        config.agent.updates(config.run.steps)
    );
    rows
}
