//! The state from which a run can continue: `checkpoint.safetensors`.
//!
//! It holds a run's whole state at one moment, and the length and SHA-256 of each of the run's files at that moment. The
//! metadata has the run's id and the version of the program, because another version might continue differently.

use std::path::Path;

use safetensors::Dtype;

use super::Configuration;
use optim::state_file::{self, Array, StateFile};

use crate::{Error, Result, checksums::Checksum, files::check_is_file};

/// The metadata's key, which says what is saved here.
const WHAT: &str = "checkpoint";
/// The array of the steps done.
const STEP: &str = "step";
/// What the names of files' lengths begin with.
const FILE: &str = "file:";
/// What the names of their SHA-256 begin with.
const SHA256: &str = "sha256:";
/// What the names of tables' content begin with, if the content is in the checkpoint itself.
const TABLE: &str = "table:";

/// A run's whole state at one moment.
pub struct Snapshot {
    owner: String,
    arrays: Vec<Array>,
}

/// The run that a checkpoint belongs to, as its metadata has it.
fn owner(config: &impl Configuration) -> String {
    format!("run {}, version {}", config.id(), env!("CARGO_PKG_VERSION"))
}

fn number(name: &str, value: u64) -> Array {
    (
        name.into(),
        Dtype::U64,
        vec![1],
        value.to_le_bytes().to_vec(),
    )
}

impl Snapshot {
    /// The run `config` after `step` steps, with all of its state in `arrays`.
    pub fn new(config: &impl Configuration, step: u64, mut arrays: Vec<Array>) -> Self {
        arrays.push(number(STEP, step));
        let owner = owner(config);
        Self { owner, arrays }
    }

    /// The content of the checkpoint, for a run whose files are as given now.
    pub fn to_safetensors(&self, files: &[(&str, Checksum)]) -> Result<Vec<u8>> {
        let of_file = |(name, sum): &(&str, Checksum)| {
            let digits = sum.sha256.clone().into_bytes();
            let name_of_sum = format!("{SHA256}{name}");
            [
                number(&format!("{FILE}{name}"), sum.bytes),
                (name_of_sum, Dtype::U8, vec![digits.len()], digits),
            ]
        };
        self.with(files.iter().flat_map(of_file).collect())
    }

    /// The content of the checkpoint, for a run whose tables are not files: each table's name and its content.
    pub fn with_tables(&self, tables: &[(&str, Vec<u8>)]) -> Result<Vec<u8>> {
        let of_table = |(name, content): &(&str, Vec<u8>)| {
            let shape = vec![content.len()];
            (format!("{TABLE}{name}"), Dtype::U8, shape, content.clone())
        };
        self.with(tables.iter().map(of_table).collect())
    }

    fn with(&self, more: Vec<Array>) -> Result<Vec<u8>> {
        let arrays = self.arrays.iter().chain(&more);
        Ok(state_file::write(WHAT, self.owner.clone(), arrays)?)
    }
}

/// A file as it was at a checkpoint.
pub struct Saved {
    /// The file's name.
    pub file: String,
    /// How long it was.
    pub bytes: u64,
    /// The SHA-256 of its content; missing in checkpoints from versions that did not write it.
    pub sha256: Option<String>,
}

/// A checkpoint that was read.
pub struct Checkpoint {
    data: Vec<u8>,
    owner: String,
    path: String,
    /// Environment steps, or batches, done.
    pub step: u64,
    /// What the tables of the run's folder held.
    pub files: Vec<Saved>,
}

impl Checkpoint {
    /// Reads the checkpoint of the run `config`; an error if it belongs to another run or is damaged.
    pub fn read(path: &Path, config: &impl Configuration) -> Result<Self> {
        check_is_file(path)?;
        let data = std::fs::read(path).map_err(|e| Error::io("cannot read", path, e))?;
        let (shown, owner) = (path.display().to_string(), owner(config));
        let read = || {
            let saved = StateFile::read(WHAT, &owner, &data)?;
            let names = saved.names().into_iter();
            let files = names.filter_map(|name| Some((name, name.strip_prefix(FILE)?)));
            let of_file = |(name, file): (&str, &str)| {
                let sum = saved.list(&format!("{SHA256}{file}"), Dtype::U8);
                Ok(Saved {
                    file: file.to_owned(),
                    bytes: saved.count(name)?,
                    sha256: sum
                        .ok()
                        .map(|sum| String::from_utf8_lossy(sum).into_owned()),
                })
            };
            let files = files.map(of_file).collect::<Result<_>>()?;
            Ok((saved.count(STEP)?, files))
        };
        let (step, files) = read().map_err(|error: Error| Error::unusable(path, error))?;
        Ok(Self {
            step,
            files,
            owner,
            path: shown,
            data,
        })
    }

    /// The content of a table that was not a file; an error if the checkpoint does not have it.
    pub fn table(&self, file: &str) -> Result<Vec<u8>> {
        let read = || {
            let saved = StateFile::read(WHAT, &self.owner, &self.data)?;
            Ok(saved.list(&format!("{TABLE}{file}"), Dtype::U8)?.to_vec())
        };
        let path = Path::new(&self.path);
        read().map_err(|error: Error| Error::unusable(path, error))
    }

    /// Restores what was saved with `load`; an error names the file.
    pub fn restore<T>(&self, load: impl FnOnce(&StateFile) -> Result<T>) -> Result<T> {
        let read = || load(&StateFile::read(WHAT, &self.owner, &self.data)?);
        read().map_err(|error| Error::usage(format!("{}: {error}", self.path)))
    }
}
