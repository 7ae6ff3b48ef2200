//! Descriptions as a table for people, and as CSV files for programs.

use std::{fmt::Write, path::Path};

use serde::Serialize;
use stats::{
    Estimate, three_digits,
    two_sample::{Change, least_p},
};

use super::{Description, Extent, Memory};
use crate::{
    Error, Result,
    files::{rounded, write_csv, write_whole},
};

/// Notes and entries of the tables.
const CONSTANT: &str = "constant";
const LOWER: &str = "a lower bound: a stream has fewer than 50 autocorrelation times";
const UPPER: &str = "an upper bound: a stream has fewer than 50 autocorrelation times";
const REPEL: &str = "consecutive values are negatively correlated; counted as independent";
const NO_EPISODE: &str = "no episode ended";

/// A line of `describe.csv`.
#[derive(Serialize)]
struct QuantityRow<'a> {
    env: &'a str,
    policy: &'a str,
    quantity: &'static str,
    point: Option<f64>,
    lo: Option<f64>,
    hi: Option<f64>,
    n: usize,
    note: String,
}

/// A line of `coverage.csv`.
#[derive(Serialize)]
struct CoverageRow<'a> {
    env: &'a str,
    policy: &'a str,
    step: usize,
    states: f64,
    lo: f64,
    hi: f64,
    n: usize,
}

/// A line of `autocorrelation.csv`.
#[derive(Serialize)]
struct LagRow<'a> {
    env: &'a str,
    policy: &'a str,
    of: &'static str,
    lag: usize,
    rho: f64,
    lo: f64,
    hi: f64,
    n: usize,
}

/// What was measured: `manifest.toml`.
#[derive(Serialize)]
struct DescriptionManifest<'a> {
    version: &'static str,
    streams: usize,
    steps: usize,
    seed: u64,
    environments: Vec<&'a str>,
    policies: Vec<&'a str>,
}

impl Description {
    /// A row for each quantity that is a single number.
    fn rows(&self) -> Vec<QuantityRow<'_>> {
        let streams = self.extent.streams;
        let row = |quantity, estimate: Option<Estimate>, note: &str| QuantityRow {
            env: &self.env,
            policy: &self.policy,
            quantity,
            point: estimate.map(|e| rounded(e.point)),
            lo: estimate.map(|e| rounded(e.lo)),
            hi: estimate.map(|e| rounded(e.hi)),
            n: estimate.map_or(0, |e| e.n),
            note: note.into(),
        };
        let mut rows = Vec::new();
        for (time, swing, effective, memory) in [
            (
                "time_observations",
                "swing_time_observations",
                "effective_observations",
                &self.observations,
            ),
            (
                "time_rewards",
                "swing_time_rewards",
                "effective_rewards",
                &self.rewards,
            ),
        ] {
            let Some(memory) = memory else {
                let rows_of = [time, swing, effective].map(|what| row(what, None, CONSTANT));
                rows.extend(rows_of);
                continue;
            };
            let note = |of: Estimate, bound, repel| notes(memory, streams, of, bound, repel);
            let (plain, swinging) = (memory.time, memory.swing_time);
            rows.push(row(time, Some(plain), &note(plain, LOWER, memory.repel)));
            rows.push(row(swing, Some(swinging), &note(swinging, LOWER, false)));
            let samples = Some(memory.effective());
            rows.push(row(effective, samples, &note(plain, UPPER, memory.repel)));
        }
        for (distance, p, change) in [
            (
                "change_observations",
                "p_observations",
                &self.observations_change,
            ),
            ("change_rewards", "p_rewards", &self.rewards_change),
        ] {
            let note = if change.is_none() { CONSTANT } else { "" };
            rows.push(row(distance, change.map(|c| c.coefficient), note));
            let least = least_p(streams);
            let few = match least > 0.01 && change.is_some() {
                true => format!("cannot be below {}: too few streams", three_digits(least)),
                false => note.into(),
            };
            let n = change.map_or(0, |c| c.coefficient.n);
            let point = change.map(|c| rounded(c.p));
            rows.push(QuantityRow {
                point,
                n,
                ..row(p, None, &few)
            });
        }
        let cells = match self.cells {
            true => "cells: the range of each feature in ten",
            false => "exact: observations are binary",
        };
        rows.push(row("states", self.states(), cells));
        let played = |quantity, estimate: Option<Estimate>| {
            let note = if estimate.is_none() { NO_EPISODE } else { "" };
            row(quantity, estimate, note)
        };
        rows.push(played("episode_return", self.episode_return));
        rows.push(played("episode_length", self.episode_length));
        rows
    }

    /// The number of distinct states seen by the end.
    fn states(&self) -> Option<Estimate> {
        self.coverage.last().map(|(_, states)| *states)
    }

    fn line(&self) -> String {
        let bounded = |memory: &Memory, time: Estimate, value: Estimate, bound: &str| match memory
            .too_short(time)
        {
            true => format!("{bound} {value}"),
            false => value.to_string(),
        };
        let entry = |memory: &Option<Memory>, value: &dyn Fn(&Memory) -> String| {
            memory.as_ref().map_or(CONSTANT.into(), value)
        };
        let time = |m: &Memory| bounded(m, m.time, m.time, "≥");
        let swing = |m: &Memory| bounded(m, m.swing_time, m.swing_time, "≥");
        let effective = |m: &Memory| bounded(m, m.time, m.effective(), "≤");
        let change = |change: &Option<Change>| match change {
            None => CONSTANT.into(),
            Some(Change { coefficient, p }) => {
                let Estimate { point, lo, hi, .. } = *coefficient;
                let p = if *p < 0.001 {
                    "< 0.001".into()
                } else {
                    format!("= {p:.3}")
                };
                format!("{point:.3} ({lo:.3} to {hi:.3}), p {p}")
            }
        };
        let optional = |e: Option<Estimate>| e.map_or("-".into(), |e| e.to_string());
        // An unescaped bar would end the table's cell.
        let env = self.env.replace('|', "\\|");
        format!(
            "| `{env}` | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            self.policy,
            entry(&self.observations, &time),
            entry(&self.observations, &swing),
            entry(&self.rewards, &time),
            entry(&self.observations, &effective),
            change(&self.observations_change),
            change(&self.rewards_change),
            optional(self.states()),
            optional(self.episode_return),
        )
    }
}

/// Notes on an autocorrelation time: whether it is only a bound, and what it leaves out.
fn notes(memory: &Memory, streams: usize, time: Estimate, bound: &str, repel: bool) -> String {
    let mut notes: Vec<String> = Vec::new();
    if memory.too_short(time) {
        notes.push(bound.into());
    }
    if repel {
        notes.push(REPEL.into());
    }
    if memory.time.n < streams {
        notes.push(format!(
            "constant in {} of {streams} streams",
            streams - memory.time.n
        ));
    }
    notes.join("; ")
}

/// The descriptions as a Markdown table, with an explanation of its columns. All have the same extent.
pub fn table(descriptions: &[Description]) -> String {
    let mut out = String::from(
        "| environment | policy | autocorrelation time: observations | observations, with swings | rewards | effective samples | early to late: observations | early to late: rewards | states | return |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    out.extend(descriptions.iter().map(Description::line));
    if let Some(Extent {
        streams,
        steps,
        seed,
    }) = descriptions.first().map(|d| &d.extent)
    {
        let last = seed + *streams as u64 - 1;
        let _ = writeln!(
            out,
            "\nMean over {streams} independent streams of {steps} steps (seeds {seed} to {last}), with its 95 % interval \
             over streams. *Autocorrelation time*: how many steps are worth one independent sample (1 if samples are \
             independent); after ≥ it is a lower bound, because the streams are too short. If observations swing, positive \
             and negative correlations cancel in it; *with swings* is the same for squared correlations, which do not \
             cancel. *Effective samples*: how many independent samples the {steps} observations of a stream are worth. \
             *Early to late*: the energy coefficient between the first and the last fifth of the streams, from 0 (one \
             distribution) to 1, and p, the share of random swaps of the two within streams that give a coefficient as \
             large. *States*: the distinct observations in a stream; if observations are not binary, the distinct cells, \
             with the range of each feature cut into ten.",
        );
    }
    out
}

/// Writes `describe.csv`, `coverage.csv`, `autocorrelation.csv`, `table.md` and `manifest.toml` into `out`, an existing folder.
pub fn write(out: &Path, descriptions: &[Description]) -> Result<()> {
    let rows = descriptions.iter().flat_map(Description::rows);
    write_csv(&out.join("describe.csv"), rows)?;
    let coverage = descriptions.iter().flat_map(|d| {
        d.coverage.iter().map(|(step, e)| CoverageRow {
            env: &d.env,
            policy: &d.policy,
            step: *step,
            states: rounded(e.point),
            lo: rounded(e.lo),
            hi: rounded(e.hi),
            n: e.n,
        })
    });
    write_csv(&out.join("coverage.csv"), coverage)?;
    let lags = descriptions.iter().flat_map(|d| {
        let kinds = [("observations", &d.observations), ("rewards", &d.rewards)];
        kinds.into_iter().flat_map(move |(of, memory)| {
            let lags = memory.iter().flat_map(|memory| &memory.correlation);
            lags.map(move |(lag, e)| LagRow {
                env: &d.env,
                policy: &d.policy,
                of,
                lag: *lag,
                rho: rounded(e.point),
                lo: rounded(e.lo),
                hi: rounded(e.hi),
                n: e.n,
            })
        })
    });
    write_csv(&out.join("autocorrelation.csv"), lags)?;
    write_whole(&out.join("table.md"), table(descriptions))?;
    let Some(first) = descriptions.first() else {
        return Ok(());
    };
    let distinct = |of: fn(&Description) -> &String| {
        let mut names: Vec<&str> = Vec::new();
        for name in descriptions.iter().map(of) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    };
    let Extent {
        streams,
        steps,
        seed,
    } = first.extent;
    let manifest = DescriptionManifest {
        version: env!("CARGO_PKG_VERSION"),
        streams,
        steps,
        seed,
        environments: distinct(|d| &d.env),
        policies: distinct(|d| &d.policy),
    };
    let text = toml::to_string(&manifest).map_err(|e| Error::usage(e.to_string()))?;
    write_whole(&out.join("manifest.toml"), text)
}
