//! Reading files without trusting their content.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use crate::{Error, Result};

/// The error that `path` is not what it should be, and why.
pub fn invalid(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::usage(format!("{}: {why}", path.display()))
}

/// Whether there is something at `path`; an error if that cannot be found out.
pub fn exists(path: &Path) -> Result<bool> {
    path.try_exists()
        .map_err(|error| Error::io("cannot read", path, error).of_named())
}

/// Opens the file `path`.
pub fn open(path: &Path) -> Result<BufReader<File>> {
    File::open(path)
        .map(|file| BufReader::with_capacity(1 << 16, file))
        .map_err(|error| Error::io("cannot read", path, error))
}

/// The content of `gzip`.
pub fn unpacked<R: io::BufRead>(gzip: R) -> MultiGzDecoder<R> {
    MultiGzDecoder::new(gzip)
}

/// The error of reading `path`: either the system failed, or the bytes make no sense.
pub fn unreadable(path: &Path, error: io::Error) -> Error {
    if error.raw_os_error().is_some() {
        return Error::io("cannot read", path, error);
    }
    let why = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early".to_string(),
        _ => error.to_string(),
    };
    invalid(
        path,
        format!("damaged, or not what its name says ({why}); delete it and get it again"),
    )
}

/// The whole content of `path`, unpacked if its name ends in `.gz`; an error if it exceeds `limit` bytes.
pub fn read(path: &Path, limit: usize) -> Result<Vec<u8>> {
    let file = open(path)?;
    if path.extension().is_some_and(|end| end == "gz") {
        read_all(unpacked(file), path, limit)
    } else {
        read_all(file, path, limit)
    }
}

/// The whole content of `reader`, which reads `path` or a part of it; an error if it exceeds `limit` bytes.
pub fn read_all(reader: impl Read, path: &Path, limit: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, error))?;
    if bytes.len() > limit {
        return Err(invalid(
            path,
            format!("it holds more than the {limit} bytes of the official file"),
        ));
    }
    Ok(bytes)
}
