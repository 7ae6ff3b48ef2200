//! Files of named arrays in safetensors, exact to the bit.
//!
//! The metadata says what the arrays belong to and has their SHA-256, so that a file of something else
//! or a damaged file is refused.

use std::collections::HashMap;

use safetensors::{Dtype, SafeTensors, serialize, tensor::TensorView};
use sha2::{Digest, Sha256};

pub use crate::files::write_whole;
use crate::{Error, Result};

/// An array to save: its name, type, shape and little-endian bytes.
pub type Array = (String, Dtype, Vec<usize>, Vec<u8>);

/// Stands in the metadata between the owner and the SHA-256 of the arrays.
const DIGEST: &str = "; sha256 ";

/// The SHA-256 of arrays in the order of their names.
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
    let sum = sum.finalize();
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The content of a file with `arrays`, the state of a `what` ("optimiser") that belongs to `owner`.
pub fn write<'a>(
    what: &str,
    owner: String,
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
    // One entry, because safetensors writes several in a random order.
    let metadata = HashMap::from([(what.to_string(), format!("{owner}{DIGEST}{digest}"))]);
    serialize(views, Some(metadata)).map_err(|error| unusable(what, error))
}

/// A file that [`write()`] made.
pub struct StateFile<'a> {
    what: &'static str,
    file: SafeTensors<'a>,
}

impl<'a> StateFile<'a> {
    /// Reads `data`, which must be the state of a `what` that belongs to `owner`.
    pub fn read(what: &'static str, owner: &str, data: &'a [u8]) -> Result<Self> {
        let file = SafeTensors::deserialize(data).map_err(|error| unusable(what, error))?;
        let (_, header) =
            SafeTensors::read_metadata(data).map_err(|error| unusable(what, error))?;
        let found = header.metadata().as_ref().and_then(|m| m.get(what));
        let found = found.and_then(|found| found.split_once(DIGEST));
        match found {
            Some((found, sum)) if found == owner => {
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
                    "this is the state of `{found}`; needed: of `{owner}`"
                )))
            }
        }
    }

    /// The bytes of the array called `name`, if it has this type and shape.
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

    /// The type and shape of the array called `name`, if there is one.
    pub fn shape(&self, name: &str) -> Option<(Dtype, Vec<usize>)> {
        let view = self.file.tensor(name).ok()?;
        Some((view.dtype(), view.shape().to_vec()))
    }

    /// The arrays' names.
    pub fn names(&self) -> Vec<&str> {
        self.file.names()
    }

    /// The bytes of the array called `name`, which must have one axis, of any length.
    pub fn list(&self, name: &str, dtype: Dtype) -> Result<&'a [u8]> {
        let length = self
            .file
            .tensor(name)
            .map_or(0, |view| view.shape().iter().product());
        self.find(name, dtype, &[length])
    }

    /// The array called `name`, of any type and shape.
    pub fn array(&self, name: &str) -> Result<Array> {
        let missing = |_| Error::usage(format!("the {} state has no `{name}`", self.what));
        let view = self.file.tensor(name).map_err(missing)?;
        let (dtype, shape) = (view.dtype(), view.shape().to_vec());
        Ok((name.into(), dtype, shape, view.data().to_vec()))
    }

    /// The single number called `name`.
    pub fn count(&self, name: &str) -> Result<u64> {
        Ok(numbers(self.find(name, Dtype::U64, &[1])?, u64::from_le_bytes)[0])
    }
}

/// The arrays of one part of a file: those whose names start with the part's name.
pub struct StatePart<'a> {
    file: &'a StateFile<'a>,
    prefix: String,
}

/// `arrays` of the part called `part`, under the names by which [`StatePart`] finds them.
pub fn of_part(part: &str, arrays: impl IntoIterator<Item = Array>) -> impl Iterator<Item = Array> {
    let named = move |(name, dtype, shape, data)| (format!("{part}.{name}"), dtype, shape, data);
    arrays.into_iter().map(named)
}

impl<'a> StatePart<'a> {
    /// The part called `part` of `file`.
    pub fn new(file: &'a StateFile<'a>, part: &str) -> Self {
        let prefix = format!("{part}.");
        Self { file, prefix }
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// [`StateFile::names`] of this part.
    pub fn names(&self) -> Vec<&str> {
        let names = self.file.names().into_iter();
        names
            .filter_map(|name| name.strip_prefix(&self.prefix))
            .collect()
    }

    /// [`StateFile::find`] in this part.
    pub fn find(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&'a [u8]> {
        self.file.find(&self.name(name), dtype, shape)
    }

    /// [`StateFile::list`] in this part.
    pub fn list(&self, name: &str, dtype: Dtype) -> Result<&'a [u8]> {
        self.file.list(&self.name(name), dtype)
    }

    /// [`StateFile::array`] in this part.
    pub fn array(&self, name: &str) -> Result<Array> {
        let (_, dtype, shape, data) = self.file.array(&self.name(name))?;
        Ok((name.into(), dtype, shape, data))
    }

    /// [`StateFile::count`] in this part.
    pub fn count(&self, name: &str) -> Result<u64> {
        self.file.count(&self.name(name))
    }
}

/// The little-endian bytes of `items`; `of` converts one item.
pub fn bytes<T, const N: usize>(items: &[T], of: impl Fn(&T) -> [u8; N]) -> Vec<u8> {
    items.iter().flat_map(of).collect()
}

/// The numbers that [`bytes`] wrote.
pub fn numbers<T, const N: usize>(bytes: &[u8], of: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().copied().map(of).collect()
}

fn unusable(what: &str, error: impl std::fmt::Display) -> Error {
    Error::usage(format!("there is no {what} state in it: {error}"))
}
