//! What the folder of a supervised run needs to know of its configuration.

use std::path::Path;

use optim::Spec;
use serde::Serialize;
use settings::{Settings, Value};

use super::SupervisedConfig;
use crate::{
    config::AsToml,
    files::short_id,
    run::{Configuration, ExpectedTable, FolderLayout, RowTable, Status, SupervisedOutcome},
};

/// `config.toml`.
#[derive(Serialize)]
struct ConfigFile<'a> {
    run: AsToml<'a>,
    optimiser: &'a Spec,
}

impl Configuration for SupervisedConfig {
    type Outcome = SupervisedOutcome;

    const LAYOUT: FolderLayout = FolderLayout {
        weights: "weights.safetensors",
        figures: &["training_metrics.png"],
        tables: &[RowTable::History, RowTable::Epochs],
    };

    fn to_toml(&self) -> String {
        let written = ConfigFile {
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
        self.run.dataset.to_string()
    }

    fn optimiser(&self) -> &Spec {
        &self.optimiser
    }

    fn seed(&self) -> u64 {
        self.run.seed
    }

    fn headers(&self) -> Vec<(RowTable, String)> {
        let tables = Self::LAYOUT.tables.iter();
        tables.map(|table| (*table, table.header())).collect()
    }

    fn expected_table(&self, outcome: &SupervisedOutcome, table: RowTable) -> ExpectedTable {
        expected_table(self, outcome, table)
    }

    fn describes(path: &Path) -> bool {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let table: toml::Table = text.parse().unwrap_or_default();
        let run = table.get("run").and_then(toml::Value::as_table);
        run.is_some_and(|run| run.contains_key("dataset") && run.contains_key("net"))
    }
}

/// What `outcome` of the run `config` says about `table`.
fn expected_table(
    config: &SupervisedConfig,
    outcome: &SupervisedOutcome,
    table: RowTable,
) -> ExpectedTable {
    let whole = outcome.status == Status::Finished;
    let (steps, epochs) = (outcome.steps, outcome.epochs);
    match table {
        RowTable::History => {
            // Folders of images may have fewer than the official ones.
            let known = config.run.dataset.images().is_none();
            let rows = known.then(|| lines(config, steps));
            ExpectedTable {
                rows: rows.map(|rows| rows..=rows),
                last: vec![("step", steps as f64)],
            }
        }
        RowTable::Epochs => {
            let rows = epochs - u64::from(!whole).min(epochs);
            let end = [
                ("step", Some(steps as f64)),
                ("train_loss", outcome.train_loss),
                ("test_loss", outcome.test_loss),
                ("test_accuracy", Some(outcome.test_accuracy)),
            ];
            let end = end
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)));
            ExpectedTable {
                rows: Some(rows..=rows),
                last: end.filter(|_| whole).collect(),
            }
        }
        _ => ExpectedTable::default(),
    }
}

/// The lines of `history.csv` after `steps` batches: one ends with its batches, with its epoch, and with the run.
fn lines(config: &SupervisedConfig, steps: u64) -> u64 {
    let ([each, _], every) = (config.batches(config.samples()), config.run.log_every);
    let ends = |step: &u64| step.is_multiple_of(every) || step.is_multiple_of(each);
    (1..steps).filter(ends).count() as u64 + 1
}
