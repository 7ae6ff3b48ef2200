//! What the folder of a run of order alone needs to know of its configuration.

use std::path::Path;

use optim::Spec;
use serde::Serialize;
use settings::{Settings, Value};

use super::{OrderConfig, OrderOutcome};
use crate::{
    config::AsToml,
    files::short_id,
    run::{Configuration, ExpectedTable, FolderLayout, RowTable},
};

/// `config.toml`.
#[derive(Serialize)]
struct ConfigFile<'a> {
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
