//! A run that leaves no folder: its rows stay in memory, and only its checkpoints are files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    Checkpoint, Configuration, Finished, Observer, Row, RowTable, Snapshot, file_names::CHECKPOINT,
};
use crate::{Error, Result, files::write_whole};

/// A run in progress that leaves no folder. It keeps only the rows of some tables.
pub struct InMemoryRun {
    /// Where its checkpoints go. It is created for the first one.
    folder: PathBuf,
    tables: Vec<(RowTable, csv::Writer<Vec<u8>>)>,
    /// The run's id.
    id: String,
}

/// A run that is about to begin.
pub struct Begun {
    /// The run.
    pub run: InMemoryRun,
    /// Where it continues; from the start if there is none.
    pub from: Option<Checkpoint>,
    /// Why it starts again though it had come to a checkpoint.
    pub damage: Option<Error>,
}

impl InMemoryRun {
    /// The run `config`, which keeps its rows of the tables `wanted`, from its checkpoint in `folder` if there is one.
    pub fn begin<C: Configuration>(
        folder: &Path,
        config: &C,
        wanted: &[RowTable],
    ) -> Result<Begun> {
        let path = folder.join(CHECKPOINT);
        let saved = match path.exists() {
            true => Checkpoint::read(&path, config).map(Some),
            false => Ok(None),
        };
        let mut headers = config.headers();
        headers.retain(|(table, _)| wanted.contains(table));
        let run = |from: Option<&Checkpoint>| -> Result<Self> {
            let start = |(table, header): &(RowTable, String)| {
                let text = match from {
                    Some(from) => from.table(table.file())?,
                    None => format!("{header}\n").into_bytes(),
                };
                let builder = csv::WriterBuilder::new()
                    .has_headers(false)
                    .from_writer(text);
                Ok((*table, builder))
            };
            Ok(Self {
                folder: folder.to_path_buf(),
                tables: headers.iter().map(start).collect::<Result<_>>()?,
                id: config.id(),
            })
        };
        let begun = saved.and_then(|from| Ok((run(from.as_ref())?, from)));
        match begun {
            Ok((run, from)) => Ok(Begun {
                run,
                from,
                damage: None,
            }),
            Err(damage @ Error::Damaged(_)) => Ok(Begun {
                run: run(None)?,
                from: None,
                damage: Some(damage),
            }),
            Err(error) => Err(error),
        }
    }

    /// The run, which has ended with `outcome`.
    pub fn finish<C: Configuration>(self, outcome: C::Outcome) -> Result<Finished<C>> {
        let path = &self.folder;
        let text = |(table, writer): (RowTable, csv::Writer<Vec<u8>>)| {
            let text = writer.into_inner();
            let text = text.map_err(|error| unwritable(path, table, error.into_error()))?;
            Ok((table, text))
        };
        let tables = self.tables.into_iter().map(text).collect::<Result<_>>()?;
        Ok(Finished::in_memory(self.folder, outcome, self.id, tables))
    }
}

/// Removes what a run that leaves no folder may have left in `folder`: its checkpoint and the record of its cost so
/// far.
pub fn remove_leftovers(folder: &Path) {
    for file in [
        CHECKPOINT,
        super::file_names::MACHINE,
        "checkpoint.safetensors.part",
    ] {
        let _ = fs::remove_file(folder.join(file));
    }
    let _ = fs::remove_dir(folder);
}

/// Whether the run in `folder` has or had a folder of its own, which stays.
pub fn has_folder(folder: &Path) -> bool {
    folder.join(super::file_names::CONFIG).exists()
}

fn unwritable(folder: &Path, table: RowTable, error: std::io::Error) -> Error {
    Error::io("cannot write", &folder.join(table.file()), error)
}

impl Observer for InMemoryRun {
    fn row(&mut self, row: Row) -> Result<()> {
        let table = row.table();
        let Some((_, writer)) = self.tables.iter_mut().find(|(known, _)| *known == table) else {
            return Ok(());
        };
        let written = writer.serialize(row);
        written.map_err(|error| unwritable(&self.folder, table, error.into()))
    }

    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<()> {
        let mut tables = Vec::new();
        for (table, writer) in &mut self.tables {
            let flushed = writer.flush();
            flushed.map_err(|error| unwritable(&self.folder, *table, error))?;
            tables.push((table.file(), writer.get_ref().clone()));
        }
        fs::create_dir_all(&self.folder)
            .map_err(|error| Error::unwritable(&self.folder, &error))?;
        write_whole(
            &self.folder.join(CHECKPOINT),
            snapshot.with_tables(&tables)?,
        )
    }
}
