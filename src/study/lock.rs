//! The lock of a run that this process is doing, so that no other process does it too.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use crate::{Error, Result};

/// A run that this process is doing. The lock ends when this is dropped, or when the process ends in any way.
pub struct RunLock {
    path: PathBuf,
    _file: File,
}

impl RunLock {
    /// Takes the run whose folder would be `folder`; [`Error::Taken`] if another process is doing it.
    pub fn take(folder: &Path) -> Result<Self> {
        let mut path = folder.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let file = File::create(&path).map_err(|e| Error::io("cannot write", &path, e))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(Error::Taken(folder.to_path_buf())),
            // Where locks are not supported, there is none.
            _ => Ok(Self { path, _file: file }),
        }
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
