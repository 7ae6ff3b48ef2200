//! What the folder of an agent's run needs to know of its configuration.

use std::path::Path;

use optim::Spec;
use serde::Serialize;
use settings::{Settings, Value};

use super::{Config, ConfigSource};
use crate::{
    algorithm,
    config::AsToml,
    files::short_id,
    run::{
        Configuration, EpisodeRow, ExpectedTable, FolderLayout, RlOutcome, RowTable, Status,
        UpdateRow,
    },
};

/// `config.toml`. The default algorithm is left out, as in files and ids from before there were
/// others.
#[derive(Serialize)]
struct ConfigFile<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    algo: Option<&'static str>,
    preset: &'static str,
    run: AsToml<'a>,
    optimiser: &'a Spec,
    agent: AsToml<'a>,
}

impl Configuration for Config {
    type Outcome = RlOutcome;

    const LAYOUT: FolderLayout = FolderLayout {
        weights: "policy.safetensors",
        figures: &["learning_curve.png", "diagnostics.png"],
        tables: &[
            RowTable::Episodes,
            RowTable::Evaluations,
            RowTable::Updates,
            RowTable::Diagnostics,
        ],
    };

    fn to_toml(&self) -> String {
        let name = self.algorithm.name();
        let written = ConfigFile {
            algo: (name != algorithm::registry()[0].name()).then_some(name),
            preset: self.preset.name,
            run: AsToml(&Value::Table(self.run.to_table())),
            optimiser: &self.optimiser,
            agent: AsToml(&Value::Table(self.agent.clone())),
        };
        // Every value has been checked, and values have no type that TOML lacks.
        toml::to_string(&written).expect("a configuration fits TOML")
    }

    fn id(&self) -> String {
        short_id(&self.to_toml())
    }

    fn place(&self) -> String {
        self.run.env.clone()
    }

    fn optimiser(&self) -> &Spec {
        &self.optimiser
    }

    fn seed(&self) -> u64 {
        self.run.seed
    }

    fn headers(&self) -> Vec<(RowTable, String)> {
        let mut headers = vec![
            (
                RowTable::Episodes,
                EpisodeRow::header(self.algorithm.behaviour_columns()),
            ),
            (RowTable::Evaluations, RowTable::Evaluations.header()),
            (
                RowTable::Updates,
                UpdateRow::header(self.algorithm.update_columns()),
            ),
        ];
        if self.run.diagnostics > 0 {
            headers.push((RowTable::Diagnostics, RowTable::Diagnostics.header()));
        }
        headers
    }

    fn expected_table(&self, outcome: &RlOutcome, table: RowTable) -> ExpectedTable {
        expected_table(self, outcome, table)
    }

    fn describes(path: &Path) -> bool {
        ConfigSource::read(path).is_ok_and(|source| !source.run.is_empty())
    }
}

/// What `outcome` of the run `config` says about `table`.
fn expected_table(config: &Config, outcome: &RlOutcome, table: RowTable) -> ExpectedTable {
    let whole = outcome.status == Status::Finished;
    match table {
        RowTable::Episodes => {
            let episodes = outcome.episodes;
            let last = (episodes > 0).then_some(("episode", episodes as f64));
            ExpectedTable {
                rows: Some(episodes..=episodes),
                last: last.into_iter().collect(),
            }
        }
        RowTable::Evaluations => {
            let (every, steps) = (config.run.eval_every, outcome.steps);
            // One at the start. An agent that diverges is not evaluated after that step.
            let evaluations = match whole {
                true => 1 + steps.div_ceil(every),
                false => 1 + steps.saturating_sub(1) / every,
            };
            let end = [
                ("step", steps as f64),
                ("mean_return", outcome.final_return),
            ];
            ExpectedTable {
                // With many environments, several due evaluations may be done as one.
                rows: (config.environments() == 1).then_some(evaluations..=evaluations),
                last: whole.then_some(end).into_iter().flatten().collect(),
            }
        }
        RowTable::Updates => {
            let recorded = outcome.updates.div_ceil(config.run.log_every);
            // The update that diverges is always recorded.
            let more = u64::from(!whole);
            ExpectedTable {
                rows: Some(recorded.saturating_sub(more)..=recorded + more),
                last: Vec::new(),
            }
        }
        // Which updates are looked at is random.
        _ => ExpectedTable::default(),
    }
}
