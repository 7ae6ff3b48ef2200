//! Many runs together.

mod collect;
pub mod describe;
mod summary;

pub use collect::{Collected, Grid, Group, Run, collect};

use std::path::{Path, PathBuf};

use crate::{Error, Result, files};

/// The folder `path` for results, made where needed; it may not be a run's.
pub fn folder(path: &Path) -> Result<PathBuf> {
    if path.join("config.toml").exists() {
        return Err(Error::usage(format!(
            "{} is a run's folder; choose another --out",
            path.display()
        )));
    }
    files::folder(path)
}
