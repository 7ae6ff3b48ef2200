//! What is already in the folder that a run should go to.

use std::{fs, io::ErrorKind, path::Path};

use super::{
    Checkpoint, Configuration,
    file_names::{CHECKPOINT, CONFIG, END, LOCK, MACHINE, OUTCOME},
    finished::outcome_id,
};
use crate::{Error, Result, checksums::CHECKSUMS, files::check_is_file};

/// The content of a folder where a run should go.
pub(super) enum Content {
    Nothing,
    ThisUnfinished,
    ThisFinished,
    OtherRun,
    /// The tables of a run that has lost its configuration, so that it is not known which run it was.
    Unknown,
    /// A file that does not come from a run.
    Foreign(String),
}

/// Every file of a run like `C`.
pub(super) fn files<C: Configuration>() -> Vec<&'static str> {
    let common = [CONFIG, OUTCOME, CHECKPOINT, END, CHECKSUMS, MACHINE, LOCK];
    let layout = C::LAYOUT;
    let mut all = [&common[..], &[layout.weights], layout.figures].concat();
    all.extend(layout.tables.iter().map(|table| table.file()));
    all
}

/// What is at `path`, where the run `config` should go; `text` is its configuration.
pub(super) fn content<C: Configuration>(path: &Path, config: &C, text: &str) -> Result<Content> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Content::Nothing),
        Err(error) => return Err(Error::unwritable(path, &error)),
    };
    let names = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<Vec<String>>>()
        .map_err(|error| Error::unwritable(path, &error))?;
    let ours = files::<C>();
    // A killed run leaves the file that it was writing under such a name.
    let whole = |name: &str| name.trim_end_matches(".part").replace(".part.png", ".png");
    let is_ours = |name: &&String| ours.contains(&whole(name).as_str());
    // Before anything is read, and before a run that could not write its outcome at its end.
    for name in names.iter().filter(is_ours) {
        check_is_file(&path.join(name))?;
    }
    let has = |file: &str| names.iter().any(|name| name == file);
    let written = path.join(CONFIG);
    let found = fs::read_to_string(&written).unwrap_or_default();
    if found == text {
        return Ok(match has(OUTCOME) {
            true => Content::ThisFinished,
            false => Content::ThisUnfinished,
        });
    }
    if names.iter().all(|name| name == LOCK) {
        return Ok(Content::Nothing);
    }
    if !found.trim().is_empty() {
        let id = config.id();
        if has(OUTCOME) && outcome_id(path).is_ok_and(|ended| ended == id) {
            let why = format!("it is not the configuration of run {id}, which ended here");
            return Err(Error::damaged(&written, why));
        }
        return Ok(if C::describes(&written) {
            Content::OtherRun
        } else if has(CHECKPOINT) && Checkpoint::read(&path.join(CHECKPOINT), config).is_ok() {
            Content::ThisUnfinished
        } else {
            Content::Foreign(CONFIG.into())
        });
    }
    // The run was interrupted before its first file was complete, or has lost that file, or there never was a run.
    if let Some(name) = names.iter().find(|name| !is_ours(name)) {
        return Ok(Content::Foreign(name.clone()));
    }
    Ok(if has(OUTCOME) {
        match outcome_id(path)? == config.id() {
            true => Content::ThisFinished,
            false => Content::OtherRun,
        }
    } else if has(CHECKPOINT) {
        // The file itself says which run it belongs to.
        Content::ThisUnfinished
    } else if C::LAYOUT.tables.iter().any(|table| has(table.file())) {
        Content::Unknown
    } else {
        Content::ThisUnfinished
    })
}
