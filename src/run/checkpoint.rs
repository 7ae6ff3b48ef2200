//! Where a run can go on: `checkpoint.safetensors`.
//!
//! It has everything that a run is at one moment, and how long each of the run's files was. The metadata
//! says whose it is: the run's id and the version of the program, since another version might go on
//! differently.

use std::path::Path;

use safetensors::Dtype;

use super::Configuration;
use optim::state_file::{self, Array, StateFile};

use crate::{Error, Result};

/// What is saved here, and the metadata's key.
const WHAT: &str = "checkpoint";
/// The array of the steps done.
const STEP: &str = "step";
/// What the names of files' lengths begin with.
const FILE: &str = "file:";

/// All that a run is at one moment.
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

    /// The content of the checkpoint, for a run whose files are of the given lengths now.
    pub fn to_safetensors(&self, files: &[(&str, u64)]) -> Result<Vec<u8>> {
        let length = |(name, length): &(&str, u64)| number(&format!("{FILE}{name}"), *length);
        let lengths: Vec<Array> = files.iter().map(length).collect();
        let arrays = self.arrays.iter().chain(&lengths);
        Ok(state_file::write(WHAT, self.owner.clone(), arrays)?)
    }
}

/// A checkpoint that was read.
pub struct Checkpoint {
    data: Vec<u8>,
    owner: String,
    path: String,
    /// Environment steps, or batches, done.
    pub step: u64,
    /// How long each file of the run's folder was, under its name.
    pub files: Vec<(String, u64)>,
}

impl Checkpoint {
    /// Reads the checkpoint of the run `config`; an error if it is another's, or damaged.
    pub fn read(path: &Path, config: &impl Configuration) -> Result<Self> {
        let data = std::fs::read(path).map_err(|e| Error::io("cannot read", path, e))?;
        let (shown, owner) = (path.display().to_string(), owner(config));
        let read = || {
            let saved = StateFile::read(WHAT, &owner, &data)?;
            let names = saved.names().into_iter();
            let files = names.filter_map(|name| Some((name, name.strip_prefix(FILE)?)));
            let length = |(name, file): (&str, &str)| Ok((file.to_owned(), saved.count(name)?));
            let files = files.map(length).collect::<Result<_>>()?;
            Ok((saved.count(STEP)?, files))
        };
        let (step, files) = read().map_err(|error: Error| {
            Error::usage(format!("{shown}: {error}; it is left as it is"))
        })?;
        Ok(Self {
            step,
            files,
            owner,
            path: shown,
            data,
        })
    }

    /// Restores what was saved with `load`; an error names the file.
    pub fn restore<T>(&self, load: impl FnOnce(&StateFile) -> Result<T>) -> Result<T> {
        let read = || load(&StateFile::read(WHAT, &self.owner, &self.data)?);
        read().map_err(|error| Error::usage(format!("{}: {error}", self.path)))
    }
}
