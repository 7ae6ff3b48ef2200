//! Gathers finished runs from a folder and sums them up by optimiser.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::{
    Error, Result,
    stats::{self, Estimate},
    train::{EvaluationRow, Finished, Machine, Outcome, Status, write_whole},
};

/// The runs found, group by group.
pub struct Collected {
    /// One for each environment and optimiser setting, in that order.
    pub groups: Vec<Group>,
}

/// The runs of one environment and one optimiser setting: they differ in their seed.
pub struct Group {
    /// The environment.
    pub env: String,
    /// The optimiser with its hyper-parameters.
    pub optimiser: String,
    /// Each run's outcome and evaluations, in the order of their seeds.
    pub runs: Vec<(Outcome, Vec<EvaluationRow>)>,
}

/// A line of `summary.csv`.
#[derive(Serialize)]
struct SummaryRow<'a> {
    env: &'a str,
    optimiser: &'a str,
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

/// Where the runs were made: `manifest.toml`.
#[derive(Serialize)]
struct Manifest {
    version: String,
    runs: usize,
    processors: Vec<String>,
    run_seconds: f64,
}

/// Every finished run below `folder`.
pub fn collect(folder: &Path) -> Result<Collected> {
    let mut paths = Vec::new();
    find(folder, &mut paths)?;
    let mut groups = BTreeMap::<(String, String), BTreeMap<(u64, String), _>>::new();
    for path in paths {
        let run = Finished::read(&path)?;
        let evaluations = run.evaluations()?;
        let Outcome {
            env,
            optimiser,
            seed,
            id,
            ..
        } = run.outcome.clone();
        let group = groups.entry((env, optimiser)).or_default();
        group.insert((seed, id), (run.outcome, evaluations));
    }
    if groups.is_empty() {
        return Err(Error::usage(format!(
            "no finished run below {}: a run's folder holds an outcome.csv",
            folder.display()
        )));
    }
    let group = |((env, optimiser), runs): (_, BTreeMap<_, _>)| Group {
        env,
        optimiser,
        runs: runs.into_values().collect(),
    };
    Ok(Collected {
        groups: groups.into_iter().map(group).collect(),
    })
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = |error| Error::usage(format!("cannot read {}: {error}", folder.display()));
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            find(&path, found)?;
        } else if path.ends_with("outcome.csv") {
            found.push(folder.to_path_buf());
        }
    }
    Ok(())
}

impl Group {
    /// The mean of `value` over the runs, with its interval; runs without a value count as absent.
    ///
    /// The generator starts anew for each call, so that a figure does not depend on what else is computed.
    pub fn mean(&self, value: impl Fn(&Outcome, &[EvaluationRow]) -> Option<f64>) -> Estimate {
        let values = self
            .runs
            .iter()
            .filter_map(|(outcome, rows)| value(outcome, rows));
        let values: Vec<f64> = values.collect();
        let none = Estimate {
            point: f64::NAN,
            lo: f64::NAN,
            hi: f64::NAN,
            n: 0,
        };
        stats::mean(&values, &mut ChaCha8Rng::seed_from_u64(0)).unwrap_or(none)
    }

    /// The mean return of each run's last 100 training episodes.
    pub fn last_100_return(&self) -> Estimate {
        self.mean(|outcome, _| outcome.last_100_return)
    }

    /// Each run's last evaluation.
    pub fn final_return(&self) -> Estimate {
        self.mean(|outcome, _| Some(outcome.final_return))
    }

    /// The mean of all of a run's evaluations: the area under its evaluation curve.
    pub fn mean_evaluation(&self) -> Estimate {
        self.mean(|_, rows| {
            let sum: f64 = rows.iter().map(|row| row.mean_return).sum();
            Some(sum / rows.len() as f64)
        })
    }

    /// Runs that diverged.
    pub fn diverged(&self) -> usize {
        let diverged = |(o, _): &&(Outcome, _)| o.status == Status::Diverged;
        self.runs.iter().filter(diverged).count()
    }

    /// Runs of which an evaluation reached the environment's threshold.
    pub fn solved(&self) -> usize {
        let solved = |(o, _): &&(Outcome, _)| o.solved_step.is_some();
        self.runs.iter().filter(solved).count()
    }

    fn summary(&self) -> SummaryRow<'_> {
        let (last_100, last, mean) = (
            self.last_100_return(),
            self.final_return(),
            self.mean_evaluation(),
        );
        SummaryRow {
            env: &self.env,
            optimiser: &self.optimiser,
            runs: self.runs.len(),
            diverged: self.diverged(),
            last_100_return: last_100.point,
            last_100_return_lo: last_100.lo,
            last_100_return_hi: last_100.hi,
            final_return: last.point,
            final_return_lo: last.lo,
            final_return_hi: last.hi,
            mean_evaluation: mean.point,
            mean_evaluation_lo: mean.lo,
            mean_evaluation_hi: mean.hi,
            solved: self.solved(),
            optimiser_bytes_per_parameter: self.runs[0].0.optimiser_bytes_per_parameter,
        }
    }
}

impl Collected {
    /// A Markdown table of the groups.
    pub fn table(&self) -> String {
        let show = |e: Estimate| format!("{:.1} ({:.1} to {:.1})", e.point, e.lo, e.hi);
        let mut out = String::from(
            "| environment | optimiser | runs | diverged | last 100 episodes | final evaluation | mean evaluation | solved |\n|---|---|---|---|---|---|---|---|\n",
        );
        for group in &self.groups {
            out += &format!(
                "| {} | `{}` | {} | {} | {} | {} | {} | {} |\n",
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

    /// Writes `runs.csv`, `evaluations.csv`, `summary.csv` and `manifest.toml` into `out`;
    /// `folder` is where the runs were found.
    pub fn write(&self, out: &Path, folder: &Path) -> Result<()> {
        fs::create_dir_all(out)
            .map_err(|error| Error::usage(format!("cannot write to {}: {error}", out.display())))?;
        let runs = || self.groups.iter().flat_map(|group| &group.runs);
        write_csv(&out.join("runs.csv"), runs().map(|(outcome, _)| outcome))?;
        let curves = runs().flat_map(|(outcome, rows)| {
            rows.iter().map(|row| CurveRow {
                id: &outcome.id,
                step: row.step,
                mean_return: row.mean_return,
            })
        });
        write_csv(&out.join("evaluations.csv"), curves)?;
        write_csv(
            &out.join("summary.csv"),
            self.groups.iter().map(Group::summary),
        )?;
        let mut paths = Vec::new();
        find(folder, &mut paths)?;
        let machines: Vec<Machine> = paths.iter().filter_map(|p| Machine::read(p)).collect();
        let mut processors: Vec<String> = machines.iter().map(|m| m.processor.clone()).collect();
        processors.sort();
        processors.dedup();
        let manifest = Manifest {
            version: env!("CARGO_PKG_VERSION").into(),
            runs: runs().count(),
            processors,
            run_seconds: machines.iter().map(|m| m.seconds).sum::<f64>().round(),
        };
        let text = toml::to_string(&manifest).map_err(|e| Error::usage(e.to_string()))?;
        write_whole(&out.join("manifest.toml"), &text)
    }
}

/// A point of an evaluation curve.
#[derive(Serialize)]
struct CurveRow<'a> {
    id: &'a str,
    step: u64,
    mean_return: f64,
}

/// Writes `rows` as CSV so that the file is there whole or not at all.
pub(crate) fn write_csv<T: Serialize>(path: &Path, rows: impl Iterator<Item = T>) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        let written = writer.serialize(row).map_err(std::io::Error::from);
        written.map_err(|error| Error::io("cannot write", path, error))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|e| Error::io("cannot write", path, e.into_error()))?;
    write_whole(path, &String::from_utf8_lossy(&bytes))
}
