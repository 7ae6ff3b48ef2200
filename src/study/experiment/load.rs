//! Loads an experiment from its file.

use std::path::{Path, PathBuf};

use settings::unknown;

use super::{check, expand, mistake::Mistake, parse, runs::Experiment};
use crate::{
    Error, Result,
    config::Document,
    files::{toml_in, toml_name},
};

impl Experiment {
    /// Reads the experiment at `path`, or the one of that name in `experiments`. An error names the file, the line, the
    /// key and what is allowed.
    pub fn read(path: &Path) -> Result<Self> {
        let path = find(path)?;
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Error::usage(format!("cannot read {}: {error}", path.display())))?;
        Self::parse(text, &path)
    }

    /// The experiment whose TOML is `text`. Errors and results call it what `path` says, which need not exist.
    pub fn parse(text: String, path: &Path) -> Result<Self> {
        let within = |error: Error| Error::usage(format!("{}: {error}", path.display()));
        let document = Document::parse(&text).map_err(within)?;
        let explain = |error: settings::Error| within(document.explain(error));
        let mistaken = |Mistake { path, why }: Mistake| within(document.error_at(&path, why));
        let (top, environments) = parse::parse(&document.table).map_err(explain)?;
        check::check(&top, &environments).map_err(mistaken)?;
        let arms = expand::arms(&top).map_err(mistaken)?;
        let cells = expand::cells(&top, &environments).map_err(mistaken)?;
        let name = toml_name(path);
        let name = name.to_string_lossy();
        let experiment = Self {
            name: name.into_owned(),
            top,
            cells,
            arms,
            text,
            path: path.to_path_buf(),
        };
        // An error if a run is impossible.
        experiment.trials().map_err(within)?;
        Ok(experiment)
    }
}

/// The file that `path` means.
fn find(path: &Path) -> Result<PathBuf> {
    if path.is_file() {
        return Ok(path.to_path_buf());
    }
    let folder = Path::new("experiments");
    let named = toml_in(folder, path);
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
    // Something that looks like a path is not a name.
    let is_path = path.extension().is_some() || path.components().count() > 1 || path.is_dir();
    Err(Error::usage(match is_path || names.is_empty() {
        true if path.is_dir() => format!("{asked} is a folder; an experiment is a TOML file"),
        true if is_path => format!("cannot read {asked}: there is no such file"),
        true => format!(
            "there is no experiment {asked}: neither {asked} nor {} is a file",
            named.display()
        ),
        false => unknown("experiment", &asked, names.iter().map(String::as_str)),
    }))
}
