//! Loads an experiment from its file.

use std::path::{Path, PathBuf};

use settings::unknown;

use super::{check, expand, mistake::Mistake, parse, runs::Experiment};
use crate::{
    Error, Result,
    config::TomlDocument,
    files::{is_path, toml_file, toml_name, toml_names},
};

/// Where experiments are known by their names.
pub const FOLDER: &str = "experiments";

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
        let document = TomlDocument::parse(&text).map_err(within)?;
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

/// The file that `asked` means: a path, or the name of one in `experiments`.
fn find(asked: &Path) -> Result<PathBuf> {
    let file = toml_file(Path::new(FOLDER), asked);
    if file.is_file() {
        return Ok(file);
    }
    let names = toml_names(Path::new(FOLDER));
    let asked_for = asked.display();
    Err(Error::usage(match is_path(asked) || names.is_empty() {
        true if asked.is_dir() => {
            format!("{asked_for} is a folder; an experiment is a TOML file")
        }
        true if is_path(asked) => format!("cannot read {asked_for}: there is no such file"),
        true => format!(
            "there is no experiment {asked_for}: {} is no file; a file elsewhere is given by its path, as in \
             ./{asked_for}",
            file.display()
        ),
        false => unknown(
            "experiment",
            &asked.to_string_lossy(),
            names.iter().map(String::as_str),
        ),
    }))
}
