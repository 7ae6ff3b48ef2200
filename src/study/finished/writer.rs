//! A process's own file of finished runs, to which it appends.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    process,
    time::{Duration, Instant, SystemTime},
};

use super::line::header;
use crate::{Error, Result, files::short_id};

/// The most time that passes before what was appended is synced to the disk.
const SYNC_AFTER: Duration = Duration::from_secs(1);

/// A process's own file. It is locked while it is open, so that no other process removes it.
pub struct Writer {
    path: PathBuf,
    file: File,
    /// The bytes of whole lines.
    length: u64,
    synced: Instant,
}

impl Writer {
    /// Creates a file in `folder`, which is created too.
    pub fn create(folder: &Path) -> Result<Self> {
        let unwritable = |error: io::Error| Error::unwritable(folder, &error);
        let mut tries = 0;
        loop {
            fs::create_dir_all(folder).map_err(unwritable)?;
            let path = folder.join(format!("{}.csv", unique(tries)));
            match File::options().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    // Some file systems have no locks.
                    let _ = file.try_lock();
                    let mut writer = Self {
                        path,
                        file,
                        length: 0,
                        synced: Instant::now(),
                    };
                    writer.append(&header(), true)?;
                    if let Ok(folder) = File::open(folder) {
                        folder.sync_all().map_err(unwritable)?;
                    }
                    return Ok(writer);
                }
                // Another process has this name, or has just removed the folder.
                Err(error) if retried(&error) && tries < 100 => tries += 1,
                Err(error) => return Err(unwritable(error)),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends complete lines in one write. If `now`, they are on the disk when this returns; otherwise at most a second
    /// later, if more is appended. After an error the file must not be used any more.
    pub fn append(&mut self, lines: &str, now: bool) -> Result<()> {
        let append = || {
            (&self.file).write_all(lines.as_bytes())?;
            match now || self.synced.elapsed() >= SYNC_AFTER {
                true => self.file.sync_data().map(|()| true),
                false => Ok(false),
            }
        };
        match append() {
            Ok(synced) => {
                self.length += lines.len() as u64;
                if synced {
                    self.synced = Instant::now();
                }
                Ok(())
            }
            Err(error) => {
                // A partly written line would look like damage if more lines followed.
                let _ = self.file.set_len(self.length);
                Err(Error::io("cannot write", &self.path, error))
            }
        }
    }

    /// Syncs what was appended to the disk.
    pub fn sync(&self) -> Result<()> {
        let synced = self.file.sync_data();
        synced.map_err(|error| Error::io("cannot write", &self.path, error))
    }
}

fn retried(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound)
}

/// A name that no other process has.
fn unique(tries: u32) -> String {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    // Several containers may have the same name and the same process id.
    let random = fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default();
    short_id(&format!(
        "{host} {random} {} {now:?} {tries}",
        process::id()
    ))
}
