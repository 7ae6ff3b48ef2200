//! Files that are written whole or not at all.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// A number as files store it, with six significant digits. Files stay small, and they are equal on
/// machines whose arithmetic differs in the last bit.
pub fn rounded(x: f64) -> f64 {
    format!("{x:.5e}").parse().unwrap_or(x)
}

/// `rows` as CSV, under their header.
pub fn csv_text<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let text = rows
        .into_iter()
        .try_for_each(|row| writer.serialize(row))
        .map_err(|error| error.to_string())
        .and_then(|()| writer.into_inner().map_err(|error| error.to_string()))
        .and_then(|bytes| String::from_utf8(bytes).map_err(|error| error.to_string()));
    text.map_err(|error| Error::usage(format!("rows cannot be written as CSV: {error}")))
}

/// An error if there is something at `path` that is not a file, such as a folder or a pipe. Reading a pipe would wait
/// for ever. A device such as `/dev/null` may stand for a file.
pub fn check_is_file(path: &Path) -> Result<()> {
    let Ok(found) = fs::metadata(path) else {
        return Ok(());
    };
    let what = match found.is_dir() {
        _ if found.is_file() || is_device(path) => return Ok(()),
        true => "a folder",
        false => "a pipe",
    };
    Err(Error::usage(format!(
        "{} is {what}, but a file is expected there; move it away and repeat the command",
        path.display()
    )))
}

/// Whether there is a device at `path`, which can be written to and not replaced.
fn is_device(path: &Path) -> bool {
    #[cfg(unix)]
    return fs::metadata(path)
        .is_ok_and(|found| std::os::unix::fs::FileTypeExt::is_char_device(&found.file_type()));
    #[cfg(not(unix))]
    return false;
}

/// Writes `rows` to `path` as CSV, whole or not at all.
pub fn write_csv<T: Serialize>(path: &Path, rows: impl IntoIterator<Item = T>) -> Result<()> {
    write_whole(path, csv_text(rows)?)
}

/// Writes `content` to a temporary name next to `path`, syncs it to the disk, and renames it.
pub fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    write_before_another(path, content)?;
    // The new name is durable only once its folder is synced.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let last = match File::open(folder.unwrap_or(Path::new("."))) {
        Ok(folder) => folder.sync_all(),
        Err(_) => Ok(()),
    };
    last.map_err(|error| Error::io("cannot write", path, error))
}

/// [`write_whole`] for a file that is not the last one to be written in its folder: its new name lasts when that of a later
/// one does.
pub fn write_before_another(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    check_is_file(path)?;
    // What a link leads to is written, and the link stays.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if is_device(path) {
        let written = fs::write(path, content);
        return written.map_err(|error| Error::io("cannot write", path, error));
    }
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    check_is_file(Path::new(&part))?;
    let write = || {
        let mut file = File::create(&part)?;
        file.write_all(content.as_ref())?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(|error| {
        // On a full disk, the partial file would take up space.
        let _ = fs::remove_file(&part);
        Error::io("cannot write", path, error)
    })
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Ten digits that identify `text`: the beginning of its SHA-256.
pub fn short_id(text: &str) -> String {
    hex(&Sha256::digest(text)[..5])
}

/// The folder `path`, created if needed; the error says where it cannot be written to.
pub fn folder(path: &Path) -> Result<PathBuf> {
    // Tried before anything is computed.
    let probe = path.join(format!("probe-{}.part", std::process::id()));
    let tried = fs::create_dir_all(path)
        .and_then(|()| fs::write(&probe, ""))
        .and_then(|()| fs::remove_file(&probe));
    tried.map_err(|error| Error::unwritable(path, &error))?;
    Ok(path.to_path_buf())
}

/// Whether `asked` is a path to a file or folder, and not a name: it has a separator in it or `.toml` at its end.
pub fn is_path(asked: &Path) -> bool {
    let text = asked.to_string_lossy();
    text.contains(std::path::is_separator) || asked.extension().is_some_and(|end| end == "toml")
}

/// The TOML file that `asked` means: a path, or a name in `folder`.
pub fn toml_file(folder: &Path, asked: &Path) -> PathBuf {
    match is_path(asked) {
        true => asked.to_path_buf(),
        false => toml_in(folder, asked),
    }
}

/// The names of the TOML files in `folder`, sorted.
pub fn toml_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "toml"));
    let mut names: Vec<String> = files
        .map(|path| toml_name(&path).display().to_string())
        .collect();
    names.sort();
    names
}

/// The path of `name` with `.toml` at its end, in `folder`. A dot in the name is part of it.
pub fn toml_in(folder: &Path, name: &Path) -> PathBuf {
    let mut file = folder.join(name).into_os_string();
    file.push(".toml");
    file.into()
}

/// What a TOML file is called: its file name without `.toml`.
pub fn toml_name(path: &Path) -> PathBuf {
    let is_toml = path.extension().is_some_and(|end| end == "toml");
    let name = if is_toml {
        path.file_stem()
    } else {
        path.file_name()
    };
    name.unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_what_it_leads_to_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_whole(&link, "new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        // A device is written to, and stays one.
        write_whole(Path::new("/dev/null"), "gone").unwrap();
        assert!(is_device(Path::new("/dev/null")));
    }

    #[test]
    fn a_dot_is_part_of_a_name() {
        let found = toml_in(Path::new("experiments"), Path::new("my.v2"));
        assert_eq!(found, Path::new("experiments/my.v2.toml"));
        assert_eq!(toml_name(&found), Path::new("my.v2"));
        assert_eq!(toml_name(Path::new("results/my.v2")), Path::new("my.v2"));
    }

    #[test]
    fn a_path_has_a_separator_or_ends_in_toml() {
        let folder = Path::new("experiments");
        for name in ["quick", "my.v2"] {
            let expected = format!("experiments/{name}.toml");
            assert_eq!(toml_file(folder, Path::new(name)), Path::new(&expected));
        }
        for path in ["quick.toml", "./quick", "/quick", "other/quick.toml"] {
            assert_eq!(toml_file(folder, Path::new(path)), Path::new(path));
        }
    }

    #[test]
    fn filed_numbers_have_six_digits() {
        assert_eq!(rounded(1.0 / 3.0), 0.333333);
        assert_eq!(rounded(1234567.0), 1234570.0);
        assert!(rounded(f64::INFINITY).is_infinite());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_without_a_flag() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = folder(&file.join("below")).unwrap_err().to_string();
        assert!(
            error.contains("file/below: ") && error.ends_with("; choose a writable folder"),
            "{error}"
        );
    }
}
