//! Finished runs from written tables of results. They have all that the results need; for tuning runs, this includes
//! neither curve nor mechanism.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use serde::de::DeserializeOwned;

use super::line::{Cost, FinishedRun};
use crate::{
    Error, Result,
    checksums::{Checksums, read_file},
    study::{
        Mechanism,
        family::Outcome,
        family::mean_score,
        rows::{CostRow, CurveRow, RunRow},
    },
};

/// The table without which there are no results.
pub const RUNS: &str = "runs.csv";

/// The runs in the tables in `folder`; an error if a table is damaged.
pub fn read(folder: &Path) -> Result<Vec<FinishedRun>> {
    if !folder.join(RUNS).exists() {
        return Ok(Vec::new());
    }
    let way_out = format!(
        "restore it, or remove {} and `study run` does its runs again",
        folder.join(RUNS).display()
    );
    tables(folder).map_err(|error| error.mended_by(way_out))
}

fn tables(folder: &Path) -> Result<Vec<FinishedRun>> {
    let sums = Checksums::read(folder)?;
    let mut runs: Vec<RunRow> = table(folder, sums.as_ref(), RUNS)?;
    let mut seen = HashSet::new();
    // Arms may share runs.
    runs.retain(|row| seen.insert(row.id.clone()));
    let mut curves: HashMap<String, Vec<(u64, f64)>> = HashMap::new();
    for row in table::<CurveRow>(folder, sums.as_ref(), "curves.csv")? {
        curves
            .entry(row.id)
            .or_default()
            .push((row.step, row.score));
    }
    let mechanism = table::<Mechanism>(folder, sums.as_ref(), "mechanism.csv")?;
    let mut mechanism: HashMap<String, Mechanism> = mechanism
        .into_iter()
        .map(|row| (row.id.clone(), unnamed(row)))
        .collect();
    let costs = table::<CostRow>(folder, sums.as_ref(), "cost.csv")?;
    let mut costs: HashMap<String, Cost> = costs
        .into_iter()
        .map(|row| (row.id.clone(), row.into()))
        .collect();
    let run = |row: RunRow| {
        let curve = curves.get(&row.id);
        let curve = curve.map_or(Vec::new(), |curve| first_of_equal(curve));
        // A curve of other results, or an incomplete one, does not count.
        let end = |&(step, score): &(u64, f64)| {
            step >= row.steps && score.to_bits() == row.last.to_bits()
        };
        let own =
            curve.last().is_some_and(end) && mean_score(&curve).to_bits() == row.area.to_bits();
        let curve = if own { curve } else { Vec::new() };
        FinishedRun {
            outcome: Outcome {
                status: row.status,
                steps: row.steps,
                updates: row.updates,
                curve,
                area: row.area,
                last: row.last,
                solved_step: row.solved_step,
                optimiser_bytes_per_parameter: row.optimiser_bytes_per_parameter,
                mechanism: mechanism.remove(&row.id),
            },
            cost: costs.remove(&row.id),
            id: row.id,
        }
    };
    Ok(runs.into_iter().map(run).collect())
}

/// The steps and scores of a run whose curve is in a table once, or several times because arms share it.
fn first_of_equal(curve: &[(u64, f64)]) -> Vec<(u64, f64)> {
    let first = curve.first().map(|(step, _)| *step);
    let mut again = (1..curve.len()).filter(|&at| Some(curve[at].0) == first);
    curve[..again.next().unwrap_or(curve.len())].to_vec()
}

/// The same without what identifies the run.
fn unnamed(mechanism: Mechanism) -> Mechanism {
    Mechanism {
        id: String::new(),
        environment: String::new(),
        factors: String::new(),
        optimiser: String::new(),
        seed: 0,
        score: 0.0,
        ..mechanism
    }
}

/// The rows of a table; none if it was not written.
fn table<T: DeserializeOwned>(
    folder: &Path,
    sums: Option<&Checksums>,
    name: &str,
) -> Result<Vec<T>> {
    let path = folder.join(name);
    let content = match sums {
        Some(sums) if sums.names().any(|known| known == name) => sums.read_file(folder, name)?,
        _ if !path.exists() => return Ok(Vec::new()),
        _ => read_file(&path)?,
    };
    let rows = csv::Reader::from_reader(&content[..])
        .into_deserialize()
        .collect::<csv::Result<_>>();
    rows.map_err(|error| Error::damaged(&path, error))
}
