//! A run's folder: its configuration first, its rows as they come, its outcome last.

use std::{
    fs::{self, File, TryLockError},
    io::{ErrorKind, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Checkpoint, Config, ConfigSource, DiagnosticsRow, EpisodeRow, EvaluationRow, Observer, Outcome,
    Snapshot, UpdateRow,
};
use crate::{
    Error, Result,
    files::{csv_text, write_whole},
};

pub(super) const CONFIG: &str = "config.toml";
/// The file that is there when a run has ended, and last.
pub const OUTCOME: &str = "outcome.csv";
const EPISODES: &str = "episodes.csv";
const EVALUATIONS: &str = "evaluations.csv";
const UPDATES: &str = "updates.csv";
const DIAGNOSTICS: &str = "diagnostics.csv";
pub(super) const CHECKPOINT: &str = "checkpoint.safetensors";
/// The weights of the policy that did best in an evaluation.
pub const POLICY: &str = "policy.safetensors";
pub(super) const LOCK: &str = ".lock";
/// The run's figure.
pub const FIGURE: &str = "learning_curve.png";
/// The figure of its diagnostics, if it has any.
pub const DIAGNOSTICS_FIGURE: &str = "diagnostics.png";
/// Where and how fast it ran.
pub(super) const MACHINE: &str = "machine.toml";

/// Every file of a run.
const OURS: [&str; 12] = [
    CONFIG,
    OUTCOME,
    EPISODES,
    EVALUATIONS,
    UPDATES,
    DIAGNOSTICS,
    CHECKPOINT,
    POLICY,
    FIGURE,
    DIAGNOSTICS_FIGURE,
    MACHINE,
    LOCK,
];

/// Where a run goes when nobody says: `runs/<env>/<optimiser>-s<seed>-<id>`.
pub fn default_folder(config: &Config) -> PathBuf {
    let tame = |text: &str| -> String {
        let keep = |c: char| c.is_ascii_alphanumeric() || "-_.=,".contains(c);
        // File systems take names of 255 bytes; the id tells apart what is cut here.
        text.chars()
            .take(120)
            .map(|c| if keep(c) { c } else { '-' })
            .collect()
    };
    let (optimiser, seed, id) = (config.optimiser.entry().name, config.run.seed, config.id());
    [
        "runs",
        &tame(&config.run.env),
        &format!("{optimiser}-s{seed}-{id}"),
    ]
    .iter()
    .collect()
}

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
pub enum Opened {
    /// Nothing finished: the run can start, or go on from a checkpoint.
    Unfinished(Box<Ready>),
    /// This very run, finished earlier.
    Finished(Finished),
}

/// The folder of a run in progress. `outcome.csv` appears last, whole or not at all: a folder
/// without it holds an unfinished run, which may be run again over it.
///
/// `checkpoint.safetensors` is where the run can go on, until it has finished.
pub struct RunFolder {
    path: PathBuf,
    policy: Vec<u8>,
    episodes: Rows,
    evaluations: Rows,
    updates: Rows,
    diagnostics: Option<Rows>,
    /// Held while the run goes, so that no other process writes here too.
    _lock: File,
}

/// What is in a folder where a run should go.
pub(super) enum Holds {
    Nothing,
    ThisUnfinished,
    ThisFinished,
    OtherRun,
    /// Something that no run left there.
    Foreign(String),
}

/// `text` is the configuration of the run that should go there, and `ours` are the files of its kind of
/// run; `is_run` knows the configuration file of another.
pub(super) fn holds(
    path: &Path,
    text: &str,
    ours: &[&str],
    is_run: impl Fn(&Path) -> bool,
) -> Result<Holds> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Holds::Nothing),
        Err(error) => return Err(Error::unwritable(path, &error)),
    };
    let names = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<Vec<String>>>()
        .map_err(|error| Error::unwritable(path, &error))?;
    // What a run that was killed was writing, it had under such a name.
    let whole = |name: &str| name.trim_end_matches(".part").replace(".part.png", ".png");
    let foreign = |name: &&String| !ours.contains(&whole(name).as_str());
    let foreign = names.iter().find(foreign);
    let config = path.join(CONFIG);
    let found = fs::read_to_string(&config).unwrap_or_default();
    Ok(
        if found == text && names.iter().any(|name| name == OUTCOME) {
            Holds::ThisFinished
        } else if found == text {
            Holds::ThisUnfinished
        } else if names.iter().all(|name| name == LOCK) {
            Holds::Nothing
        } else if found.is_empty() {
            // Interrupted before its first file was whole, or never a run's.
            foreign.map_or(Holds::ThisUnfinished, |name| Holds::Foreign(name.clone()))
        } else if is_run(&config) {
            Holds::OtherRun
        } else {
            Holds::Foreign(CONFIG.into())
        },
    )
}

fn is_run(config: &Path) -> bool {
    ConfigSource::read(config).is_ok()
}

/// Takes the folder for this process.
pub(super) fn lock(path: &Path) -> Result<File> {
    let file = File::create(path.join(LOCK)).map_err(|error| Error::unwritable(path, &error))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Error::Taken(path.to_path_buf())),
        // Where locks are not supported, there is none.
        _ => Ok(file),
    }
}

/// Whether a run is finished here that is to be left; an error if what is here must not be touched.
pub(super) fn refused(path: &Path, holds: &Holds, again: Again) -> Result<bool> {
    let (shown, force) = (path.display(), again == Again::Force);
    match holds {
        Holds::Foreign(what) => Err(Error::usage(format!(
            "{shown} already holds {what}, which is no run's; choose another folder"
        ))),
        Holds::OtherRun if !force => Err(Error::usage(format!(
            "{shown} already holds another run; choose another --out, or --force to overwrite it"
        ))),
        Holds::ThisFinished => Ok(!force),
        _ => Ok(false),
    }
}

/// A folder that this process has taken for a run.
pub struct Ready {
    path: PathBuf,
    config: Config,
    lock: File,
    /// Where the run goes on; from the start if there is none.
    pub from: Option<Checkpoint>,
}

impl Ready {
    /// Makes it the run's: empty, or as it was at the checkpoint.
    pub fn open(self) -> Result<(RunFolder, Option<Checkpoint>)> {
        remove_parts(&self.path, &OURS);
        let folder = match &self.from {
            Some(from) => RunFolder::go_on(&self.path, self.lock, &self.config, from)?,
            None => RunFolder::start(&self.path, self.lock, &self.config)?,
        };
        Ok((folder, self.from))
    }
}

/// Removes what a run that was killed had not finished writing of `ours`.
pub(super) fn remove_parts(path: &Path, ours: &[&str]) {
    for name in ours {
        let part = match name.strip_suffix(".png") {
            Some(stem) => format!("{stem}.part.png"),
            None => format!("{name}.part"),
        };
        let _ = fs::remove_file(path.join(part));
    }
}

/// Starts a run's folder: without what is `stale`, with its configuration.
pub(super) fn begin(path: &Path, stale: &[&str], config: &str) -> Result<()> {
    // A stale outcome must go before anything of the new run is written.
    for stale in stale {
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

impl RunFolder {
    /// Looks at `path`, takes it for the run `config` and creates it where needed. Nothing in it changes
    /// before [`Ready::open`].
    ///
    /// A folder that holds anything but a run is never touched.
    pub fn look(path: &Path, config: &Config, again: Again) -> Result<Opened> {
        let text = config.to_toml();
        if refused(path, &holds(path, &text, &OURS, is_run)?, again)? {
            return Finished::read(path).map(Opened::Finished);
        }
        fs::create_dir_all(path).map_err(|error| Error::unwritable(path, &error))?;
        let lock = lock(path)?;
        // Another process may have come to its end here in the meantime.
        let holds = holds(path, &text, &OURS, is_run)?;
        if refused(path, &holds, again)? {
            return Finished::read(path).map(Opened::Finished);
        }
        let saved = path.join(CHECKPOINT);
        let interrupted = matches!(holds, Holds::ThisUnfinished) && saved.exists();
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
            lock,
            from,
        })))
    }

    /// The run `config`, if it has finished at `path`. Nothing is touched.
    pub fn finished(path: &Path, config: &Config) -> Result<Option<Finished>> {
        match holds(path, &config.to_toml(), &OURS, is_run)? {
            Holds::ThisFinished => Finished::read(path).map(Some),
            _ => Ok(None),
        }
    }

    fn start(path: &Path, lock: File, config: &Config) -> Result<Self> {
        // A stale outcome must go before anything of the new run is written.
        let stale = [
            OUTCOME,
            CHECKPOINT,
            POLICY,
            FIGURE,
            DIAGNOSTICS,
            DIAGNOSTICS_FIGURE,
            MACHINE,
        ];
        begin(path, &stale, &config.to_toml())?;
        Ok(Self {
            path: path.to_path_buf(),
            policy: Vec::new(),
            episodes: Rows::create::<EpisodeRow>(path.join(EPISODES))?,
            evaluations: Rows::create::<EvaluationRow>(path.join(EVALUATIONS))?,
            updates: Rows::create::<UpdateRow>(path.join(UPDATES))?,
            diagnostics: match config.run.diagnostics {
                0 => None,
                _ => Some(Rows::create::<DiagnosticsRow>(path.join(DIAGNOSTICS))?),
            },
            _lock: lock,
        })
    }

    /// The folder as it was at `checkpoint`: what was written after it is forgotten.
    fn go_on(path: &Path, lock: File, config: &Config, checkpoint: &Checkpoint) -> Result<Self> {
        let rows = |name: &str| {
            let length = checkpoint.files.iter().find(|(file, _)| file == name);
            let length = length.map(|(_, length)| *length).unwrap_or_default();
            Rows::go_on(path.join(name), length)
        };
        Ok(Self {
            path: path.to_path_buf(),
            policy: Vec::new(),
            episodes: rows(EPISODES)?,
            evaluations: rows(EVALUATIONS)?,
            updates: rows(UPDATES)?,
            diagnostics: match config.run.diagnostics {
                0 => None,
                _ => Some(rows(DIAGNOSTICS)?),
            },
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every file of rows, under its name.
    fn rows(&mut self) -> impl Iterator<Item = (&'static str, &mut Rows)> {
        let diagnostics = self.diagnostics.as_mut();
        [
            (EPISODES, &mut self.episodes),
            (EVALUATIONS, &mut self.evaluations),
            (UPDATES, &mut self.updates),
        ]
        .into_iter()
        .chain(diagnostics.map(|rows| (DIAGNOSTICS, rows)))
    }

    /// Writes what is left and the outcome, and makes both last.
    pub fn finish(mut self: Box<Self>, outcome: Outcome) -> Result<Finished> {
        for (_, rows) in self.rows() {
            rows.flush()?;
            rows.sync()?;
        }
        write_whole(&self.path.join(POLICY), &self.policy)?;
        let row = csv_text([&outcome])?;
        write_whole(&self.path.join(OUTCOME), row)?;
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
    fn episode(&mut self, row: &EpisodeRow) -> Result<()> {
        self.episodes.write(row)
    }

    fn evaluation(&mut self, row: &EvaluationRow) -> Result<()> {
        self.evaluations.write(row)?;
        // Often enough for somebody who follows the files while the run goes.
        self.rows().try_for_each(|(_, rows)| rows.flush())
    }

    fn update(&mut self, row: &UpdateRow) -> Result<()> {
        self.updates.write(row)
    }

    fn diagnostics(&mut self, row: &DiagnosticsRow) -> Result<()> {
        match &mut self.diagnostics {
            Some(rows) => rows.write(row),
            None => Ok(()),
        }
    }

    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<()> {
        let mut lengths = Vec::new();
        for (name, rows) in self.rows() {
            rows.flush()?;
            // They must last before the checkpoint that counts on them.
            rows.sync()?;
            lengths.push((name, rows.length()?));
        }
        let data = snapshot.to_safetensors(&lengths)?;
        write_whole(&self.path.join(CHECKPOINT), data)
    }

    fn policy(&mut self, safetensors: &[u8]) -> Result<()> {
        self.policy = safetensors.to_vec();
        Ok(())
    }
}

/// The folder of a finished run.
pub struct Finished {
    /// The folder.
    pub path: PathBuf,
    /// What came of the run.
    pub outcome: Outcome,
}

impl Finished {
    /// Reads the outcome from `path`.
    pub fn read(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            outcome: read_outcome(path)?,
        })
    }

    /// Its configuration, as TOML.
    pub fn config(&self) -> Result<toml::Table> {
        read_config(&self.path)
    }

    /// Its training episodes.
    pub fn episodes(&self) -> Result<Vec<EpisodeRow>> {
        read_rows(&self.path.join(EPISODES))
    }

    /// Its evaluations.
    pub fn evaluations(&self) -> Result<Vec<EvaluationRow>> {
        read_rows(&self.path.join(EVALUATIONS))
    }

    /// Its recorded gradient steps.
    pub fn updates(&self) -> Result<Vec<UpdateRow>> {
        read_rows(&self.path.join(UPDATES))
    }

    /// Its diagnostics; an error if it was run without.
    pub fn diagnostics(&self) -> Result<Vec<DiagnosticsRow>> {
        read_rows(&self.path.join(DIAGNOSTICS))
    }
}

/// The outcome of the run in `folder`.
pub(super) fn read_outcome<T: DeserializeOwned>(folder: &Path) -> Result<T> {
    let file = folder.join(OUTCOME);
    read_rows(&file)?.pop().ok_or_else(|| {
        let file = file.display();
        Error::usage(format!("{file} has no row; --force runs it again"))
    })
}

/// The configuration of the run in `folder`, as TOML.
pub(super) fn read_config(folder: &Path) -> Result<toml::Table> {
    let path = folder.join(CONFIG);
    let text = fs::read_to_string(&path).map_err(|error| error.to_string());
    let table = text.and_then(|text| text.parse().map_err(|e: toml::de::Error| e.to_string()));
    table.map_err(|error| Error::usage(format!("cannot read {}: {error}", path.display())))
}

pub(super) fn read_rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let wrong =
        |error: csv::Error| Error::usage(format!("cannot read {}: {error}", path.display()));
    let mut reader = csv::Reader::from_path(path).map_err(wrong)?;
    reader
        .deserialize()
        .collect::<std::result::Result<_, _>>()
        .map_err(wrong)
}

/// A CSV file being written.
pub(super) struct Rows {
    path: PathBuf,
    writer: csv::Writer<File>,
}

impl Rows {
    /// Starts `path` with the header of rows `T`, which a file without rows has too.
    pub(super) fn create<T: Serialize + Default>(path: PathBuf) -> Result<Self> {
        let header = csv_text([T::default()])?;
        let header = header.lines().next().unwrap_or_default();
        let start = || {
            let mut file = File::create(&path)?;
            writeln!(file, "{header}")?;
            Ok(file)
        };
        let file = start().map_err(|error: std::io::Error| Error::unwritable(&path, &error))?;
        let writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(file);
        Ok(Self { path, writer })
    }

    /// Goes on with `path` behind its first `length` bytes.
    pub(super) fn go_on(path: PathBuf, length: u64) -> Result<Self> {
        let open = || {
            let mut file = File::options().write(true).open(&path)?;
            let found = file.metadata()?.len();
            if found < length {
                let why = format!("it has {found} bytes; the checkpoint counts on {length}");
                return Err(std::io::Error::new(ErrorKind::InvalidData, why));
            }
            file.set_len(length)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let file = open().map_err(|error| Error::io("cannot go on with", &path, error))?;
        let writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(file);
        Ok(Self { path, writer })
    }

    /// Bytes written, after a flush.
    pub(super) fn length(&self) -> Result<u64> {
        let metadata = self.writer.get_ref().metadata();
        let metadata = metadata.map_err(|error| Error::io("cannot read", &self.path, error))?;
        Ok(metadata.len())
    }

    pub(super) fn write(&mut self, row: &impl Serialize) -> Result<()> {
        let result = self.writer.serialize(row).map_err(std::io::Error::from);
        result.map_err(|error| Error::io("cannot write", &self.path, error))
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        let result = self.writer.flush();
        result.map_err(|error| Error::io("cannot write", &self.path, error))
    }

    pub(super) fn sync(&mut self) -> Result<()> {
        let result = self.writer.get_ref().sync_all();
        result.map_err(|error| Error::io("cannot write", &self.path, error))
    }
}
