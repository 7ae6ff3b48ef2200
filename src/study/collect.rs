//! Gathers finished runs from a folder, grouped by everything in their configuration but the seed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use stats::Estimate;

use crate::{
    Error, Result,
    run::{EvaluationRow, Finished, Machine, OUTCOME, Outcome, Status, rl::Config},
};

/// The runs found, group by group.
pub struct Collected {
    /// By environment and optimiser; among settings of an optimiser that differ in lr, by its size.
    pub groups: Vec<Group>,
}

/// Runs that differ in their seed alone.
pub struct Group {
    /// The environment.
    pub env: String,
    /// The optimiser with its hyper-parameters.
    pub optimiser: String,
    /// What sets it apart from other groups of that environment and optimiser, if there are any:
    /// `agent.gamma=0.9`. Empty otherwise.
    pub apart: String,
    /// The runs, in the order of their seeds.
    pub runs: Vec<Run>,
}

/// A finished run.
pub struct Run {
    /// How it ended.
    pub outcome: Outcome,
    /// Its evaluations. Those that a diverged run did not come to have the worst return.
    pub evaluations: Vec<EvaluationRow>,
    /// Where it ran, if that is known.
    pub machine: Option<Machine>,
}

/// An optimiser's groups that differ in lr alone.
pub struct Grid {
    /// The environment and the optimiser, without its lr.
    pub name: String,
    /// Each lr with the mean evaluation of its runs, the smallest first.
    pub points: Vec<(f64, Estimate)>,
}

/// A configuration without its seed, flat: `agent.gamma` to `0.99`.
type Settings = BTreeMap<String, String>;

/// Every finished run below `folder`.
pub fn collect(folder: &Path) -> Result<Collected> {
    let mut paths = Vec::new();
    find(folder, &mut paths)?;
    let mut groups = BTreeMap::<Settings, BTreeMap<u64, Run>>::new();
    for path in paths {
        let finished = Finished::read(&path)?;
        let config = finished.config()?;
        let run = Run::new(finished, &config)?;
        let runs = groups.entry(settings(config)).or_default();
        // The same run found twice is one run.
        runs.insert(run.outcome.seed, run);
    }
    if groups.is_empty() {
        return Err(Error::usage(format!(
            "no finished run below {}: a run's folder holds an outcome.csv",
            folder.display()
        )));
    }
    let all: Vec<(Settings, Vec<Run>)> = groups
        .into_iter()
        .map(|(settings, runs)| (settings, runs.into_values().collect()))
        .collect();
    let apart: Vec<String> = all.iter().map(|one| apart(one, &all)).collect();
    let mut groups: Vec<Group> = all
        .into_iter()
        .zip(apart)
        .map(|((_, runs), apart)| Group {
            env: runs[0].outcome.env.clone(),
            optimiser: runs[0].outcome.optimiser.clone(),
            apart,
            runs,
        })
        .collect();
    groups.sort_by(|a, b| {
        let name = |g: &Group| {
            g.optimiser
                .split(':')
                .next()
                .unwrap_or_default()
                .to_string()
        };
        (&a.env, name(a))
            .cmp(&(&b.env, name(b)))
            .then(a.lr().total_cmp(&b.lr()))
    });
    Ok(Collected { groups })
}

/// Folders with an outcome, at any depth. Links are not followed: they could lead round in circles.
fn find(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = |error| Error::usage(format!("cannot read {}: {error}", folder.display()));
    let mut entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_type().map_err(unreadable)?.is_dir() {
            find(&entry.path(), found)?;
        } else if entry.file_name() == OUTCOME {
            found.push(folder.to_path_buf());
        }
    }
    Ok(())
}

fn settings(config: toml::Table) -> Settings {
    let mut flat = Settings::new();
    for (section, values) in config {
        match values {
            toml::Value::Table(values) => {
                for (key, value) in values {
                    flat.insert(format!("{section}.{key}"), value.to_string());
                }
            }
            value => {
                flat.insert(section, value.to_string());
            }
        }
    }
    flat.remove("run.seed");
    flat
}

/// The settings in which `one` differs from any other group of its environment and optimiser.
fn apart(one: &(Settings, Vec<Run>), all: &[(Settings, Vec<Run>)]) -> String {
    let label = |runs: &[Run]| {
        (
            runs[0].outcome.env.clone(),
            runs[0].outcome.optimiser.clone(),
        )
    };
    let siblings = all.iter().filter(|(_, runs)| label(runs) == label(&one.1));
    let differing: BTreeSet<&String> = siblings
        .flat_map(|(settings, _)| settings.iter().filter(|(k, v)| one.0.get(*k) != Some(*v)))
        .map(|(key, _)| key)
        .collect();
    let shown = |key: &&String| {
        let value = one.0.get(*key).map_or("-", String::as_str);
        format!("{key}={value}")
    };
    differing.iter().map(shown).collect::<Vec<_>>().join(" ")
}

impl Run {
    /// The run that has `finished`, of the configuration `config`.
    pub(super) fn new(finished: Finished<Config>, config: &toml::Table) -> Result<Self> {
        let mut evaluations = finished.evaluations()?;
        let outcome = finished.outcome;
        if outcome.status == Status::Diverged {
            let number = |key: &str| {
                let value = config.get("run").and_then(|run| run.get(key));
                value.and_then(toml::Value::as_integer).unwrap_or(0).max(1) as u64
            };
            let (every, steps) = (number("eval_every"), number("steps"));
            let last = evaluations.last().map_or(0, |row| row.step);
            let worst = outcome.final_return;
            let missed = (last / every + 1..=steps / every).map(|i| i * every);
            let end = (!steps.is_multiple_of(every)).then_some(steps);
            evaluations.extend(missed.chain(end).map(|step| EvaluationRow {
                step,
                mean_return: worst,
                min_return: worst,
                max_return: worst,
                ..EvaluationRow::default()
            }));
        }
        Ok(Self {
            outcome,
            evaluations,
            machine: Machine::read(&finished.path),
        })
    }
}

impl Group {
    /// The environment, the optimiser, and what sets the group apart.
    pub fn label(&self) -> String {
        let parts = [&self.env, ", ", &self.optimiser, " ", &self.apart];
        parts.map(|part: &str| part).concat().trim_end().to_string()
    }

    /// The learning rate.
    pub fn lr(&self) -> f64 {
        self.runs[0].outcome.lr
    }

    /// The mean of `value` over the runs, with its interval; runs without a value count as absent.
    ///
    /// The generator starts anew for each call, so that a figure does not depend on what else is computed.
    pub fn mean(&self, value: impl Fn(&Run) -> Option<f64>) -> Estimate {
        let values: Vec<f64> = self.runs.iter().filter_map(value).collect();
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
        self.mean(|run| run.outcome.last_100_return)
    }

    /// Each run's last evaluation.
    pub fn final_return(&self) -> Estimate {
        self.mean(|run| Some(run.outcome.final_return))
    }

    /// The mean of all of a run's evaluations: the area under its evaluation curve.
    pub fn mean_evaluation(&self) -> Estimate {
        self.mean(|run| {
            let sum: f64 = run.evaluations.iter().map(|row| row.mean_return).sum();
            Some(sum / run.evaluations.len() as f64)
        })
    }

    /// Runs that diverged.
    pub fn diverged(&self) -> usize {
        let diverged = |run: &&Run| run.outcome.status == Status::Diverged;
        self.runs.iter().filter(diverged).count()
    }

    /// Runs of which an evaluation reached the environment's threshold.
    pub fn solved(&self) -> usize {
        let solved = |run: &&Run| run.outcome.solved_step.is_some();
        self.runs.iter().filter(solved).count()
    }

    /// The mean evaluation curve: at each step that every run evaluated.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let mut at = BTreeMap::<u64, Vec<f64>>::new();
        for row in self.runs.iter().flat_map(|run| &run.evaluations) {
            at.entry(row.step).or_default().push(row.mean_return);
        }
        at.retain(|_, values| values.len() == self.runs.len());
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        at.iter()
            .map(|(step, values)| (*step as f64, mean(values)))
            .collect()
    }

    /// What the group is called without its lr.
    fn without_lr(&self) -> String {
        let settings = self.optimiser.split([':', ',']);
        let rest: Vec<&str> = settings.filter(|s| !s.starts_with("lr=")).collect();
        format!("{}, {} {}", self.env, rest.join(" "), self.apart)
            .trim_end()
            .to_string()
    }
}

impl Collected {
    /// The lr grids: every optimiser setting with three or more learning rates.
    pub fn grids(&self) -> Vec<Grid> {
        let mut grids = BTreeMap::<String, Vec<(f64, Estimate)>>::new();
        for group in &self.groups {
            let point = (group.lr(), group.mean_evaluation());
            grids.entry(group.without_lr()).or_default().push(point);
        }
        let grids = grids
            .into_iter()
            .map(|(name, points)| Grid { name, points });
        grids.filter(|grid| grid.points.len() >= 3).collect()
    }

    /// The groups that are in no grid.
    pub fn outside_grids(&self) -> Vec<&Group> {
        let grids: Vec<String> = self.grids().into_iter().map(|grid| grid.name).collect();
        let outside = |group: &&Group| !grids.contains(&group.without_lr());
        self.groups.iter().filter(outside).collect()
    }

    /// Every run.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.groups.iter().flat_map(|group| &group.runs)
    }
}
