//! The folder of results.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{Error, Result, files};

/// The folder `path` for results, created if it does not exist; an error if it belongs to a run.
pub fn results_folder(path: &Path) -> Result<PathBuf> {
    if path.join("config.toml").exists() {
        return Err(Error::usage(format!(
            "{} is a run's folder; choose another --out",
            path.display()
        )));
    }
    files::folder(path)
}

/// The folder `path` for a study's results, created if it does not exist; an error if it belongs to something else.
pub fn study_folder(path: &Path) -> Result<PathBuf> {
    if path.join("overview.toml").exists() {
        return Err(Error::usage(format!(
            "{} has an overview; choose another --out",
            path.display()
        )));
    }
    results_folder(path)
}

/// Removes the file at `path` if it exists.
pub fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::io("cannot remove", path, error))
        }
        _ => Ok(()),
    }
}
