//! CIFAR-10's official binary version: an image is a byte of label, then 32x32 bytes of red, of green,
//! of blue (<https://www.cs.toronto.edu/~kriz/cifar.html>).

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    files::{exists, invalid, open, read, read_all, unpacked, unreadable},
    split::Split,
};
use crate::Result;

/// The names of the labels (the archive's batches.meta.txt).
pub const CLASSES: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

/// Channels, height and width of an image.
pub const SHAPE: [usize; 3] = [3, 32, 32];

/// The official archive.
pub const ARCHIVE: &str = "cifar-10-binary.tar.gz";

/// The names and folders that [`find`] accepts.
pub const FORMS: &str = "cifar-10-binary.tar.gz, cifar-10-batches-bin/data_batch_1.bin (or \
     data_batch_1.bin), plain_text/train-00000-of-00001.parquet (or train-00000-of-00001.parquet)";

/// The files in the archive; the last is the test set.
const BATCHES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];

const IMAGE: usize = SHAPE[0] * SHAPE[1] * SHAPE[2];
const RECORD: usize = 1 + IMAGE;
/// An official batch has 10,000 images.
const BATCH_LIMIT: usize = 10_000 * RECORD;

/// The training and the test set in `folder`, or `None` if it has neither.
pub fn find(folder: &Path) -> Result<Option<(Split, Split)>> {
    for folder in [folder, &folder.join("cifar-10-batches-bin")] {
        for batch in BATCHES {
            if exists(&folder.join(batch))? {
                return from_folder(folder).map(Some);
            }
        }
    }
    let archive = folder.join(ARCHIVE);
    if exists(&archive)? {
        return from_archive(&archive).map(Some);
    }
    for folder in [folder, &folder.join("plain_text")] {
        let [train, test] =
            ["train", "test"].map(|set| folder.join(format!("{set}-00000-of-00001.parquet")));
        if exists(&train)? || exists(&test)? {
            return Ok(Some((from_parquet(&train)?, from_parquet(&test)?)));
        }
    }
    for python in ["cifar-10-python.tar.gz", "cifar-10-batches-py"] {
        let python = folder.join(python);
        if exists(&python)? {
            return Err(invalid(
                &python,
                format!("this is the version for Python; needed: the binary version, {ARCHIVE}"),
            ));
        }
    }
    Ok(None)
}

fn from_folder(folder: &Path) -> Result<(Split, Split)> {
    let batch = |name: &str| {
        let path = folder.join(name);
        if !exists(&path)? {
            let all = BATCHES.join(", ");
            return Err(invalid(folder, format!("{name} is missing; needed: {all}")));
        }
        let bytes = read(&path, BATCH_LIMIT)?;
        Ok((path, bytes))
    };
    splits(BATCHES.map(batch))
}

fn from_archive(path: &Path) -> Result<(Split, Split)> {
    let unreadable = |error| unreadable(path, error);
    // No more than this is unpacked, whatever the archive claims.
    let mut content = unpacked(open(path)?).take((BATCHES.len() * BATCH_LIMIT + (1 << 20)) as u64);
    let mut found: [Option<Vec<u8>>; 6] = Default::default();
    let mut archive = tar::Archive::new(&mut content);
    for entry in archive.entries().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.path().map_err(unreadable)?.into_owned();
        let name = name.file_name().and_then(|name| name.to_str());
        let Some(batch) = BATCHES.iter().position(|batch| Some(*batch) == name) else {
            continue;
        };
        let size = entry.size();
        let bytes = read_all(entry, &inside(path, BATCHES[batch]), BATCH_LIMIT)?;
        if bytes.len() as u64 != size {
            return Err(unreadable(io::ErrorKind::UnexpectedEof.into()));
        }
        found[batch] = Some(bytes);
    }
    // Read to the end: gzip's checksum comes last.
    io::copy(&mut content, &mut io::sink()).map_err(unreadable)?;
    let mut found = found.into_iter();
    splits(BATCHES.map(|name| match found.next().flatten() {
        Some(bytes) => Ok((inside(path, name), bytes)),
        None => Err(invalid(path, format!("there is no {name} in it"))),
    }))
}

/// The path by which errors name a file in an archive.
fn inside(archive: &Path, name: &str) -> PathBuf {
    PathBuf::from(format!("{}: {name}", archive.display()))
}

#[cfg(feature = "parquet")]
fn from_parquet(path: &Path) -> Result<Split> {
    super::hugging_face::read(path, SHAPE)
}

#[cfg(not(feature = "parquet"))]
fn from_parquet(path: &Path) -> Result<Split> {
    Err(invalid(
        path,
        "this program was built without the feature `parquet`; needed: the binary version",
    ))
}

fn splits(batches: [Result<(PathBuf, Vec<u8>)>; 6]) -> Result<(Split, Split)> {
    let (mut train, mut test) = (Split::empty(SHAPE), Split::empty(SHAPE));
    for (i, batch) in batches.into_iter().enumerate() {
        let (path, bytes) = batch?;
        let last = i + 1 == BATCHES.len();
        records(&path, &bytes, if last { &mut test } else { &mut train })?;
    }
    Ok((train, test))
}

/// Adds the images of a batch to `split`.
fn records(path: &Path, bytes: &[u8], split: &mut Split) -> Result<()> {
    if bytes.is_empty() || !bytes.len().is_multiple_of(RECORD) {
        return Err(invalid(
            path,
            format!(
                "{} bytes; needed: a multiple of {RECORD}, a label and an image of 3x32x32",
                bytes.len()
            ),
        ));
    }
    for record in bytes.chunks_exact(RECORD) {
        split.push(path, u64::from(record[0]), &record[1..])?;
    }
    Ok(())
}
