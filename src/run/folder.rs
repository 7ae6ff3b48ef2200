//! A run's folder: its configuration first, its rows as they come, its outcome last.

use std::{
    fs::{self, File, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    Checkpoint, Configuration, Finished, Observer, Row, RowTable, Snapshot, table_file::TableFile,
};
use crate::{
    Error, Result,
    files::{csv_text, write_whole},
};

pub(super) const CONFIG: &str = "config.toml";
/// The file that is there when a run has ended, and that is written last.
pub const OUTCOME: &str = "outcome.csv";
pub(super) const CHECKPOINT: &str = "checkpoint.safetensors";
const LOCK: &str = ".lock";
pub(super) const MACHINE: &str = "machine.toml";

/// What to do about a run that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Leave a finished run, refuse to touch an interrupted or another one.
    Refuse,
    /// Leave a finished run, go on with an interrupted one, refuse to touch another one.
    Resume,
    /// Start from the beginning.
    Force,
}

/// What was found where a run should go.
pub enum Opened<C: Configuration> {
    /// Nothing finished: the run can start, or go on from a checkpoint.
    Unfinished(Box<Ready<C>>),
    /// This very run, finished earlier.
    Finished(Box<Finished<C>>),
}

/// What is in a folder where a run should go.
enum Content {
    Nothing,
    ThisUnfinished,
    ThisFinished,
    OtherRun,
    /// A file that no run left there.
    Foreign(String),
}

/// Every file of a run like `C`.
fn files<C: Configuration>() -> Vec<&'static str> {
    let common = [CONFIG, OUTCOME, CHECKPOINT, MACHINE, LOCK];
    let layout = C::LAYOUT;
    let mut all = [&common[..], &[layout.weights], layout.figures].concat();
    all.extend(layout.tables.iter().map(|table| table.file()));
    all
}

/// What is at `path`, where the run with the configuration `text` should go.
fn content<C: Configuration>(path: &Path, text: &str) -> Result<Content> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Content::Nothing),
        Err(error) => return Err(Error::unwritable(path, &error)),
    };
    let names = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<Vec<String>>>()
        .map_err(|error| Error::unwritable(path, &error))?;
    let ours = files::<C>();
    // A run that was killed leaves what it was writing under such a name.
    let whole = |name: &str| name.trim_end_matches(".part").replace(".part.png", ".png");
    let foreign = names
        .iter()
        .find(|name| !ours.contains(&whole(name).as_str()));
    let config = path.join(CONFIG);
    let found = fs::read_to_string(&config).unwrap_or_default();
    Ok(
        if found == text && names.iter().any(|name| name == OUTCOME) {
            Content::ThisFinished
        } else if found == text {
            Content::ThisUnfinished
        } else if names.iter().all(|name| name == LOCK) {
            Content::Nothing
        } else if found.is_empty() {
            // Interrupted before its first file was whole, or never a run's.
            foreign.map_or(Content::ThisUnfinished, |name| {
                Content::Foreign(name.clone())
            })
        } else if C::describes(&config) {
            Content::OtherRun
        } else {
            Content::Foreign(CONFIG.into())
        },
    )
}

/// Takes the folder for this process.
fn lock(path: &Path) -> Result<File> {
    let file = File::create(path.join(LOCK)).map_err(|error| Error::unwritable(path, &error))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Error::Taken(path.to_path_buf())),
        // Where locks are not supported, there is none.
        _ => Ok(file),
    }
}

/// Whether a run is finished here that is to be left; an error if what is here must not be touched.
fn is_left(path: &Path, content: &Content, again: Again) -> Result<bool> {
    let (shown, force) = (path.display(), again == Again::Force);
    match content {
        Content::Foreign(what) => Err(Error::usage(format!(
            "{shown} already holds {what}, which is no run's; choose another folder"
        ))),
        Content::OtherRun if !force => Err(Error::usage(format!(
            "{shown} already holds another run; choose another --out, or --force to overwrite it"
        ))),
        Content::ThisFinished => Ok(!force),
        _ => Ok(false),
    }
}

/// Looks at `path`, takes it for the run `config` and creates it where needed. Nothing in it changes
/// before [`Ready::open`].
///
/// A folder that holds anything but a run is never touched.
pub fn look<C: Configuration>(path: &Path, config: &C, again: Again) -> Result<Opened<C>> {
    let text = config.to_toml();
    let finished = || Finished::read(path).map(|run| Opened::Finished(Box::new(run)));
    if is_left(path, &content::<C>(path, &text)?, again)? {
        return finished();
    }
    let created = !path.exists();
    fs::create_dir_all(path).map_err(|error| Error::unwritable(path, &error))?;
    let lock = lock(path)?;
    // Another process may have come to its end here in the meantime.
    let content = content::<C>(path, &text)?;
    if is_left(path, &content, again)? {
        return finished();
    }
    let saved = path.join(CHECKPOINT);
    let interrupted = matches!(content, Content::ThisUnfinished) && saved.exists();
    let from = match again {
        Again::Refuse if interrupted => {
            return Err(Error::usage(format!(
                "{} holds this run, interrupted; --resume goes on with it, --force starts it again",
                path.display()
            )));
        }
        Again::Resume if interrupted => Some(Checkpoint::read(&saved, config)?),
        _ => None,
    };
    Ok(Opened::Unfinished(Box::new(Ready {
        path: path.to_path_buf(),
        config: config.clone(),
        lock: Some(lock),
        created,
        from,
    })))
}

/// The run `config`, if it has finished at `path`. Nothing is touched.
pub fn finished<C: Configuration>(path: &Path, config: &C) -> Result<Option<Finished<C>>> {
    match content::<C>(path, &config.to_toml())? {
        Content::ThisFinished => Finished::read(path).map(Some),
        _ => Ok(None),
    }
}

/// A folder that this process has taken for a run.
pub struct Ready<C: Configuration> {
    path: PathBuf,
    config: C,
    /// Until it is opened.
    lock: Option<File>,
    /// Whether the folder was created for it.
    created: bool,
    /// Where the run goes on; from the start if there is none.
    pub from: Option<Checkpoint>,
}

impl<C: Configuration> Drop for Ready<C> {
    /// A run that never began, for want of its data say, leaves nothing behind.
    fn drop(&mut self) {
        if self.lock.take().is_some() {
            let _ = fs::remove_file(self.path.join(LOCK));
            if self.created {
                let _ = fs::remove_dir(&self.path);
            }
        }
    }
}

impl<C: Configuration> Ready<C> {
    /// Steps done by its checkpoint, 0 if there is none.
    pub fn step(&self) -> u64 {
        self.from.as_ref().map_or(0, |from| from.step)
    }

    /// Makes the folder the run's: empty, or as it was at the checkpoint, which is given too.
    pub fn open(mut self) -> Result<(RunFolder, Option<Checkpoint>)> {
        let from = self.from.take();
        remove_parts(&self.path, &files::<C>());
        if from.is_none() {
            let tables = self.config.headers();
            let rewritten = |file: &&str| tables.iter().all(|(table, _)| table.file() != *file);
            let stale: Vec<&str> = files::<C>().into_iter().filter(rewritten).collect();
            begin(&self.path, &stale, &self.config.to_toml())?;
        }
        let headers = self.config.headers().into_iter();
        let table = |(table, header): (RowTable, String)| {
            let path = self.path.join(table.file());
            let file = match &from {
                None => TableFile::create(path, &header)?,
                Some(from) => {
                    let length = from.files.iter().find(|(file, _)| file == table.file());
                    TableFile::go_on(path, length.map_or(0, |(_, length)| *length))?
                }
            };
            Ok((table, file))
        };
        let folder = RunFolder {
            tables: headers.map(table).collect::<Result<_>>()?,
            path: self.path.clone(),
            weights: C::LAYOUT.weights,
            _lock: self.lock.take(),
        };
        Ok((folder, from))
    }
}

/// Removes what a run that was killed had not finished writing of `ours`.
fn remove_parts(path: &Path, ours: &[&str]) {
    for name in ours {
        let part = match name.strip_suffix(".png") {
            Some(stem) => format!("{stem}.part.png"),
            None => format!("{name}.part"),
        };
        let _ = fs::remove_file(path.join(part));
    }
}

/// Starts a run's folder: without the files `stale` of an earlier run, with its configuration.
fn begin(path: &Path, stale: &[&str], config: &str) -> Result<()> {
    let kept = [CONFIG, OUTCOME, LOCK];
    // A stale outcome must go before anything of the new run is written.
    let rest = stale.iter().filter(|name| !kept.contains(name));
    for stale in [&OUTCOME].into_iter().chain(rest) {
        match fs::remove_file(path.join(stale)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Error::unwritable(path, &error));
            }
            _ => {}
        }
    }
    match write_whole(&path.join(CONFIG), config) {
        Err(Error::Io { source, .. }) => Err(Error::unwritable(path, &source)),
        other => other,
    }
}

/// The folder of a run in progress. `outcome.csv` appears last, whole or not at all: a folder
/// without it holds an unfinished run, which may be run again over it.
///
/// `checkpoint.safetensors` is where the run can go on, until it has finished.
pub struct RunFolder {
    path: PathBuf,
    tables: Vec<(RowTable, TableFile)>,
    weights: &'static str,
    /// Held while the run goes, so that no other process writes here too.
    _lock: Option<File>,
}

impl RunFolder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn flush(&mut self) -> Result<()> {
        self.tables
            .iter_mut()
            .try_for_each(|(_, file)| file.flush())
    }

    /// Writes what is left and the outcome, and makes both last.
    pub fn finish<C: Configuration>(mut self, outcome: C::Outcome) -> Result<Finished<C>>
    where
        C::Outcome: Serialize,
    {
        for (_, file) in &mut self.tables {
            file.flush()?;
            file.sync()?;
        }
        write_whole(&self.path.join(OUTCOME), csv_text([&outcome])?)?;
        for done_with in [CHECKPOINT, LOCK] {
            let _ = fs::remove_file(self.path.join(done_with));
        }
        Ok(Finished {
            path: self.path,
            outcome,
        })
    }
}

impl Observer for RunFolder {
    fn row(&mut self, row: Row) -> Result<()> {
        let table = row.table();
        if let Some((_, file)) = self.tables.iter_mut().find(|(known, _)| *known == table) {
            file.write(&row)?;
        }
        // Often enough for somebody who follows the files while the run goes.
        match row {
            Row::Evaluation(_) | Row::History(_) | Row::Epoch(_) => self.flush(),
            Row::Episode(_) | Row::Update(_) | Row::Diagnostics(_) => Ok(()),
        }
    }

    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<()> {
        let mut lengths = Vec::new();
        for (table, file) in &mut self.tables {
            file.flush()?;
            // They must last before the checkpoint that counts on them.
            file.sync()?;
            lengths.push((table.file(), file.length()?));
        }
        let data = snapshot.to_safetensors(&lengths)?;
        write_whole(&self.path.join(CHECKPOINT), data)
    }

    fn weights(&mut self, safetensors: &[u8]) -> Result<()> {
        write_whole(&self.path.join(self.weights), safetensors)
    }
}
