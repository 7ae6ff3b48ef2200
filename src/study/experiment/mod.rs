//! An experiment: one TOML file, read, checked, and laid out as cells, trials and runs.

mod check;
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

impl Rung {
    /// The seeds of its report stage: its own, or those of the experiment.
    fn seeds<'a>(&'a self, top: &'a Top) -> &'a [u64] {
        &self.report_seeds.as_ref().unwrap_or(&top.seeds.report).0
    }
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
        check::check(&top, &rungs).map_err(within)?;
        let arms = expand::arms(&top).map_err(within)?;
        let cells = expand::cells(&top, &rungs).map_err(within)?;
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
    let asked = path.to_string_lossy();
    // What is written as a path is not a name.
    let is_path = path.extension().is_some() || path.components().count() > 1 || path.is_dir();
    Err(Error::usage(match is_path || names.is_empty() {
        true if path.is_dir() => format!("{asked} is a folder; an experiment is a TOML file"),
        true if is_path => format!("cannot read {asked}: there is no such file"),
        true => format!(
            "there is no experiment {asked}: neither {asked} nor {} is a file",
            named.display()
        ),
        false => suggest::unknown("experiment", &asked, names.iter().map(String::as_str)),
    }))
}
