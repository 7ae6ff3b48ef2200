//! A finished run, read from its folder.
//!
//! A file is used only if it is what the run wrote. The run's checksums decide this; for runs from before
//! there were checksums, the outcome does.

use std::path::{Path, PathBuf};

use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Configuration, DiagnosticsRow, EpisodeRow, EpochRow, EvaluationRow, ExpectedTable, HistoryRow,
    Machine, RowTable, UpdateRow, ValueRow,
    file_names::{CONFIG, OUTCOME},
    table_file,
};
use crate::{
    Error, Result,
    checksums::{CHECKSUMS, Checksums, read_file},
    files::short_id,
};

/// The folder of a finished run.
pub struct Finished<C: Configuration> {
    /// The folder.
    pub path: PathBuf,
    /// The run's outcome.
    pub outcome: C::Outcome,
    /// The run's id, as its outcome has it.
    id: String,
    /// The checksums of its files; none if the run is from before there were any.
    sums: Option<Checksums>,
    /// What the outcome says about the tables, for a run without checksums.
    expected: Vec<(RowTable, ExpectedTable)>,
    /// The content of its tables, if the run left no folder.
    in_memory: Option<Vec<(RowTable, Vec<u8>)>>,
}

/// The column of `outcome.csv` that identifies the run.
#[derive(Deserialize)]
struct Id {
    id: String,
}

/// The one row of `outcome.csv` with this content.
fn one<T: DeserializeOwned>(path: &Path, content: &[u8]) -> Result<T> {
    let row = table_file::rows(path, content)?.pop();
    row.ok_or_else(|| Error::damaged(path, "it has no row"))
}

/// The id of the run that finished at `path`.
pub(super) fn outcome_id(path: &Path) -> Result<String> {
    let path = path.join(OUTCOME);
    Ok(one::<Id>(&path, &read_file(&path)?)?.id)
}

impl<C: Configuration> Finished<C> {
    /// Reads the outcome from `path`; an error if it is damaged. Other files are checked when they are read.
    pub fn read(path: &Path) -> Result<Self> {
        let sums = Checksums::read(path)?;
        if sums.is_none() && Machine::read(path).is_some_and(|machine| machine.checksums) {
            return Err(Error::missing(&path.join(CHECKSUMS)));
        }
        let file = path.join(OUTCOME);
        let content = match &sums {
            Some(sums) => sums.read_file(path, OUTCOME)?,
            None => read_file(&file)?,
        };
        Ok(Self {
            path: path.to_path_buf(),
            outcome: one(&file, &content)?,
            id: one::<Id>(&file, &content)?.id,
            sums,
            expected: Vec::new(),
            in_memory: None,
        })
    }

    /// [`read`](Self::read) where the run `config` should be.
    pub(super) fn of(path: &Path, config: &C) -> Result<Self> {
        let mut run = Self::read(path)?;
        run.check_id(&config.id())?;
        if run.sums.is_none() {
            let expected = |(table, _)| (table, config.expected_table(&run.outcome, table));
            run.expected = config.headers().into_iter().map(expected).collect();
        }
        Ok(run)
    }

    /// The run that has just ended at `path`.
    pub(super) fn new(path: PathBuf, outcome: C::Outcome, id: String, sums: Checksums) -> Self {
        Self {
            path,
            outcome,
            id,
            sums: Some(sums),
            expected: Vec::new(),
            in_memory: None,
        }
    }

    /// A run that has just ended and left no folder, but some of its tables.
    pub(super) fn in_memory(
        path: PathBuf,
        outcome: C::Outcome,
        id: String,
        tables: Vec<(RowTable, Vec<u8>)>,
    ) -> Self {
        Self {
            path,
            outcome,
            id,
            sums: None,
            expected: Vec::new(),
            in_memory: Some(tables),
        }
    }

    /// Whether the run has checksums of its files. If not, its tables are checked only against its outcome.
    pub fn has_checksums(&self) -> bool {
        self.sums.is_some()
    }

    /// An error if the outcome is not that of the run `id`.
    fn check_id(&self, id: &str) -> Result<()> {
        let found = &self.id;
        if found == id {
            return Ok(());
        }
        let why = format!("it belongs to run {found}, and {CONFIG} to run {id}");
        Err(Error::damaged(&self.path.join(OUTCOME), why))
    }

    /// An error for the first file, except the configuration, that is not what the run wrote.
    pub(super) fn check_but_config(&self) -> Result<()> {
        let check = |file: &str| self.file(file).map(drop);
        match &self.sums {
            Some(sums) => sums
                .names()
                .filter(|file| *file != CONFIG)
                .try_for_each(check),
            None => self
                .expected
                .iter()
                .try_for_each(|(table, _)| check(table.file())),
        }
    }

    /// The content of `file`; an error if it is not what the run wrote.
    pub(super) fn file(&self, file: &str) -> Result<Vec<u8>> {
        if let Some(sums) = &self.sums {
            return sums.read_file(&self.path, file);
        }
        let path = self.path.join(file);
        if let Some(tables) = &self.in_memory {
            let mut tables = tables.iter();
            let found = tables.find(|(table, _)| table.file() == file);
            let content = found.map(|(_, content)| content.clone());
            return content.ok_or_else(|| Error::missing(&path));
        }
        let content = read_file(&path)?;
        let expected = self.expected.iter().find(|(table, _)| table.file() == file);
        if let Some((_, expected)) = expected {
            expected.check(&path, &content)?;
        }
        if file == CONFIG && short_id(&String::from_utf8_lossy(&content)) != self.id {
            let why = format!("it is not the configuration of run {}", self.id);
            return Err(Error::damaged(&path, why));
        }
        Ok(content)
    }

    /// Its configuration, as TOML.
    pub fn config(&self) -> Result<toml::Table> {
        let text = self.file(CONFIG)?;
        let table = String::from_utf8_lossy(&text).parse();
        table.map_err(|e: toml::de::Error| Error::damaged(&self.path.join(CONFIG), e))
    }

    fn rows<T: DeserializeOwned>(&self, table: RowTable) -> Result<Vec<T>> {
        let content = self.file(table.file())?;
        table_file::rows(&self.path.join(table.file()), &content)
    }

    /// Its training episodes.
    pub fn episodes(&self) -> Result<Vec<EpisodeRow>> {
        self.rows(RowTable::Episodes)
    }

    /// Its evaluations.
    pub fn evaluations(&self) -> Result<Vec<EvaluationRow>> {
        self.rows(RowTable::Evaluations)
    }

    /// Its recorded updates.
    pub fn updates(&self) -> Result<Vec<UpdateRow>> {
        self.rows(RowTable::Updates)
    }

    /// Its diagnostics; an error if the run has none.
    pub fn diagnostics(&self) -> Result<Vec<DiagnosticsRow>> {
        self.rows(RowTable::Diagnostics)
    }

    /// Its supervised training, a few batches a line.
    pub fn history(&self) -> Result<Vec<HistoryRow>> {
        self.rows(RowTable::History)
    }

    /// Its epochs of supervised training.
    pub fn epochs(&self) -> Result<Vec<EpochRow>> {
        self.rows(RowTable::Epochs)
    }

    /// Its evaluations of learned values.
    pub fn values(&self) -> Result<Vec<ValueRow>> {
        self.rows(RowTable::Values)
    }
}
