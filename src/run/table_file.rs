//! A table being written, and tables read back.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Error, Result,
    checksums::{Checksum, Checksummer},
};

/// The rows of the CSV file at `path` with this content, with the columns in the file's order.
pub(super) fn rows<T: DeserializeOwned>(path: &Path, content: &[u8]) -> Result<Vec<T>> {
    let mut reader = csv::Reader::from_reader(content);
    let rows = reader.deserialize().collect::<csv::Result<_>>();
    rows.map_err(|error| Error::damaged(path, error))
}

/// A CSV file being written.
pub(super) struct TableFile {
    path: PathBuf,
    writer: csv::Writer<Summed>,
}

/// A file, and the checksum of what was written to it.
struct Summed {
    file: File,
    sum: Checksummer,
}

impl Write for Summed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sum.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl TableFile {
    /// Starts `path` with its header.
    pub fn create(path: PathBuf, header: &str) -> Result<Self> {
        let start = || {
            let file = File::create(&path)?;
            let sum = Checksummer::default();
            let mut file = Summed { file, sum };
            file.write_all(format!("{header}\n").as_bytes())?;
            Ok(file)
        };
        let file = start().map_err(|error: std::io::Error| Error::unwritable(&path, &error))?;
        Ok(Self::onto(path, file))
    }

    /// Continues `path` after its first `length` bytes, whose SHA-256 is `sha256` if it is known. The file does not change
    /// before [`cut`](Self::cut).
    pub fn go_on(path: PathBuf, length: u64, sha256: Option<&str>) -> Result<Self> {
        Self::up_to(path, length, sha256, true)
    }

    /// The same for a file that is only [copied](Self::copy_to), and may be in a folder that cannot be written to.
    pub fn to_copy(path: PathBuf, length: u64, sha256: Option<&str>) -> Result<Self> {
        Self::up_to(path, length, sha256, false)
    }

    fn up_to(path: PathBuf, length: u64, sha256: Option<&str>, write: bool) -> Result<Self> {
        let unreadable = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => Error::missing(&path),
            _ => Error::io("cannot continue", &path, error),
        };
        let file = File::options().read(true).write(write).open(&path);
        let file = file.map_err(unreadable)?;
        let mut sum = Checksummer::default();
        let mut rows = (&file).take(length);
        let mut block = vec![0; 1 << 16];
        loop {
            match rows.read(&mut block).map_err(unreadable)? {
                0 => break,
                n => sum.add(&block[..n]),
            }
        }
        let Checksum {
            bytes,
            sha256: found,
        } = sum.now();
        if bytes < length {
            let why = format!("it has {bytes} bytes, and the checkpoint expects {length}");
            return Err(Error::damaged(&path, why));
        }
        if sha256.is_some_and(|saved| saved != found) {
            let why = "its content is not what it was at the checkpoint (its sha256 differs)";
            return Err(Error::damaged(&path, why));
        }
        Ok(Self::onto(path, Summed { file, sum }))
    }

    fn onto(path: PathBuf, file: Summed) -> Self {
        let writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(file);
        Self { path, writer }
    }

    /// Drops what is after the place where it continues.
    pub fn cut(&self) -> Result<()> {
        let Summed { file, sum } = self.writer.get_ref();
        let cut = || {
            file.set_len(sum.bytes())?;
            (&*file).seek(SeekFrom::End(0))
        };
        match cut() {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::io("cannot continue", &self.path, error)),
        }
    }

    /// A copy of it at `path`, up to the place where it continues.
    pub fn copy_to(&self, path: PathBuf) -> Result<Self> {
        let mut rows = Vec::new();
        let sum = self.sum();
        let mut file = &self.writer.get_ref().file;
        let read = file
            .rewind()
            .and_then(|()| file.take(sum.bytes).read_to_end(&mut rows));
        read.map_err(|error| Error::io("cannot read", &self.path, error))?;
        fs::write(&path, rows).map_err(|error| Error::unwritable(&path, &error))?;
        Self::go_on(path, sum.bytes, Some(&sum.sha256))
    }

    /// The checksum of what was written, after a flush.
    pub fn sum(&self) -> Checksum {
        self.writer.get_ref().sum.now()
    }

    pub fn write(&mut self, row: &impl Serialize) -> Result<()> {
        let result = self.writer.serialize(row).map_err(std::io::Error::from);
        result.map_err(|error| Error::io("cannot write", &self.path, error))
    }

    pub fn flush(&mut self) -> Result<()> {
        let result = self.writer.flush();
        result.map_err(|error| Error::io("cannot write", &self.path, error))
    }

    /// Syncs what was flushed to the disk.
    pub fn sync(&mut self) -> Result<()> {
        let result = self.writer.get_ref().file.sync_all();
        result.map_err(|error| Error::io("cannot write", &self.path, error))
    }
}
