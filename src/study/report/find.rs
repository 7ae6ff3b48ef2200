//! Which results a report is about.

use std::path::{Path, PathBuf};

use settings::unknown;

use crate::{
    Error, Result,
    files::{is_path, toml_file, toml_name},
    study::experiment::FOLDER,
};

/// Where results are known by their names.
const RESULTS: &str = "results";

/// What every study's results have.
const MANIFEST: &str = "manifest.toml";

/// The folder with the results of `asked`: an experiment's name, its TOML file, or the folder itself.
pub fn folder_of(asked: &Path) -> PathBuf {
    let named = Path::new(RESULTS).join(toml_name(asked));
    let is_toml = asked.extension().is_some_and(|end| end == "toml");
    let is_folder = match is_path(asked) {
        true => !is_toml,
        false => !named.exists() && asked.join(MANIFEST).exists(),
    };
    match is_folder {
        true => asked.to_path_buf(),
        false => named,
    }
}

/// The folder `out`, or else the one with the results of `asked`.
///
/// # Errors
/// If there is an overview instead, or neither results nor an experiment of that name. The error lists the studies that
/// have results.
pub fn folder(asked: &Path, out: Option<&Path>) -> Result<PathBuf> {
    let folder = out.map_or_else(|| folder_of(asked), Path::to_path_buf);
    if folder.join(MANIFEST).exists() {
        return Ok(folder);
    }
    if folder.join("overview.toml").exists() {
        let (path, name) = (folder.display(), toml_name(&folder));
        return Err(Error::usage(format!(
            "{path} is an overview of several studies, not the results of one; `study overview {}` writes it again",
            name.display()
        )));
    }
    let known = studies();
    let is_experiment = toml_file(Path::new(FOLDER), asked).is_file();
    if folder.exists() || out.is_some() || is_path(asked) || is_experiment || known.is_empty() {
        return Ok(folder);
    }
    let known = known.iter().map(String::as_str);
    Err(Error::usage(unknown(
        "study",
        &asked.to_string_lossy(),
        known,
    )))
}

/// The studies that have results, sorted.
fn studies() -> Vec<String> {
    let entries = std::fs::read_dir(RESULTS).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().join(MANIFEST).exists());
    let mut names: Vec<String> = folders
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
