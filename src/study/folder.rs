//! The folder that results go to.

use std::path::{Path, PathBuf};

use crate::{Error, Result, files};

/// The folder `path` for results, made if it is not there; an error if it is a run's.
pub fn results_folder(path: &Path) -> Result<PathBuf> {
    if path.join("config.toml").exists() {
        return Err(Error::usage(format!(
            "{} is a run's folder; choose another --out",
            path.display()
        )));
    }
    files::folder(path)
}
