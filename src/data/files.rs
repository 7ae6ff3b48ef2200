//! Reading files of which nothing is known yet.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use crate::{Error, Result};

/// `path` is not what it should be: `why`.
pub fn bad(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::usage(format!("{}: {why}", path.display()))
}

/// Whether there is something at `path`; an error where that cannot be known.
pub fn exists(path: &Path) -> Result<bool> {
    path.try_exists()
        .map_err(|error| Error::io("cannot read", path, error))
}

/// The file `path`.
pub fn open(path: &Path) -> Result<BufReader<File>> {
    File::open(path)
        .map(|file| BufReader::with_capacity(1 << 16, file))
        .map_err(|error| Error::io("cannot read", path, error))
}

/// What `gzip` has packed.
pub fn unpacked<R: io::BufRead>(gzip: R) -> MultiGzDecoder<R> {
    MultiGzDecoder::new(gzip)
}

/// Why reading `path` failed: the system could not, or its bytes make no sense.
pub fn unreadable(path: &Path, error: io::Error) -> Error {
    if error.raw_os_error().is_some() {
        return Error::io("cannot read", path, error);
    }
    let why = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early".to_string(),
        _ => error.to_string(),
    };
    bad(
        path,
        format!("damaged, or not what its name says ({why}); delete it and get it again"),
    )
}

/// All that `path` holds, unpacked if its name ends in `.gz`; an error beyond `most` bytes.
pub fn read(path: &Path, most: usize) -> Result<Vec<u8>> {
    let file = open(path)?;
    if path.extension().is_some_and(|end| end == "gz") {
        all(unpacked(file), path, most)
    } else {
        all(file, path, most)
    }
}

/// All that `reader` gives, which is (part of) `path`; an error beyond `most` bytes.
pub fn all(reader: impl Read, path: &Path, most: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader
        .take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, error))?;
    if bytes.len() > most {
        return Err(bad(
            path,
            format!("there is more in it than the {most} bytes of the official one"),
        ));
    }
    Ok(bytes)
}
