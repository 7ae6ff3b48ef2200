//! What a supervised run's outcome says about its tables.

use super::SupervisedConfig;
use crate::run::{ExpectedTable, RowTable, Status, SupervisedOutcome};

/// What `outcome` of the run `config` says about `table`.
pub(super) fn expected_table(
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
