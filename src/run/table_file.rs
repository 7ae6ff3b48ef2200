//! A table being written, and tables read back.

use std::{
    fs::File,
    io::{ErrorKind, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result};

/// The rows of the CSV file at `path`, each of its columns in the order of the file.
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
pub(super) struct TableFile {
    path: PathBuf,
    writer: csv::Writer<File>,
}

impl TableFile {
    /// Starts `path` with its header.
    pub fn create(path: PathBuf, header: &str) -> Result<Self> {
        let start = || {
            let mut file = File::create(&path)?;
            writeln!(file, "{header}")?;
            Ok(file)
        };
        let file = start().map_err(|error: std::io::Error| Error::unwritable(&path, &error))?;
        Ok(Self::onto(path, file))
    }

    /// Goes on with `path` behind its first `length` bytes.
    pub fn go_on(path: PathBuf, length: u64) -> Result<Self> {
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
        Ok(Self::onto(path, file))
    }

    fn onto(path: PathBuf, file: File) -> Self {
        let writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(file);
        Self { path, writer }
    }

    /// Bytes written, after a flush.
    pub fn length(&self) -> Result<u64> {
        let metadata = self.writer.get_ref().metadata();
        let metadata = metadata.map_err(|error| Error::io("cannot read", &self.path, error))?;
        Ok(metadata.len())
    }

    pub fn write(&mut self, row: &impl Serialize) -> Result<()> {
        let result = self.writer.serialize(row).map_err(std::io::Error::from);
        result.map_err(|error| Error::io("cannot write", &self.path, error))
    }

    pub fn flush(&mut self) -> Result<()> {
        let result = self.writer.flush();
        result.map_err(|error| Error::io("cannot write", &self.path, error))
    }

    /// Makes what was flushed last, whatever happens to the machine.
    pub fn sync(&mut self) -> Result<()> {
        let result = self.writer.get_ref().sync_all();
        result.map_err(|error| Error::io("cannot write", &self.path, error))
    }
}
