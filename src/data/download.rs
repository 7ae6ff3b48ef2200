//! Fetching the official files: what is there in the end is right, and what was fetched before a
//! connection broke is not fetched again.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    DatasetName, Remote,
    files::{bad, exists},
    source,
};
use crate::{Error, Result, files::hex};

/// Fetches the official files of `name` into `folder`, except those that are there; `progress` is
/// told how many bytes are done, of how many.
///
/// An error if the connection breaks (what came is kept, and the next call goes on from there), and
/// if what came is not the official file.
pub fn download(
    name: DatasetName,
    folder: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let source = source::of(name);
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

/// Fetches one file from under the address `base` into `folder`, unless it is there; `progress` is
/// told how many of its bytes are done. The file itself appears when its SHA-256 is right; until
/// then there is one that ends in `.part`.
pub fn fetch(
    base: &str,
    remote: &Remote,
    folder: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<PathBuf> {
    let path = folder.join(remote.file);
    if exists(&path)? {
        let found = digest(&path)?;
        if found != remote.sha256 {
            return Err(bad(
                &path,
                format!(
                    "this is not the official file, and is in its place: its SHA-256 is {found}, needed: {}",
                    remote.sha256
                ),
            ));
        }
        progress(remote.bytes);
        return Ok(path);
    }
    let failed = |error| Error::io("cannot download to", &path, error);
    fs::create_dir_all(folder).map_err(failed)?;
    let part = folder.join(format!("{}.part", remote.file));
    let file = File::options().create(true).append(true).open(&part);
    let mut file = file.map_err(failed)?;
    if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
        return Err(bad(&part, "another process is downloading this"));
    }
    let done = file.metadata().map_err(failed)?.len();
    if done < remote.bytes {
        transfer(&remote.url(base), remote, &mut file, done, progress).map_err(failed)?;
        file.sync_all().map_err(failed)?;
    }
    let found = digest(&part)?;
    if found != remote.sha256 {
        fs::remove_file(&part).map_err(failed)?;
        let why = format!(
            "what came is not the official file and is deleted: its SHA-256 is {found}, needed: {}",
            remote.sha256
        );
        return Err(failed(io::Error::other(why)));
    }
    fs::rename(&part, &path).map_err(failed)?;
    Ok(path)
}

fn digest(path: &Path) -> Result<String> {
    let mut sum = Sha256::new();
    File::open(path)
        .and_then(|mut file| io::copy(&mut file, &mut sum))
        .map_err(|error| Error::io("cannot read", path, error))?;
    Ok(hex(&sum.finalize()))
}

/// Adds what is missing to `file`, which holds the first `done` bytes.
#[cfg(feature = "download")]
fn transfer(
    url: &str,
    remote: &Remote,
    file: &mut File,
    mut done: u64,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    use std::{
        io::{Read, Write},
        time::Duration,
    };

    const PATIENCE: Option<Duration> = Some(Duration::from_secs(60));

    let agent = ureq::Agent::config_builder()
        .timeout_connect(PATIENCE)
        .timeout_recv_response(PATIENCE)
        .timeout_per_read(PATIENCE)
        .http_status_as_error(false)
        .build()
        .new_agent();
    let request = match done {
        0 => agent.get(url),
        done => agent.get(url).header("Range", format!("bytes={done}-")),
    };
    let why = |error: &dyn std::fmt::Display| io::Error::other(format!("{url}: {error}"));
    let response = request.call().map_err(|error| why(&error))?;
    let status = response.status().as_u16();
    let range = response.headers().get("content-range");
    let range = range.and_then(|range| range.to_str().ok()).unwrap_or("");
    match status {
        206 if range.starts_with(&format!("bytes {done}-")) => {}
        // The server begins anew, and so do we; but a page that says sorry is not what was asked for.
        200 => {
            if let Some(length) = response.body().content_length()
                && length != remote.bytes
            {
                let needed = remote.bytes;
                return Err(why(&format!("a file of {length} bytes; needed: {needed}")));
            }
            file.set_len(0)?;
            done = 0;
        }
        _ => return Err(why(&format!("the server answers {}", response.status()))),
    }
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 1 << 16];
    while done < remote.bytes {
        progress(done);
        let broken = |error: &dyn std::fmt::Display| {
            why(&format!(
                "the connection ended at {done} of {} bytes ({error}); what came is kept, and the \
                 same command goes on from there",
                remote.bytes
            ))
        };
        let most = buffer.len().min((remote.bytes - done) as usize);
        match body.read(&mut buffer[..most]) {
            Ok(0) => return Err(broken(&"no more came")),
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
fn transfer(url: &str, _: &Remote, _: &mut File, _: u64, _: &mut dyn FnMut(u64)) -> io::Result<()> {
    Err(io::Error::other(format!(
        "this program is built without the feature `download`; {url} can be fetched by other means"
    )))
}
