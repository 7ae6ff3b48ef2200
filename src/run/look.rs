//! Takes the folder that a run should go to: as it is, emptied, or as it was at a checkpoint.

use std::{
    fs::{self, File, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{
    Checkpoint, Configuration, Finished, RowTable, RunFolder,
    content::{Content, content, files},
    file_names::{CHECKPOINT, CONFIG, END, LOCK, OUTCOME},
    table_file::TableFile,
};
use crate::{
    Error, Result,
    files::{write_before_another, write_whole},
};

/// What to do if a run is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Leave a finished run, refuse to touch an interrupted or another one.
    Refuse,
    /// Leave a finished run, continue an interrupted one, refuse to touch another one.
    Resume,
    /// Start from the beginning.
    Force,
    /// Like `Resume`, but start from the beginning if a file is damaged. For folders whose names belong to one run,
    /// such as a study's.
    Mend,
}

/// What was found where a run should go.
pub enum Opened<C: Configuration> {
    /// Nothing finished: the run can start, or continue from a checkpoint.
    Unfinished(Box<Ready<C>>),
    /// This very run, finished earlier.
    Finished(Box<Finished<C>>),
}

/// Takes the folder for this process.
fn lock(path: &Path) -> Result<File> {
    let file = File::create(path.join(LOCK)).map_err(|error| Error::unwritable(path, &error))?;
    match is_taken(&file) {
        true => Err(Error::Taken(path.to_path_buf())),
        false => Ok(file),
    }
}

/// Whether another process has locked `file`. If not, this process locks it. Where locks are not supported, the answer is
/// no.
fn is_taken(file: &File) -> bool {
    matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

/// What a folder holds: a finished run, which is left as it is, or anything else.
enum Found<C: Configuration> {
    Finished(Box<Finished<C>>),
    /// The damage, if the run was finished.
    Unfinished(Content, Option<Error>),
}

fn find<C: Configuration>(path: &Path, config: &C, text: &str, again: Again) -> Result<Found<C>> {
    let (shown, force) = (path.display(), again == Again::Force);
    let mend = force || again == Again::Mend;
    match content(path, config, text) {
        Ok(Content::Foreign(what)) => Err(Error::usage(format!(
            "{shown} already holds {what}, which does not belong to a run; choose another folder"
        ))),
        Ok(Content::OtherRun) if !force => Err(Error::usage(format!(
            "{shown} already holds another run; choose another --out, or --force to overwrite it"
        ))),
        Ok(Content::Unknown) if !mend => Err(Error::missing(&path.join(CONFIG)).mended_by(
            "it is not known which run this was: choose another --out, or --force to overwrite it",
        )),
        Ok(Content::ThisFinished) if !force => {
            let whole = Finished::of(path, config).and_then(|run| {
                run.check_but_config()?;
                Ok(run)
            });
            match whole {
                Ok(run) => Ok(Found::Finished(Box::new(run))),
                Err(damage @ Error::Damaged(_)) if mend => {
                    Ok(Found::Unfinished(Content::ThisFinished, Some(damage)))
                }
                Err(error) => Err(error),
            }
        }
        // An outcome that does not identify its run.
        Err(damage @ Error::Damaged(_)) if mend => {
            Ok(Found::Unfinished(Content::Unknown, Some(damage)))
        }
        other => Ok(Found::Unfinished(other?, None)),
    }
}

/// Looks at `path`, locks it for the run `config` and creates it if needed. Nothing in it changes
/// before [`Ready::open`], except that a finished run gets its configuration back if it was lost.
///
/// A folder that holds anything but a run is never touched.
pub fn look<C: Configuration>(path: &Path, config: &C, again: Again) -> Result<Opened<C>> {
    let text = config.to_toml();
    let left = |run: Box<Finished<C>>| {
        restore(path, &text)?;
        Ok(Opened::Finished(run))
    };
    if let Found::Finished(run) = find(path, config, &text, again)? {
        return left(run);
    }
    let created = !path.exists();
    fs::create_dir_all(path).map_err(|error| Error::unwritable(path, &error))?;
    let lock = lock(path)?;
    // Another process may have finished here in the meantime.
    let (content, mut damage) = match find(path, config, &text, again)? {
        Found::Finished(run) => return left(run),
        Found::Unfinished(content, damage) => (content, damage),
    };
    let saved = path.join(CHECKPOINT);
    let interrupted = matches!(content, Content::ThisUnfinished) && saved.exists();
    let from = match again {
        Again::Refuse if interrupted => {
            return Err(Error::usage(format!(
                "{} holds this run, which was interrupted; --resume continues it, --force starts it again",
                path.display()
            )));
        }
        Again::Resume | Again::Mend if interrupted => {
            match Interrupted::read(path, CHECKPOINT, config, false) {
                Ok(from) => Some(from),
                Err(error @ Error::Damaged(_)) if again == Again::Mend => {
                    damage = Some(error);
                    None
                }
                Err(error) => return Err(error),
            }
        }
        _ => None,
    };
    Ok(Opened::Unfinished(Box::new(Ready {
        path: path.to_path_buf(),
        config: config.clone(),
        lock: Some(lock),
        created,
        from,
        damage,
    })))
}

/// Writes the configuration `text` of the run at `path`, if it is not there.
fn restore(path: &Path, text: &str) -> Result<()> {
    let config = path.join(CONFIG);
    match fs::read_to_string(&config) {
        Ok(found) if found == text => Ok(()),
        _ => write_whole(&config, text),
    }
}

/// The run `config`, if it has finished at `path`. Nothing is touched, and files are checked when they are read.
pub fn finished<C: Configuration>(path: &Path, config: &C) -> Result<Option<Finished<C>>> {
    match content(path, config, &config.to_toml())? {
        Content::ThisFinished => Finished::of(path, config).map(Some),
        _ => Ok(None),
    }
}

/// Where a run continues: where it was interrupted, or where a shorter one ended.
struct Interrupted {
    /// Whether the tables are a shorter run's, in another folder.
    shorter: bool,
    checkpoint: Checkpoint,
    tables: Vec<(RowTable, TableFile)>,
}

impl Interrupted {
    /// Reads the checkpoint `file` at `path` of the run `config`, and the tables up to there; an error if any is damaged.
    ///
    /// If they are a shorter run's, they are only read.
    fn read(path: &Path, file: &str, config: &impl Configuration, shorter: bool) -> Result<Self> {
        let open = match shorter {
            true => TableFile::to_copy,
            false => TableFile::go_on,
        };
        let read = || {
            let checkpoint = Checkpoint::read(&path.join(file), config)?;
            let go_on = |(table, _): (RowTable, String)| {
                let mut files = checkpoint.files.iter();
                let saved = files.find(|saved| saved.file == table.file());
                let length = saved.map_or(0, |saved| saved.bytes);
                let sha256 = saved.and_then(|saved| saved.sha256.as_deref());
                let file = open(path.join(table.file()), length, sha256)?;
                Ok((table, file))
            };
            let tables = config.headers().into_iter().map(go_on);
            let tables = tables.collect::<Result<_>>()?;
            Ok(Self {
                shorter,
                checkpoint,
                tables,
            })
        };
        read().map_err(|error: Error| error.mended_by("--force starts the run again"))
    }
}

/// A folder that this process has taken for a run.
pub struct Ready<C: Configuration> {
    path: PathBuf,
    config: C,
    /// Held until the folder is opened.
    lock: Option<File>,
    /// Whether the folder was created for it.
    created: bool,
    /// Where the run continues; from the start if there is none.
    from: Option<Interrupted>,
    /// Why the run starts again though it had finished or come to a checkpoint.
    damage: Option<Error>,
}

impl<C: Configuration> Drop for Ready<C> {
    /// A run that never began, for example because its data are missing, leaves nothing behind.
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
        self.from.as_ref().map_or(0, |from| from.checkpoint.step)
    }

    /// Why the run starts again though it had finished or come to a checkpoint: a file of it is damaged.
    pub fn damage(&self) -> Option<&Error> {
        self.damage.as_ref()
    }

    /// Lets the run continue from where the shorter run `config` in the folder `path` ended or was interrupted. That
    /// folder is left as it is. An error if no state is saved there, if a file is damaged, or if another process is doing
    /// that run.
    pub fn continue_from(&mut self, path: &Path, config: &C) -> Result<()> {
        // It is only read, so a folder that this process cannot write to will do.
        let held = File::open(path.join(LOCK)).ok();
        if held.as_ref().is_some_and(is_taken) {
            return Err(Error::Taken(path.to_path_buf()));
        }
        let anew = format!(
            "`rl --config {} --steps N` does all steps anew",
            path.join(CONFIG).display()
        );
        let saved = [CHECKPOINT, END];
        let Some(saved) = saved.into_iter().find(|file| path.join(file).exists()) else {
            return Err(Error::usage(format!(
                "there is no {END} in {}, from which a longer run could continue; {anew}",
                path.display()
            )));
        };
        let read = Interrupted::read(path, saved, config, true);
        self.from = Some(read.map_err(|error| error.mended_by(anew))?);
        drop(held);
        Ok(())
    }

    /// Makes the folder the run's: empty, or as it was at the checkpoint, which is given too.
    pub fn open(mut self) -> Result<(RunFolder, Option<Checkpoint>)> {
        remove_parts(&self.path, &files::<C>());
        let text = self.config.to_toml();
        let (tables, checkpoint) = match self.from.take() {
            Some(Interrupted {
                shorter: true,
                checkpoint,
                tables,
            }) => {
                self.start(&text)?;
                let copy = |(table, file): (RowTable, TableFile)| {
                    Ok((table, file.copy_to(self.path.join(table.file()))?))
                };
                let tables = tables.into_iter().map(copy).collect::<Result<_>>()?;
                (tables, Some(checkpoint))
            }
            Some(Interrupted {
                checkpoint, tables, ..
            }) => {
                restore(&self.path, &text)?;
                tables.iter().try_for_each(|(_, file)| file.cut())?;
                (tables, Some(checkpoint))
            }
            None => (self.start(&text)?, None),
        };
        let (path, lock) = (self.path.clone(), self.lock.take());
        let folder = RunFolder::new(path, &self.config, tables, lock);
        Ok((folder, checkpoint))
    }

    /// Empties the folder, and starts the run's tables in it.
    fn start(&self, text: &str) -> Result<Vec<(RowTable, TableFile)>> {
        let tables = self.config.headers();
        let rewritten = |file: &&str| tables.iter().all(|(table, _)| table.file() != *file);
        let stale: Vec<&str> = files::<C>().into_iter().filter(rewritten).collect();
        begin(&self.path, &stale, text)?;
        let create = |(table, header): (RowTable, String)| {
            let file = TableFile::create(self.path.join(table.file()), &header)?;
            Ok((table, file))
        };
        tables.into_iter().map(create).collect()
    }
}

/// Removes those of `ours` that a killed run had not finished writing.
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
    match write_before_another(&path.join(CONFIG), config) {
        Err(Error::Io { source, .. }) => Err(Error::unwritable(path, &source)),
        other => other,
    }
}
