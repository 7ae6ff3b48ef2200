//! Files that are written whole or not at all.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use crate::{Error, Result};

/// Writes `content` to a temporary name next to `path`, syncs it to the disk, and renames it to `path`.
pub fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let write = || {
        let mut file = File::create(&part)?;
        file.write_all(content.as_ref())?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        // The new name is durable only once its folder is synced.
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        match File::open(folder.unwrap_or(Path::new("."))) {
            Ok(folder) => folder.sync_all(),
            Err(_) => Ok(()),
        }
    };
    write().map_err(|error| {
        // On a full disk, the partial file would take up space.
        let _ = fs::remove_file(&part);
        Error::io("cannot write", path, error)
    })
}
