//! State in safetensors: named arrays, exact to the bit, and in the metadata whose they are.

use std::collections::HashMap;

use safetensors::{Dtype, SafeTensors, serialize, tensor::TensorView};
use sha2::{Digest, Sha256};

use crate::{Error, Result, files::hex};

/// An array to save: its name, type, shape and little-endian bytes.
pub type Array = (String, Dtype, Vec<usize>, Vec<u8>);

/// What comes between whose a state is and the SHA-256 of its arrays.
const DIGEST: &str = "; sha256 ";

/// The SHA-256 of arrays in the order of their names, so that a damaged file is known as one.
fn digest<'a>(arrays: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut arrays: Vec<_> = arrays.collect();
    arrays.sort_unstable();
    let mut sum = Sha256::new();
    for (name, bytes) in arrays {
        sum.update((name.len() as u64).to_le_bytes());
        sum.update(name);
        sum.update((bytes.len() as u64).to_le_bytes());
        sum.update(bytes);
    }
    hex(&sum.finalize())
}

/// The file of the state of a `what` ("optimiser"), which belongs to `whose`.
pub(crate) fn write<'a>(
    what: &str,
    whose: String,
    arrays: impl IntoIterator<Item = &'a Array>,
) -> Result<Vec<u8>> {
    let views = arrays.into_iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes);
        Ok((name, view.map_err(|error| unusable(what, error))?))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    let digest = digest(
        views
            .iter()
            .map(|(name, view)| (name.as_str(), view.data())),
    );
    // One entry, for safetensors writes several in a random order.
    let metadata = HashMap::from([(what.to_string(), format!("{whose}{DIGEST}{digest}"))]);
    serialize(views, Some(metadata)).map_err(|error| unusable(what, error))
}

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

/// A file that [`write`] made.
pub struct Saved<'a> {
    what: &'static str,
    file: SafeTensors<'a>,
}

impl<'a> Saved<'a> {
    /// The state of a `what` in `data`, if it belongs to `whose`.
    pub fn read(what: &'static str, whose: &str, data: &'a [u8]) -> Result<Self> {
        let file = SafeTensors::deserialize(data).map_err(|error| unusable(what, error))?;
        let (_, header) =
            SafeTensors::read_metadata(data).map_err(|error| unusable(what, error))?;
        let found = header.metadata().as_ref().and_then(|m| m.get(what));
        let found = found.and_then(|found| found.split_once(DIGEST));
        match found {
            Some((found, sum)) if found == whose => {
                let names = file.names();
                let views = names
                    .iter()
                    .filter_map(|name| Some((*name, file.tensor(name).ok()?)));
                let views: Vec<_> = views.collect();
                if digest(views.iter().map(|(name, view)| (*name, view.data()))) != sum {
                    return Err(unusable(
                        what,
                        "its numbers are not those that were written",
                    ));
                }
                Ok(Self { what, file })
            }
            _ => {
                let found = found.map_or(format!("no {what}"), |(found, _)| found.to_owned());
                Err(Error::usage(format!(
                    "this is the state of `{found}`; needed: of `{whose}`"
                )))
            }
        }
    }

    /// How many arrays there are.
    pub fn len(&self) -> usize {
        self.file.len()
    }

    /// The bytes of the array called `name`, if it is what it should be.
    pub fn find(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&'a [u8]> {
        let view = self.file.tensor(name).map_err(|_| {
            Error::usage(format!(
                "the {} state has no `{name}`; it has {:?}",
                self.what,
                self.file.names()
            ))
        })?;
        if view.dtype() != dtype || view.shape() != shape {
            return Err(Error::usage(format!(
                "the {} state's `{name}` is {:?} {:?}; needed: {dtype:?} {shape:?}",
                self.what,
                view.dtype(),
                view.shape()
            )));
        }
        Ok(view.data())
    }

    /// The arrays' names.
    pub fn names(&self) -> Vec<&str> {
        self.file.names()
    }

    /// The bytes of the array called `name`, of one axis of any length.
    pub fn list(&self, name: &str, dtype: Dtype) -> Result<&'a [u8]> {
        let length = self
            .file
            .tensor(name)
            .map_or(0, |view| view.shape().iter().product());
        self.find(name, dtype, &[length])
    }

    /// How long each file was that a [`Snapshot`](crate::train::Snapshot) counts on, under its name.
    pub fn files(&self) -> Result<Vec<(String, u64)>> {
        let names = self.names().into_iter();
        let files = names.filter_map(|name| Some((name, name.strip_prefix(FILE)?)));
        files
            .map(|(name, file)| Ok((file.to_owned(), self.count(name)?)))
            .collect()
    }

    /// The one number called `name`.
    pub fn count(&self, name: &str) -> Result<u64> {
        Ok(numbers(self.find(name, Dtype::U64, &[1])?, u64::from_le_bytes)[0])
    }
}

/// The little-endian bytes of each of `items`.
pub(crate) fn bytes<T, const N: usize>(items: &[T], of: impl Fn(&T) -> [u8; N]) -> Vec<u8> {
    items.iter().flat_map(of).collect()
}

/// The numbers that [`bytes`] wrote.
pub(crate) fn numbers<T, const N: usize>(bytes: &[u8], of: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().copied().map(of).collect()
}

fn unusable(what: &str, error: impl std::fmt::Display) -> Error {
    Error::usage(format!("this is no {what} state: {error}"))
}
