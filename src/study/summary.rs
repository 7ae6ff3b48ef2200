//! What collected runs come to: a table to read, and CSV files for others to read.

use std::{collections::BTreeSet, path::Path};

use serde::Serialize;
use stats::Estimate;

use super::{Collected, Group};
use crate::{
    Error, Result,
    files::{write_csv, write_whole},
    run::Machine,
};

/// A line of `summary.csv`.
#[derive(Serialize)]
struct SummaryRow<'a> {
    env: &'a str,
    optimiser: &'a str,
    apart: &'a str,
    runs: usize,
    diverged: usize,
    last_100_return: f64,
    last_100_return_lo: f64,
    last_100_return_hi: f64,
    final_return: f64,
    final_return_lo: f64,
    final_return_hi: f64,
    mean_evaluation: f64,
    mean_evaluation_lo: f64,
    mean_evaluation_hi: f64,
    solved: usize,
    optimiser_bytes_per_parameter: f64,
}

impl<'a> SummaryRow<'a> {
    fn new(group: &'a Group) -> Self {
        let (last_100, last, mean) = (
            group.last_100_return(),
            group.final_return(),
            group.mean_evaluation(),
        );
        Self {
            env: &group.env,
            optimiser: &group.optimiser,
            apart: &group.apart,
            runs: group.runs.len(),
            diverged: group.diverged(),
            last_100_return: last_100.point,
            last_100_return_lo: last_100.lo,
            last_100_return_hi: last_100.hi,
            final_return: last.point,
            final_return_lo: last.lo,
            final_return_hi: last.hi,
            mean_evaluation: mean.point,
            mean_evaluation_lo: mean.lo,
            mean_evaluation_hi: mean.hi,
            solved: group.solved(),
            optimiser_bytes_per_parameter: group.runs[0].outcome.optimiser_bytes_per_parameter,
        }
    }
}

/// A point of an evaluation curve: a line of `curves.csv`.
#[derive(Serialize)]
struct CurveRow<'a> {
    id: &'a str,
    step: u64,
    mean_return: f64,
}

/// What the runs were made with: `manifest.toml`.
#[derive(Serialize)]
struct Manifest {
    runs: usize,
    versions: BTreeSet<String>,
    processors: BTreeSet<String>,
}

impl Collected {
    /// A Markdown table of the groups.
    pub fn table(&self) -> String {
        let show = |e: Estimate| match e.n {
            // One run says nothing about how much runs differ.
            0 | 1 => format!("{:.1}", e.point),
            _ => format!("{:.1} ({:.1} to {:.1})", e.point, e.lo, e.hi),
        };
        let mut out = String::from(
            "| environment | optimiser | runs | diverged | last 100 episodes | final evaluation | mean evaluation | solved |\n|---|---|---|---|---|---|---|---|\n",
        );
        for group in &self.groups {
            let apart = match group.apart.as_str() {
                "" => String::new(),
                apart => format!(" `{apart}`"),
            };
            out += &format!(
                "| {} | `{}`{apart} | {} | {} | {} | {} | {} | {} |\n",
                group.env,
                group.optimiser,
                group.runs.len(),
                group.diverged(),
                show(group.last_100_return()),
                show(group.final_return()),
                show(group.mean_evaluation()),
                group.solved(),
            );
        }
        out
    }

    /// Writes `runs.csv`, `curves.csv`, `summary.csv` and `manifest.toml` into `out`, which may not be a run's folder.
    pub fn write(&self, out: &Path) -> Result<()> {
        super::folder(out)?;
        let outcomes = self.runs().map(|run| &run.outcome);
        write_csv(&out.join("runs.csv"), outcomes)?;
        let curves = self.runs().flat_map(|run| {
            run.evaluations.iter().map(|row| CurveRow {
                id: &run.outcome.id,
                step: row.step,
                mean_return: row.mean_return,
            })
        });
        write_csv(&out.join("curves.csv"), curves)?;
        let summary = self.groups.iter().map(SummaryRow::new);
        write_csv(&out.join("summary.csv"), summary)?;
        let machines = || self.runs().filter_map(|run| run.machine.as_ref());
        let distinct = |of: fn(&Machine) -> &String| machines().map(of).cloned().collect();
        let manifest = Manifest {
            runs: self.runs().count(),
            versions: distinct(|machine| &machine.version),
            processors: distinct(|machine| &machine.processor),
        };
        let text = toml::to_string(&manifest).map_err(|e| Error::usage(e.to_string()))?;
        write_whole(&out.join("manifest.toml"), text)
    }
}
