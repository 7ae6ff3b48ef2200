//! An experiment: one TOML file, read, checked, and laid out as cells, trials and runs.

mod expand;
mod grid;
pub mod merge;
mod read;
mod runs;
mod schema;
mod seeds;
mod tables;

pub use expand::{Arm, Cell, Trial, area};
pub use grid::{Grid, Values};
pub use runs::{Run, Stage};
pub use schema::schema;
pub use seeds::Seeds;
pub use tables::{Claim, Contrast, Environment, Factor, Optimiser, Score, Selection, Top};

use std::path::{Path, PathBuf};

use super::kind::Kind;
use crate::{Error, Result, suggest};

/// An experiment, ready to be run.
pub struct Experiment {
    /// What it is called: its file's name without `.toml`.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// The file's text.
    pub text: String,
    /// What it says at its top.
    pub top: Top,
    /// Each environment at each combination of the factors' levels.
    pub cells: Vec<Cell>,
    /// The optimisers, each with its trials.
    pub arms: Vec<Arm>,
}

/// What an environment's runs are, and with which settings.
pub struct Rung {
    /// What it is called in the results.
    pub name: String,
    /// Its rung on the ladder of controls.
    pub rung: String,
    /// Its kind.
    pub kind: &'static dyn Kind,
    /// Its kind's settings, with what the experiment has for all of that kind.
    pub settings: toml::Table,
    /// Its scores of 0 and 1, where they are given.
    pub scale: (Option<f64>, Option<f64>),
    /// Its report seeds, if they are its own.
    pub report_seeds: Option<Seeds>,
}

impl Experiment {
    /// Reads the experiment at `path`, or the one of that name in `experiments`; an error names the file,
    /// the line, the key and what is allowed.
    pub fn read(path: &Path) -> Result<Self> {
        let path = find(path)?;
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Error::usage(format!("cannot read {}: {error}", path.display())))?;
        let within = |error: Error| Error::usage(format!("{}: {error}", path.display()));
        let (top, rungs) = read::read(&text).map_err(within)?;
        check(&top).map_err(within)?;
        let arms = expand::arms(&top).map_err(within)?;
        let cells = expand::cells(&top, &rungs).map_err(within)?;
        check_contrasts(&top, &rungs).map_err(within)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let experiment = Self {
            name: name.into_owned(),
            top,
            cells,
            arms,
            text,
            path: path.clone(),
        };
        experiment.check_runs().map_err(within)?;
        Ok(experiment)
    }
}

/// The file that is meant by `path`.
fn find(path: &Path) -> Result<PathBuf> {
    if path.is_file() {
        return Ok(path.to_path_buf());
    }
    let folder = Path::new("experiments");
    let named = folder.join(path).with_extension("toml");
    if named.exists() {
        return Ok(named);
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| {
        let path = entry.path();
        let toml = path.extension().is_some_and(|end| end == "toml");
        toml.then(|| {
            path.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        })
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    Err(Error::usage(match names.is_empty() {
        true => format!("there is no experiment {}", path.display()),
        false => {
            let asked = path.file_stem().unwrap_or_default().to_string_lossy();
            suggest::unknown("experiment", &asked, names.iter().map(String::as_str))
        }
    }))
}

/// What no table can know by itself.
fn check(top: &Top) -> Result<()> {
    let tuning = &top.seeds.tuning.0;
    let own = |environment: &Environment| environment.report_seeds.clone();
    let own: Vec<Seeds> = top.environments.iter().filter_map(own).collect();
    let report = || {
        let own = own
            .iter()
            .map(|seeds| ("an environment's report_seeds", seeds));
        std::iter::once(("seeds.report", &top.seeds.report)).chain(own)
    };
    for (what, seeds) in report() {
        if let Some(seed) = tuning.iter().find(|seed| seeds.0.contains(seed)) {
            return Err(Error::usage(format!(
                "seed {seed} is in both seeds.tuning and {what}; what is chosen on a seed cannot be judged on it"
            )));
        }
    }
    let lists = [
        ("environments", top.environments.is_empty()),
        ("optimisers", top.optimisers.is_empty()),
        ("seeds.tuning", tuning.is_empty()),
    ];
    let empty = report().map(|(what, seeds)| (what, seeds.0.is_empty()));
    for (what, empty) in lists.into_iter().chain(empty) {
        if empty {
            return Err(Error::usage(format!("{what} has nothing in it")));
        }
    }
    let of = |environment: &Environment| {
        let own = environment.report_seeds.clone();
        own.unwrap_or_else(|| top.seeds.report.clone())
    };
    let each: Vec<Seeds> = top.environments.iter().map(of).collect();
    let everywhere = |seed: &u64| each.iter().all(|seeds| seeds.0.contains(seed));
    if !each[0].0.iter().any(everywhere) {
        return Err(Error::usage(
            "no report seed is in every environment's report_seeds; at least one must be, to compare them",
        ));
    }
    let margin = top.margin;
    if !(margin.is_finite() && margin >= 0.0) {
        return Err(Error::usage(format!(
            "margin = {margin} is not allowed; allowed: a finite number >= 0"
        )));
    }
    for (key, value) in [
        ("watts_per_core", top.energy.watts_per_core),
        ("grams_per_kwh", top.energy.grams_per_kwh),
    ] {
        if !(value.is_finite() && value >= 0.0) {
            return Err(Error::usage(format!(
                "energy.{key} = {value} is not allowed; allowed: a finite number >= 0"
            )));
        }
    }
    let names: Vec<&str> = top.optimisers.iter().map(|arm| arm.name.as_str()).collect();
    once("optimiser", &names)?;
    let contrasts: Vec<&str> = top.contrasts.iter().map(|c| c.name.as_str()).collect();
    once("contrast", &contrasts)?;
    for contrast in &top.contrasts {
        for name in [&contrast.with, &contrast.without] {
            if !names.contains(&name.as_str()) {
                let wrong = suggest::unknown("optimiser", name, names.iter().copied());
                return Err(Error::usage(format!(
                    "contrast `{}`: {wrong}",
                    contrast.name
                )));
            }
        }
    }
    Ok(())
}

/// An error if a contrast is about an environment that is not there, or about one on both of its sides.
fn check_contrasts(top: &Top, rungs: &[Rung]) -> Result<()> {
    let known: Vec<&str> = rungs.iter().map(|rung| rung.name.as_str()).collect();
    for contrast in &top.contrasts {
        let within = |why: String| Error::usage(format!("contrast `{}`: {why}", contrast.name));
        for name in contrast.environments.iter().chain(&contrast.less) {
            if !known.contains(&name.as_str()) {
                let known = known.iter().copied();
                return Err(within(suggest::unknown("environment", name, known)));
            }
        }
        let both = |name: &&String| contrast.environments.contains(name);
        if let Some(name) = contrast.less.iter().find(both) {
            return Err(within(format!(
                "environment `{name}` is in both `environments` and `less`; once is allowed"
            )));
        }
        if !contrast.less.is_empty() && contrast.environments.is_empty() {
            return Err(within(
                "`less` needs `environments`: what it is subtracted from".into(),
            ));
        }
    }
    Ok(())
}

/// An error if a name is there twice.
fn once(what: &str, names: &[&str]) -> Result<()> {
    let twice = |(i, name): &(usize, &&str)| names[..*i].contains(*name);
    match names.iter().enumerate().find(twice) {
        None => Ok(()),
        Some((_, name)) => Err(Error::usage(format!(
            "there are two {what}s called `{name}`; give one of them another `name`"
        ))),
    }
}
