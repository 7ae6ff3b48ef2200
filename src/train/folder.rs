//! A run's folder: its configuration first, its rows as they come, its outcome last.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use super::{Config, EpisodeRow, EvaluationRow, Observer, Outcome, UpdateRow};
use crate::{Error, Result, files::write_whole};

const CONFIG: &str = "config.toml";
const OUTCOME: &str = "outcome.csv";
const EPISODES: &str = "episodes.csv";
const EVALUATIONS: &str = "evaluations.csv";
const UPDATES: &str = "updates.csv";

/// Where a run goes when nobody says: `runs/<env>/<optimiser>-s<seed>-<id>`.
pub fn default_folder(config: &Config) -> PathBuf {
    let tame = |text: &str| -> String {
        let keep = |c: char| c.is_ascii_alphanumeric() || "-_.=,".contains(c);
        text.chars()
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

/// What was found where a run should go.
pub enum Opened {
    /// Nothing finished: the run can start, and writes here.
    Fresh(Box<RunFolder>),
    /// This very run, finished earlier.
    Finished(Finished),
}

/// The folder of a run in progress. `outcome.csv` appears last, whole or not at all: a folder
/// without it holds an unfinished run, which may be run again over it.
pub struct RunFolder {
    path: PathBuf,
    episodes: Rows,
    evaluations: Rows,
    updates: Rows,
}

impl RunFolder {
    /// Opens `path` for the run `config`, creating it where needed.
    ///
    /// A finished run is never overwritten unless `force`; nor is anything else that is not an
    /// unfinished attempt at the same run.
    pub fn open(path: &Path, config: &Config, force: bool) -> Result<Opened> {
        let text = config.to_toml();
        if !force && path.exists() {
            let same = fs::read_to_string(path.join(CONFIG)).is_ok_and(|found| found == text);
            if same && path.join(OUTCOME).exists() {
                return Finished::read(path).map(Opened::Finished);
            }
            let empty = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
            if !same && !empty {
                let path = path.display();
                return Err(Error::usage(format!(
                    "{path} already holds something other than this run; choose another --out, or --force to overwrite the run there"
                )));
            }
        }
        fs::create_dir_all(path).map_err(|error| cannot_use(path, &error))?;
        // A stale outcome must go before anything of the new run is written.
        for stale in [OUTCOME, "learning_curve.png", "machine.toml"] {
            match fs::remove_file(path.join(stale)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(cannot_use(path, &error));
                }
                _ => {}
            }
        }
        fs::write(path.join(CONFIG), text).map_err(|error| cannot_use(path, &error))?;
        Ok(Opened::Fresh(Box::new(Self {
            path: path.to_path_buf(),
            episodes: Rows::create::<EpisodeRow>(path.join(EPISODES))?,
            evaluations: Rows::create::<EvaluationRow>(path.join(EVALUATIONS))?,
            updates: Rows::create::<UpdateRow>(path.join(UPDATES))?,
        })))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is left and the outcome, and makes both last.
    pub fn finish(mut self: Box<Self>, outcome: Outcome) -> Result<Finished> {
        for rows in [&mut self.episodes, &mut self.evaluations, &mut self.updates] {
            rows.flush()?;
            rows.sync()?;
        }
        let row = csv_text(&outcome)?;
        write_whole(&self.path.join(OUTCOME), row)?;
        Ok(Finished {
            path: self.path,
            outcome,
        })
    }
}

fn cannot_use(path: &Path, error: &std::io::Error) -> Error {
    let path = path.display();
    Error::usage(format!(
        "cannot write to {path}: {error}; choose a folder that can be written with --out"
    ))
}

impl Observer for RunFolder {
    fn episode(&mut self, row: &EpisodeRow) -> Result<()> {
        self.episodes.write(row)
    }

    fn evaluation(&mut self, row: &EvaluationRow) -> Result<()> {
        self.evaluations.write(row)?;
        // Often enough for somebody who follows the files while the run goes.
        self.episodes.flush()?;
        self.evaluations.flush()?;
        self.updates.flush()
    }

    fn update(&mut self, row: &UpdateRow) -> Result<()> {
        self.updates.write(row)
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
        let file = path.join(OUTCOME);
        let outcome = read_rows(&file)?
            .pop()
            .ok_or_else(|| Error::usage(format!("{} has no row", file.display())))?;
        Ok(Self {
            path: path.to_path_buf(),
            outcome,
        })
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
}

fn read_rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let wrong =
        |error: csv::Error| Error::usage(format!("cannot read {}: {error}", path.display()));
    let mut reader = csv::Reader::from_path(path).map_err(wrong)?;
    reader
        .deserialize()
        .collect::<std::result::Result<_, _>>()
        .map_err(wrong)
}

/// A CSV file being written.
struct Rows {
    path: PathBuf,
    writer: csv::Writer<File>,
}

impl Rows {
    /// Starts `path` with the header of rows `T`, which a file without rows has too.
    fn create<T: Serialize + Default>(path: PathBuf) -> Result<Self> {
        let header = csv_text(&T::default())?;
        let header = header.lines().next().unwrap_or_default();
        let start = || {
            let mut file = File::create(&path)?;
            writeln!(file, "{header}")?;
            Ok(file)
        };
        let file = start().map_err(|error: std::io::Error| cannot_use(&path, &error))?;
        let writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(file);
        Ok(Self { path, writer })
    }

    fn write(&mut self, row: &impl Serialize) -> Result<()> {
        let result = self.writer.serialize(row).map_err(std::io::Error::from);
        result.map_err(|error| Error::io("cannot write", &self.path, error))
    }

    fn flush(&mut self) -> Result<()> {
        let result = self.writer.flush();
        result.map_err(|error| Error::io("cannot write", &self.path, error))
    }

    fn sync(&mut self) -> Result<()> {
        let result = self.writer.get_ref().sync_all();
        result.map_err(|error| Error::io("cannot write", &self.path, error))
    }
}

/// One row as CSV, under its header.
fn csv_text(row: &impl Serialize) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = writer.serialize(row).map_err(std::io::Error::from);
    let bytes = written.and_then(|()| writer.into_inner().map_err(|e| e.into_error()));
    match bytes.map(String::from_utf8) {
        Ok(Ok(text)) => Ok(text),
        _ => Err(Error::usage("a row cannot be written as CSV")),
    }
}
