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

    /// The array called `name`, whatever it is.
    pub fn array(&self, name: &str) -> Result<Array> {
        let missing = |_| Error::usage(format!("the {} state has no `{name}`", self.what));
        let view = self.file.tensor(name).map_err(missing)?;
        let (dtype, shape) = (view.dtype(), view.shape().to_vec());
        Ok((name.into(), dtype, shape, view.data().to_vec()))
    }

    /// The one number called `name`.
    pub fn count(&self, name: &str) -> Result<u64> {
        Ok(numbers(self.find(name, Dtype::U64, &[1])?, u64::from_le_bytes)[0])
    }
}

/// The arrays of one part of a state: those whose names begin with the part's own.
pub struct Part<'a> {
    saved: &'a Saved<'a>,
    prefix: String,
}

/// `arrays` of the part called `part`, under names that [`Part`] finds them by.
pub fn of_part(part: &str, arrays: impl IntoIterator<Item = Array>) -> impl Iterator<Item = Array> {
    let named = move |(name, dtype, shape, data)| (format!("{part}.{name}"), dtype, shape, data);
    arrays.into_iter().map(named)
}

impl<'a> Part<'a> {
    /// The part called `part` of `saved`.
    pub fn new(saved: &'a Saved<'a>, part: &str) -> Self {
        let prefix = format!("{part}.");
        Self { saved, prefix }
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// [`Saved::names`] of this part.
    pub fn names(&self) -> Vec<&str> {
        let names = self.saved.names().into_iter();
        names.filter_map(|name| name.strip_prefix(&self.prefix)).collect()
    }

    /// [`Saved::find`] in this part.
    pub fn find(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&'a [u8]> {
        self.saved.find(&self.name(name), dtype, shape)
    }

    /// [`Saved::list`] in this part.
    pub fn list(&self, name: &str, dtype: Dtype) -> Result<&'a [u8]> {
        self.saved.list(&self.name(name), dtype)
    }

    /// [`Saved::array`] in this part.
    pub fn array(&self, name: &str) -> Result<Array> {
        let (_, dtype, shape, data) = self.saved.array(&self.name(name))?;
        Ok((name.into(), dtype, shape, data))
    }

    /// [`Saved::count`] in this part.
    pub fn count(&self, name: &str) -> Result<u64> {
        self.saved.count(&self.name(name))
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
