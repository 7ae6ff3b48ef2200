//! What is kept of an update for a later look back at it.

use std::collections::VecDeque;

use safetensors::Dtype;

use optim::state_file::{Array, StatePart, bytes, numbers};

use crate::{Error, Result};

/// An update of the past.
pub(super) struct Kept {
    pub update: u64,
    /// Its gradient, as it was.
    pub gradient: Vec<f32>,
    /// Its minibatch, if it will be evaluated again.
    pub minibatch: Option<Vec<Array>>,
}

/// What their arrays' names begin with.
const PREFIX: &str = "kept.";
/// The name of a gradient, after its update's number.
const GRADIENT: &str = "gradient";
/// What the names of a minibatch's arrays begin with, after the update's number.
const MINIBATCH: &str = "minibatch.";

/// All of `kept`, exact to the bit.
pub(super) fn arrays(kept: &VecDeque<Kept>) -> Vec<Array> {
    let mut arrays = Vec::new();
    for one in kept {
        let place = format!("{PREFIX}{:020}", one.update);
        let gradient = bytes(&one.gradient, |x| x.to_le_bytes());
        let shape = vec![one.gradient.len()];
        arrays.push((format!("{place}.{GRADIENT}"), Dtype::F32, shape, gradient));
        for (name, dtype, shape, data) in one.minibatch.iter().flatten() {
            let name = format!("{place}.{MINIBATCH}{name}");
            arrays.push((name, *dtype, shape.clone(), data.clone()));
        }
    }
    arrays
}

/// Reads what [`arrays`] wrote.
pub(super) fn load(state: &StatePart) -> Result<VecDeque<Kept>> {
    let mut kept: Vec<Kept> = Vec::new();
    let mut names = state.names();
    // By update, each gradient before its minibatch.
    names.sort_unstable();
    for name in names {
        let Some((update, what)) = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('.'))
        else {
            continue;
        };
        let wrong = || Error::usage(format!("`{name}` belongs to no update"));
        let update: u64 = update.parse().map_err(|_| wrong())?;
        let (_, dtype, shape, data) = state.array(name)?;
        match (what, what.strip_prefix(MINIBATCH), kept.last_mut()) {
            (GRADIENT, ..) => kept.push(Kept {
                update,
                gradient: numbers(&data, f32::from_le_bytes),
                minibatch: None,
            }),
            (_, Some(own), Some(last)) if last.update == update => {
                let minibatch = last.minibatch.get_or_insert_default();
                minibatch.push((own.to_owned(), dtype, shape, data));
            }
            _ => return Err(wrong()),
        }
    }
    Ok(kept.into())
}
