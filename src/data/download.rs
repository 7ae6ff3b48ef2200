//! Downloading the official files. A file appears only with the right SHA-256. A broken download
//! resumes where it stopped.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    files::{exists, invalid},
    name::DatasetName,
    official::{self, OfficialFile},
};
use crate::{Error, Result, files::hex};

/// Downloads those official files of `name` that `folder` lacks. `progress` receives the bytes done and
/// the bytes in all.
///
/// # Errors
///
/// If the connection breaks (what arrived is kept, and the next call resumes from there), or if what
/// arrived is not the official file.
pub fn download(
    name: DatasetName,
    folder: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let source = official::files(name);
    let all = source.files.iter().map(|file| file.bytes).sum();
    let mut before = 0;
    for file in source.files {
        fetch(source.base, file, folder, &mut |done| {
            progress(before + done, all)
        })?;
        before += file.bytes;
    }
    Ok(())
}

/// Downloads one file from the address `base` into `folder`, unless it is there already. `progress`
/// receives the bytes done. The file appears once its SHA-256 is right; until then its name ends in
/// `.part`.
///
/// # Errors
///
/// As for [`download`].
pub fn fetch(
    base: &str,
    official: &OfficialFile,
    folder: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<PathBuf> {
    let path = folder.join(official.name);
    if exists(&path)? {
        let found = sha256(&path)?;
        if found != official.sha256 {
            return Err(invalid(
                &path,
                format!(
                    "this is not the official file, though it has its name: its SHA-256 is {found}, needed: {}",
                    official.sha256
                ),
            ));
        }
        progress(official.bytes);
        return Ok(path);
    }
    let failed = |error| Error::io("cannot download to", &path, error);
    fs::create_dir_all(folder).map_err(failed)?;
    let part = folder.join(format!("{}.part", official.name));
    let file = File::options().create(true).append(true).open(&part);
    let mut file = file.map_err(failed)?;
    if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
        return Err(invalid(&part, "another process is downloading this"));
    }
    let done = file.metadata().map_err(failed)?.len();
    if done < official.bytes {
        transfer(&official.url(base), official, &mut file, done, progress).map_err(failed)?;
        file.sync_all().map_err(failed)?;
    }
    let found = sha256(&part)?;
    if found != official.sha256 {
        fs::remove_file(&part).map_err(failed)?;
        let message = format!(
            "what arrived is not the official file and was deleted: its SHA-256 is {found}, needed: {}",
            official.sha256
        );
        return Err(failed(io::Error::other(message)));
    }
    fs::rename(&part, &path).map_err(failed)?;
    Ok(path)
}

fn sha256(path: &Path) -> Result<String> {
    let mut sum = Sha256::new();
    File::open(path)
        .and_then(|mut file| io::copy(&mut file, &mut sum))
        .map_err(|error| Error::io("cannot read", path, error))?;
    Ok(hex(&sum.finalize()))
}

/// Appends the missing bytes to `file`, which holds the first `done`.
#[cfg(feature = "download")]
fn transfer(
    url: &str,
    official: &OfficialFile,
    file: &mut File,
    mut done: u64,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    use std::{
        io::{Read, Write},
        time::Duration,
    };

    const TIMEOUT: Option<Duration> = Some(Duration::from_secs(60));

    let agent = ureq::Agent::config_builder()
        .timeout_connect(TIMEOUT)
        .timeout_recv_response(TIMEOUT)
        .timeout_per_read(TIMEOUT)
        .http_status_as_error(false)
        .build()
        .new_agent();
    let request = match done {
        0 => agent.get(url),
        done => agent.get(url).header("Range", format!("bytes={done}-")),
    };
    let failed = |error: &dyn std::fmt::Display| io::Error::other(format!("{url}: {error}"));
    let response = request.call().map_err(|error| failed(&error))?;
    let status = response.status().as_u16();
    let range = response.headers().get("content-range");
    let range = range.and_then(|range| range.to_str().ok()).unwrap_or("");
    match status {
        206 if range.starts_with(&format!("bytes {done}-")) => {}
        // The server ignores the range, so the file starts over. If the length is not the file's,
        // this is some other page, such as an error message.
        200 => {
            if let Some(length) = response.body().content_length()
                && length != official.bytes
            {
                let needed = official.bytes;
                return Err(failed(&format!(
                    "a file of {length} bytes; needed: {needed}"
                )));
            }
            file.set_len(0)?;
            done = 0;
        }
        _ => return Err(failed(&format!("the server answers {}", response.status()))),
    }
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 1 << 16];
    while done < official.bytes {
        progress(done);
        let broken = |error: &dyn std::fmt::Display| {
            failed(&format!(
                "the connection ended at {done} of {} bytes ({error}); what arrived is kept, and the \
                 same command resumes from there",
                official.bytes
            ))
        };
        let limit = buffer.len().min((official.bytes - done) as usize);
        match body.read(&mut buffer[..limit]) {
            Ok(0) => return Err(broken(&"no more arrived")),
            Ok(n) => {
                file.write_all(&buffer[..n])?;
                done += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(broken(&error)),
        }
    }
    progress(done);
    Ok(())
}

#[cfg(not(feature = "download"))]
fn transfer(
    url: &str,
    _: &OfficialFile,
    _: &mut File,
    _: u64,
    _: &mut dyn FnMut(u64),
) -> io::Result<()> {
    Err(io::Error::other(format!(
        "this program was built without the feature `download`; fetch {url} by other means"
    )))
}
