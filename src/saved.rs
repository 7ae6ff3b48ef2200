//! What a run saves: named arrays (see [`optim::state_file`]), and how long its files were at the time.

use safetensors::Dtype;

pub use optim::state_file::{Array, StateFile as Saved, bytes, numbers, write};

use crate::Result;

/// What the names of files' lengths begin with.
const FILE: &str = "file:";

/// The lengths of `files`, to be saved with a state that counts on them.
pub(crate) fn lengths(files: &[(&str, u64)]) -> Vec<Array> {
    let length = |(name, length): &(&str, u64)| {
        let data = length.to_le_bytes().to_vec();
        (format!("{FILE}{name}"), Dtype::U64, vec![1], data)
    };
    files.iter().map(length).collect()
}

/// How long each file was that `saved` counts on, under its name.
pub(crate) fn saved_lengths(saved: &Saved) -> Result<Vec<(String, u64)>> {
    let names = saved.names().into_iter();
    let files = names.filter_map(|name| Some((name, name.strip_prefix(FILE)?)));
    files
        .map(|(name, file)| Ok((file.to_owned(), saved.count(name)?)))
        .collect()
}
