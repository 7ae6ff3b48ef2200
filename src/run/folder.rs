//! A run's folder: first its configuration, then its rows as they come, last its outcome.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    Configuration, Finished, Observer, Row, RowTable, Snapshot,
    file_names::{CHECKPOINT, CONFIG, END, LOCK, OUTCOME},
    table_file::TableFile,
};
use crate::{
    Result,
    checksums::{CHECKSUMS, Checksum, Checksums},
    files::{csv_text, write_before_another, write_whole},
};

/// The folder of a run in progress. `outcome.csv` appears last, whole or not at all: a folder
/// without it holds an unfinished run, which may be run again over it.
///
/// `checkpoint.safetensors` is where the run can continue until it has finished, and `end.safetensors` is where a longer
/// run can continue then.
pub struct RunFolder {
    path: PathBuf,
    tables: Vec<(RowTable, TableFile)>,
    weights: &'static str,
    /// The run's id.
    id: String,
    /// Checksums of the files that are complete and will not change.
    sums: Checksums,
    /// Held during the run, so that no other process writes here.
    _lock: Option<File>,
}

impl RunFolder {
    /// The folder `path` of the run `config`, which this process has locked, with the run's open `tables`.
    pub(super) fn new<C: Configuration>(
        path: PathBuf,
        config: &C,
        tables: Vec<(RowTable, TableFile)>,
        lock: Option<File>,
    ) -> Self {
        let mut sums = Checksums::default();
        sums.insert(CONFIG, Checksum::of(config.to_toml()));
        Self {
            path,
            tables,
            weights: C::LAYOUT.weights,
            id: config.id(),
            sums,
            _lock: lock,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn flush(&mut self) -> Result<()> {
        self.tables
            .iter_mut()
            .try_for_each(|(_, file)| file.flush())
    }

    /// Writes `snapshot` to `file`.
    fn save(&mut self, snapshot: &Snapshot, file: &str) -> Result<()> {
        let mut sums = Vec::new();
        for (table, rows) in &mut self.tables {
            rows.flush()?;
            // They must be on the disk before the checkpoint that relies on them.
            rows.sync()?;
            sums.push((table.file(), rows.sum()));
        }
        let data = snapshot.to_safetensors(&sums)?;
        write_whole(&self.path.join(file), data)
    }

    /// Writes what is left, the checksums and the outcome, and syncs all of it to the disk.
    pub fn finish<C: Configuration>(mut self, outcome: C::Outcome) -> Result<Finished<C>>
    where
        C::Outcome: Serialize,
    {
        for (table, file) in &mut self.tables {
            file.flush()?;
            file.sync()?;
            self.sums.insert(table.file(), file.sum());
        }
        let text = csv_text([&outcome])?;
        self.sums.insert(OUTCOME, Checksum::of(&text));
        // A run that is killed between the two has no outcome, so it continues or starts again.
        write_before_another(&self.path.join(CHECKSUMS), self.sums.to_toml()?)?;
        write_whole(&self.path.join(OUTCOME), text)?;
        for done_with in [CHECKPOINT, LOCK] {
            let _ = fs::remove_file(self.path.join(done_with));
        }
        Ok(Finished::new(self.path, outcome, self.id, self.sums))
    }
}

impl Observer for RunFolder {
    fn row(&mut self, row: Row) -> Result<()> {
        let table = row.table();
        if let Some((_, file)) = self.tables.iter_mut().find(|(known, _)| *known == table) {
            file.write(&row)?;
        }
        // Often enough for somebody who follows the files during the run.
        match row {
            Row::Evaluation(_) | Row::History(_) | Row::Epoch(_) | Row::Value(_) => self.flush(),
            Row::Episode(_) | Row::Update(_) | Row::Diagnostics(_) => Ok(()),
        }
    }

    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.save(snapshot, CHECKPOINT)
    }

    fn end(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.save(snapshot, END)
    }

    fn weights(&mut self, safetensors: &[u8]) -> Result<()> {
        self.sums.insert(self.weights, Checksum::of(safetensors));
        write_before_another(&self.path.join(self.weights), safetensors)
    }
}
