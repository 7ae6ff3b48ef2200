//! What files held when they were written, so that damage to them is noticed: `files.toml`.

use std::{collections::BTreeMap, fs, io::ErrorKind, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Error, Result,
    files::{check_is_file, hex},
};

/// The file of a folder that has the checksums of its other files.
pub const CHECKSUMS: &str = "files.toml";

/// The length and the SHA-256 of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checksum {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl Checksum {
    /// That of a file with this content.
    pub fn of(content: impl AsRef<[u8]>) -> Self {
        let mut sum = Checksummer::default();
        sum.add(content.as_ref());
        sum.now()
    }

    /// How a file with the checksum `found` differs from this one, which it had when it was written.
    pub fn difference(&self, found: &Self) -> Option<String> {
        if found.bytes != self.bytes {
            let (found, written) = (found.bytes, self.bytes);
            return Some(format!("it has {found} bytes, and {written} were written"));
        }
        let same = found.sha256 == self.sha256;
        (!same).then(|| "its content is not what was written (its sha256 differs)".into())
    }
}

/// The checksum of bytes that come one after the other.
#[derive(Clone, Default)]
pub struct Checksummer {
    sha256: Sha256,
    bytes: u64,
}

impl Checksummer {
    /// Adds `bytes`.
    pub fn add(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// How many there were.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The checksum of all that came so far.
    pub fn now(&self) -> Checksum {
        Checksum {
            bytes: self.bytes,
            sha256: hex(&self.sha256.clone().finalize()),
        }
    }
}

/// The checksums of a folder's files, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksums(BTreeMap<String, Checksum>);

impl Checksums {
    /// Those in `folder`; none if it was written before there were any. An error if they are damaged.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(CHECKSUMS);
        check_is_file(&path)?;
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|e| Error::damaged(&path, e))?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("cannot read", &path, error)),
        };
        let sums: Self = toml::from_str(&text)
            .map_err(|error| Error::damaged(&path, error.to_string().trim_end()))?;
        match sums.0.is_empty() {
            true => Err(Error::damaged(&path, "it is empty")),
            false => Ok(Some(sums)),
        }
    }

    /// As TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Error::usage(error.to_string()))
    }

    /// Adds that of `file`.
    pub fn insert(&mut self, file: &str, sum: Checksum) {
        self.0.insert(file.into(), sum);
    }

    /// The names of the files, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The content of `file` in `folder`; an error if it is not what was written.
    pub fn read_file(&self, folder: &Path, file: &str) -> Result<Vec<u8>> {
        let path = folder.join(file);
        let content = read_file(&path)?;
        let Some(written) = self.0.get(file) else {
            let why = format!("it has no checksum of {file}");
            return Err(Error::damaged(&folder.join(CHECKSUMS), why));
        };
        match written.difference(&Checksum::of(&content)) {
            Some(why) => Err(Error::damaged(&path, why)),
            None => Ok(content),
        }
    }
}

/// The content of the file at `path`, which was written; an error if it is gone, or no file.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    check_is_file(path)?;
    fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::missing(path),
        _ => Error::io("cannot read", path, error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path();
        let mut sums = Checksums::default();
        sums.insert("a.csv", Checksum::of("x\n1\n"));
        for (content, words) in [
            (Some("x\n1\n"), None),
            (Some("x\n2\n"), Some("its content is not what was written")),
            (Some("x\n"), Some("it has 2 bytes, and 4 were written")),
            (Some(""), Some("it has 0 bytes, and 4 were written")),
            (Some("x\n1\n1\n"), Some("it has 6 bytes")),
            (None, Some("a.csv is missing; --force")),
        ] {
            let path = folder.join("a.csv");
            let _ = fs::remove_file(&path);
            if let Some(content) = content {
                fs::write(&path, content).unwrap();
            }
            let found = sums.read_file(folder, "a.csv").map_err(|e| e.to_string());
            match (found, words) {
                (Ok(read), None) => assert_eq!(read, content.unwrap().as_bytes()),
                (Err(error), Some(words)) => assert!(error.contains(words), "{error}"),
                other => panic!("{content:?}: {other:?}"),
            }
        }
        fs::write(folder.join("b.csv"), "").unwrap();
        let error = sums.read_file(folder, "b.csv").unwrap_err().to_string();
        assert!(error.contains("no checksum of b.csv"), "{error}");
    }

    #[test]
    fn checksums_come_back_or_are_damaged() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Checksums::read(dir.path()).unwrap(), None);
        let mut sums = Checksums::default();
        sums.insert("a.csv", Checksum::of("x\n1\n"));
        sums.insert("b.toml", Checksum::of(""));
        fs::write(dir.path().join("b.toml"), "").unwrap();
        let text = sums.to_toml().unwrap();
        let path = dir.path().join(CHECKSUMS);
        fs::write(&path, &text).unwrap();
        assert_eq!(Checksums::read(dir.path()).unwrap().as_ref(), Some(&sums));
        let cuts = (0..text.trim_end().len()).map(|n| &text.as_bytes()[..n]);
        for bytes in cuts.chain([&b"\xff"[..]]) {
            fs::write(&path, bytes).unwrap();
            let read = Checksums::read(dir.path()).and_then(|cut| {
                // Cut between two entries, it lacks a file.
                cut.unwrap().read_file(dir.path(), "b.toml")
            });
            let error = read.unwrap_err().to_string();
            assert!(error.contains("files.toml is damaged"), "{error}");
        }
    }
}
