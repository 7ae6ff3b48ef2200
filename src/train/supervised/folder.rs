//! The folder of a supervised run: its configuration first, its rows as they come, its outcome last.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::{
    EpochRow, HistoryRow, SupervisedConfig, SupervisedObserver, SupervisedOutcome,
    run::{lengths, step},
};
use crate::{
    Error, Result,
    files::{csv_text, write_whole},
    train::{
        Again, Snapshot,
        folder::{
            CHECKPOINT, CONFIG, Holds, LOCK, MACHINE, OUTCOME, Rows, begin, holds, lock,
            read_config, read_outcome, read_rows, refused, remove_parts,
        },
    },
};

const HISTORY: &str = "history.csv";
const EPOCHS: &str = "epochs.csv";
const WEIGHTS: &str = "weights.safetensors";
/// The figure of a run, and of a comparison.
pub const METRICS: &str = "training_metrics.png";

/// Every file of a run.
const OURS: [&str; 9] = [
    CONFIG, OUTCOME, HISTORY, EPOCHS, WEIGHTS, CHECKPOINT, METRICS, MACHINE, LOCK,
];

/// Where a run goes when nobody says: `runs/<dataset>/<optimiser>-s<seed>-<id>`.
pub fn default_supervised_folder(config: &SupervisedConfig) -> PathBuf {
    let (optimiser, id) = (config.optimiser.entry().name, config.id());
    let name = format!("{optimiser}-s{}-{id}", config.run.seed);
    ["runs", &config.run.dataset.to_string(), &name]
        .iter()
        .collect()
}

/// What was found where a supervised run should go.
pub enum SupervisedOpened {
    /// Nothing finished: the run can start, or go on from a checkpoint.
    Unfinished(Box<SupervisedReady>),
    /// This very run, finished earlier.
    Finished(Box<SupervisedFinished>),
}

/// A folder that this process has taken for a run.
pub struct SupervisedReady {
    path: PathBuf,
    config: SupervisedConfig,
    /// Until it is opened.
    lock: Option<File>,
    /// Whether the folder was made for it.
    made: bool,
    from: Option<Vec<u8>>,
}

impl Drop for SupervisedReady {
    /// A run that never began, for want of its data say, leaves nothing behind.
    fn drop(&mut self) {
        if self.lock.take().is_some() {
            let _ = fs::remove_file(self.path.join(LOCK));
            if self.made {
                let _ = fs::remove_dir(&self.path);
            }
        }
    }
}

/// The folder of a supervised run in progress.
pub struct SupervisedFolder {
    path: PathBuf,
    history: Rows,
    epochs: Rows,
    _lock: Option<File>,
}

/// A configuration file that has what these have.
fn is_run(config: &Path) -> bool {
    let text = fs::read_to_string(config).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let run = table.get("run").and_then(toml::Value::as_table);
    run.is_some_and(|run| run.contains_key("dataset") && run.contains_key("net"))
}

impl SupervisedReady {
    /// Batches done by its checkpoint, 0 if there is none.
    pub fn step(&self) -> Result<u64> {
        let at = |from: &Vec<u8>| step(&self.config, from);
        self.from.as_ref().map_or(Ok(0), at)
    }

    /// Makes it the run's: empty, or as it was at the checkpoint, which is given too.
    pub fn open(mut self) -> Result<(SupervisedFolder, Option<Vec<u8>>)> {
        let (path, from) = (self.path.clone(), self.from.take());
        let (config, lock) = (&self.config, self.lock.take());
        remove_parts(&path, &OURS);
        let (history, epochs) = match &from {
            Some(from) => {
                let lengths = lengths(config, from)?;
                let rows = |name: &str| {
                    let length = lengths.iter().find(|(file, _)| file == name);
                    Rows::go_on(path.join(name), length.map_or(0, |(_, length)| *length))
                };
                (rows(HISTORY)?, rows(EPOCHS)?)
            }
            None => {
                let stale = [OUTCOME, CHECKPOINT, WEIGHTS, METRICS, MACHINE];
                begin(&path, &stale, &config.to_toml())?;
                (
                    Rows::create::<HistoryRow>(path.join(HISTORY))?,
                    Rows::create::<EpochRow>(path.join(EPOCHS))?,
                )
            }
        };
        let folder = SupervisedFolder {
            path,
            history,
            epochs,
            _lock: lock,
        };
        Ok((folder, from))
    }
}

impl SupervisedFolder {
    /// Looks at `path`, takes it for the run `config` and creates it where needed. Nothing in it changes
    /// before [`SupervisedReady::open`].
    pub fn look(path: &Path, config: &SupervisedConfig, again: Again) -> Result<SupervisedOpened> {
        let text = config.to_toml();
        let finished = || {
            let run = SupervisedFinished::read(path)?;
            Ok(SupervisedOpened::Finished(Box::new(run)))
        };
        if refused(path, &holds(path, &text, &OURS, is_run)?, again)? {
            return finished();
        }
        let made = !path.exists();
        fs::create_dir_all(path).map_err(|error| Error::unwritable(path, &error))?;
        let lock = lock(path)?;
        // Another process may have come to its end here in the meantime.
        let holds = holds(path, &text, &OURS, is_run)?;
        if refused(path, &holds, again)? {
            return finished();
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
            Again::Resume if interrupted => {
                let data = fs::read(&saved).map_err(|e| Error::io("cannot read", &saved, e))?;
                lengths(config, &data).map_err(|error| {
                    let saved = saved.display();
                    Error::usage(format!("{saved}: {error}; it is left as it is"))
                })?;
                Some(data)
            }
            _ => None,
        };
        Ok(SupervisedOpened::Unfinished(Box::new(SupervisedReady {
            path: path.to_path_buf(),
            config: config.clone(),
            lock: Some(lock),
            made,
            from,
        })))
    }

    /// The run `config`, if it has finished at `path`. Nothing is touched.
    pub fn finished(path: &Path, config: &SupervisedConfig) -> Result<Option<SupervisedFinished>> {
        match holds(path, &config.to_toml(), &OURS, is_run)? {
            Holds::ThisFinished => SupervisedFinished::read(path).map(Some),
            _ => Ok(None),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn flush(&mut self) -> Result<()> {
        self.history.flush()?;
        self.epochs.flush()
    }

    /// Writes what is left and the outcome, and makes both last.
    pub fn finish(mut self, outcome: SupervisedOutcome) -> Result<SupervisedFinished> {
        self.flush()?;
        self.history.sync()?;
        self.epochs.sync()?;
        write_whole(&self.path.join(OUTCOME), csv_text([&outcome])?)?;
        for done_with in [CHECKPOINT, LOCK] {
            let _ = fs::remove_file(self.path.join(done_with));
        }
        Ok(SupervisedFinished {
            path: self.path,
            outcome,
        })
    }
}

impl SupervisedObserver for SupervisedFolder {
    fn history(&mut self, row: &HistoryRow) -> Result<()> {
        self.history.write(row)?;
        // Often enough for somebody who follows the file while the run goes.
        self.history.flush()
    }

    fn epoch(&mut self, row: &EpochRow) -> Result<()> {
        self.epochs.write(row)?;
        self.flush()
    }

    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.flush()?;
        // They must last before the checkpoint that counts on them.
        self.history.sync()?;
        self.epochs.sync()?;
        let lengths = [
            (HISTORY, self.history.length()?),
            (EPOCHS, self.epochs.length()?),
        ];
        write_whole(
            &self.path.join(CHECKPOINT),
            snapshot.to_safetensors(&lengths)?,
        )
    }

    fn weights(&mut self, safetensors: Vec<u8>) -> Result<()> {
        write_whole(&self.path.join(WEIGHTS), safetensors)
    }
}

/// The folder of a finished supervised run.
pub struct SupervisedFinished {
    /// The folder.
    pub path: PathBuf,
    /// What came of the run.
    pub outcome: SupervisedOutcome,
}

impl SupervisedFinished {
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

    /// Its training, a few batches a line.
    pub fn history(&self) -> Result<Vec<HistoryRow>> {
        read_rows(&self.path.join(HISTORY))
    }

    /// Its epochs.
    pub fn epochs(&self) -> Result<Vec<EpochRow>> {
        read_rows(&self.path.join(EPOCHS))
    }
}
