//! A finished run, read from its folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    Configuration, DiagnosticsRow, EpisodeRow, EpochRow, EvaluationRow, HistoryRow, OUTCOME,
    RowTable, UpdateRow, folder::CONFIG, table_file::read_rows,
};
use crate::{Error, Result};

/// The folder of a finished run.
pub struct Finished<C: Configuration> {
    /// The folder.
    pub path: PathBuf,
    /// What came of the run.
    pub outcome: C::Outcome,
}

impl<C: Configuration> Finished<C> {
    /// Reads the outcome from `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let file = path.join(OUTCOME);
        let outcome = read_rows(&file)?.pop().ok_or_else(|| {
            let file = file.display();
            Error::usage(format!("{file} has no row; --force runs it again"))
        })?;
        Ok(Self {
            path: path.to_path_buf(),
            outcome,
        })
    }

    /// Its configuration, as TOML.
    pub fn config(&self) -> Result<toml::Table> {
        let path = self.path.join(CONFIG);
        let text = fs::read_to_string(&path).map_err(|error| error.to_string());
        let table = text.and_then(|text| text.parse().map_err(|e: toml::de::Error| e.to_string()));
        table.map_err(|error| Error::usage(format!("cannot read {}: {error}", path.display())))
    }

    fn file(&self, table: RowTable) -> PathBuf {
        self.path.join(table.file())
    }

    /// Its training episodes.
    pub fn episodes(&self) -> Result<Vec<EpisodeRow>> {
        read_rows(&self.file(RowTable::Episodes))
    }

    /// Its evaluations.
    pub fn evaluations(&self) -> Result<Vec<EvaluationRow>> {
        read_rows(&self.file(RowTable::Evaluations))
    }

    /// Its recorded updates.
    pub fn updates(&self) -> Result<Vec<UpdateRow>> {
        read_rows(&self.file(RowTable::Updates))
    }

    /// Its diagnostics; an error if it was run without.
    pub fn diagnostics(&self) -> Result<Vec<DiagnosticsRow>> {
        read_rows(&self.file(RowTable::Diagnostics))
    }

    /// Its supervised training, a few batches a line.
    pub fn history(&self) -> Result<Vec<HistoryRow>> {
        read_rows(&self.file(RowTable::History))
    }

    /// Its epochs of supervised training.
    pub fn epochs(&self) -> Result<Vec<EpochRow>> {
        read_rows(&self.file(RowTable::Epochs))
    }
}
