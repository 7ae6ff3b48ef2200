//! What an agent's outcome says about its run's tables.

use super::Config;
use crate::run::{ExpectedTable, Outcome, RowTable, Status};

/// What `outcome` of the run `config` says about `table`.
pub(super) fn expected_table(config: &Config, outcome: &Outcome, table: RowTable) -> ExpectedTable {
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
