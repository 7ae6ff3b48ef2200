//! The record of a study's finished runs. Each process appends the runs that it has done to its own file in
//! `results/EXPERIMENT/rows`, one line for each. Once the tables of results are written, they replace these files.
//!
//! Both may be copied to another machine or committed, and the study continues there. If two lines describe the same run,
//! the one in the file whose name sorts first counts. A last line without its end was being written when its process was
//! killed, and is ignored.

mod line;
mod tables;
mod writer;

pub use line::{Cost, FinishedRun};

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::{self, File},
    io::{ErrorKind, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use self::{line::Columns, tables::RUNS, writer::Writer};
use crate::{Error, Result};

/// The folder in that of the results.
pub const ROWS: &str = "rows";

/// At most one part in this many of the elapsed time goes into looking for others' runs.
const LOOK_SHARE: u32 = 10;

/// The finished runs of a study, as far as this process knows them.
#[derive(Default)]
pub struct FinishedRuns(Mutex<State>);

#[derive(Default)]
struct State {
    runs: HashMap<String, Known>,
    files: BTreeMap<String, ReadFile>,
    tables: Option<(u64, SystemTime)>,
    warnings: Vec<String>,
    looked: Option<(Instant, Duration)>,
    writer: Option<Writer>,
}

struct Known {
    run: FinishedRun,
    /// Where it is; the entry with the smallest place counts.
    place: WrittenAt,
}

/// A line of a file; the tables come last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum WrittenAt {
    Line(String, usize),
    Tables,
}

/// How far a file has been read.
#[derive(Default)]
struct ReadFile {
    /// The bytes of whole lines.
    bytes: u64,
    lines: usize,
    columns: Option<Columns>,
    /// Whether it is a file of something else.
    foreign: bool,
}

impl FinishedRuns {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is new in the results folder `out`. The caller ensures that no process writes tables meanwhile.
    pub fn read(&self, out: &Path) -> Result<()> {
        let mut state = self.state();
        let started = Instant::now();
        state.read_tables(out)?;
        state.read_files(&out.join(ROWS))?;
        state.looked = Some((Instant::now(), started.elapsed()));
        Ok(())
    }

    /// Whether looking for others' runs again would take only a small part of the time.
    pub fn may_look(&self) -> bool {
        let looked = self.state().looked;
        looked.is_none_or(|(at, took)| at.elapsed() >= took * LOOK_SHARE)
    }

    /// Whether anything was read yet.
    pub fn was_read(&self) -> bool {
        self.state().looked.is_some()
    }

    /// The run `id`, if it has finished; if `whole`, only if its whole outcome is known.
    pub fn get(&self, id: &str, whole: bool) -> Option<FinishedRun> {
        let state = self.state();
        let known = state.runs.get(id);
        let known = known.filter(|known| !whole || known.run.is_whole());
        known.map(|known| known.run.clone())
    }

    /// Whether [`get`](Self::get) has anything.
    pub fn has(&self, id: &str, whole: bool) -> bool {
        let state = self.state();
        let known = state.runs.get(id);
        known.is_some_and(|known| !whole || known.run.is_whole())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.state().runs.len()
    }

    /// Damage and disagreements that were found; each is reported once.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.state().warnings)
    }

    /// Appends `run` to this process's file in the results folder `out`. If `now`, it is on the disk when this returns.
    pub fn append(&self, out: &Path, run: FinishedRun, now: bool) -> Result<()> {
        let line = run.to_line()?;
        let mut state = self.state();
        let writer = match &mut state.writer {
            Some(writer) => writer,
            none => none.insert(Writer::create(&out.join(ROWS))?),
        };
        let name = name_of(writer.path());
        if let Err(error) = writer.append(&line, now) {
            state.writer = None;
            state.files.remove(&name);
            return Err(error);
        }
        let at = state.files.entry(name.clone()).or_default();
        // This process knows its own lines; it reads the file only after it has closed it.
        at.lines += 1;
        let place = WrittenAt::Line(name, at.lines + 1);
        state.add(run, place);
        Ok(())
    }

    /// Syncs what this process has appended to the disk.
    pub fn sync(&self) -> Result<()> {
        match &self.state().writer {
            Some(writer) => writer.sync(),
            None => Ok(()),
        }
    }

    /// Writes the runs that are not among `ids` to a file of their own, because the files and tables that have them
    /// will be replaced.
    pub fn save_others(&self, out: &Path, ids: &HashSet<&str>) -> Result<()> {
        let others: Vec<FinishedRun> = {
            let state = self.state();
            let others = state.runs.values().map(|known| &known.run);
            others
                .filter(|run| !ids.contains(run.id.as_str()))
                .cloned()
                .collect()
        };
        self.close()?;
        let mut sorted = others;
        sorted.sort_by(|a, b| a.id.cmp(&b.id));
        for run in sorted {
            let line = run.to_line()?;
            let mut state = self.state();
            let writer = match &mut state.writer {
                Some(writer) => writer,
                none => none.insert(Writer::create(&out.join(ROWS))?),
            };
            writer.append(&line, false)?;
        }
        self.sync()
    }

    /// Closes this process's file, which is then treated like those of others.
    fn close(&self) -> Result<()> {
        let mut state = self.state();
        if let Some(writer) = state.writer.take() {
            writer.sync()?;
            let bytes = fs::metadata(writer.path()).map_or(0, |of| of.len());
            let at = state.files.entry(name_of(writer.path())).or_default();
            at.bytes = bytes;
        }
        Ok(())
    }

    /// Removes the files whose runs are all in the tables now, or in the file that
    /// [`save_others`](Self::save_others) wrote. Files to which processes may still append stay.
    pub fn remove_files(&self, out: &Path) {
        let mut state = self.state();
        let rows = out.join(ROWS);
        let own = state.writer.take().map(|writer| name_of(writer.path()));
        for (name, read) in &state.files {
            let path = rows.join(name);
            if own.as_ref() == Some(name) || read.foreign {
                continue;
            }
            let Ok(file) = File::options().append(true).open(&path) else {
                continue;
            };
            let in_use = matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock));
            let whole = |length: u64| length == read.bytes || !ends_with_line(&path, read.bytes);
            let grew = file.metadata().is_ok_and(|of| !whole(of.len()));
            if !in_use && !grew {
                let _ = fs::remove_file(&path);
            }
        }
        let _ = fs::remove_dir(&rows);
        // What is left is read again when it is needed.
        *state = State::default();
    }
}

/// Whether there is a complete line in the file at `path` after its first `bytes` bytes.
fn ends_with_line(path: &Path, bytes: u64) -> bool {
    read_from(path, bytes).is_ok_and(|rest| rest.contains(&b'\n'))
}

impl State {
    fn read_tables(&mut self, out: &Path) -> Result<()> {
        let path = out.join(RUNS);
        let stamp = fs::metadata(&path).ok();
        let stamp = stamp.map(|of| (of.len(), of.modified().unwrap_or(SystemTime::UNIX_EPOCH)));
        if stamp != self.tables {
            for run in tables::read(out)? {
                self.add(run, WrittenAt::Tables);
            }
            self.tables = stamp;
        }
        Ok(())
    }

    fn read_files(&mut self, rows: &Path) -> Result<()> {
        let entries = match fs::read_dir(rows) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io("cannot read", rows, error)),
        };
        let own = self.writer.as_ref().map(|writer| name_of(writer.path()));
        let mut names: Vec<String> = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| Error::io("cannot read", rows, error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".csv") && Some(&name) != own.as_ref() {
                names.push(name);
            }
        }
        names.sort();
        for name in names {
            self.read_file(&rows.join(&name), name)?;
        }
        Ok(())
    }

    /// Reads the lines of a file that have not been read yet.
    fn read_file(&mut self, path: &Path, name: String) -> Result<()> {
        let mut at = self.files.remove(&name).unwrap_or_default();
        let read = match at.foreign {
            true => Ok(Vec::new()),
            false => read_from(path, at.bytes),
        };
        let content = match read {
            Ok(content) => content,
            // Its runs are in the tables now.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io("cannot read", path, error)),
        };
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            let Some(line) = line.strip_suffix(b"\n") else {
                break;
            };
            at.bytes += line.len() as u64 + 1;
            at.lines += 1;
            let place = WrittenAt::Line(name.clone(), at.lines);
            let Some(columns) = &at.columns else {
                match Columns::of(line) {
                    Ok(columns) => at.columns = Some(columns),
                    Err(why) => {
                        self.warnings.push(format!(
                            "{} is not a file of finished runs: {why}; it is not read",
                            path.display()
                        ));
                        at.foreign = true;
                        break;
                    }
                }
                continue;
            };
            match columns.read(line) {
                Ok(run) => self.add(run, place),
                Err(why) => self.warnings.push(format!(
                    "{}, line {}, is damaged: {why}; `study run` does its run again",
                    path.display(),
                    at.lines
                )),
            }
        }
        self.files.insert(name, at);
        Ok(())
    }

    fn add(&mut self, run: FinishedRun, place: WrittenAt) {
        if let Some(known) = self.runs.get(&run.id) {
            if known.run.is_whole() && run.is_whole() && known.run.outcome != run.outcome {
                self.warnings.push(format!(
                    "run {} has two outcomes, in {} and in {}; the first counts",
                    run.id,
                    known.place.clone().min(place.clone()),
                    known.place.clone().max(place.clone()),
                ));
            }
            let better = (run.is_whole(), &known.place) > (known.run.is_whole(), &place);
            if !better {
                return;
            }
        }
        self.runs.insert(run.id.clone(), Known { run, place });
    }
}

impl std::fmt::Display for WrittenAt {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            WrittenAt::Line(file, line) => write!(f, "{ROWS}/{file}, line {line}"),
            WrittenAt::Tables => f.write_str(RUNS),
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The content of the file at `path` after its first `bytes` bytes.
fn read_from(path: &Path, bytes: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut content = Vec::new();
    if file.metadata()?.len() > bytes {
        file.seek(SeekFrom::Start(bytes))?;
        file.read_to_end(&mut content)?;
    }
    Ok(content)
}

/// Locks the results of a study whose runs' folder is `runs`, while they are written, or while they are read.
pub fn lock_results(runs: &Path, write: bool) -> Result<Option<File>> {
    let path: PathBuf = runs.join(".lock");
    let lock = match write {
        true => {
            let created = fs::create_dir_all(runs).and_then(|()| File::create(&path));
            Some(created.map_err(|error| Error::io("cannot write", &path, error))?)
        }
        false => File::open(&path).ok(),
    };
    // Some file systems have no locks.
    match &lock {
        Some(file) if write => drop(file.lock()),
        Some(file) => drop(file.lock_shared()),
        None => {}
    }
    Ok(lock)
}
