//! What is kept of a gradient step for a later look back at it.

use std::collections::VecDeque;

use safetensors::Dtype;

use crate::{
    Error, Result,
    agent::{Batch, TargetValues},
    saved::{Array, Saved, bytes, numbers},
};

/// A gradient step of the past.
pub(super) struct Kept {
    pub update: u64,
    /// Its gradient, as it was.
    pub gradient: Vec<f32>,
    /// Its minibatch, if that will be evaluated again.
    pub minibatch: Option<Minibatch>,
}

/// A minibatch, and what the target network said of it.
pub(super) struct Minibatch {
    pub batch: Batch,
    pub target_values: TargetValues,
}

/// What their arrays' names begin with.
const PREFIX: &str = "diagnostics.kept.";

/// All of `kept`, exact to the bit.
pub(super) fn arrays(kept: &VecDeque<Kept>) -> Vec<Array> {
    let mut arrays = Vec::new();
    for one in kept {
        let mut add = |name: &str, dtype, bytes: Vec<u8>| {
            let width = if dtype == Dtype::U8 { 1 } else { 4 };
            let name = format!("{PREFIX}{:020}.{name}", one.update);
            arrays.push((name, dtype, vec![bytes.len() / width], bytes));
        };
        let f32s = |values: &Vec<f32>| bytes(values, |x| x.to_le_bytes());
        add("gradient", Dtype::F32, f32s(&one.gradient));
        let Some(Minibatch {
            batch,
            target_values,
        }) = &one.minibatch
        else {
            continue;
        };
        for (name, values) in [
            ("obs", &batch.obs),
            ("next_obs", &batch.next_obs),
            ("rewards", &batch.rewards),
            ("discounts", &batch.discounts),
            ("weights", &batch.weights),
            ("target_next", &target_values.next),
            ("target_obs", &target_values.obs),
        ] {
            add(name, Dtype::F32, f32s(values));
        }
        let actions = bytes(&batch.actions, |x| x.to_le_bytes());
        add("actions", Dtype::U32, actions);
        let terminated = bytes(&batch.terminated, |x| [u8::from(*x)]);
        add("terminated", Dtype::U8, terminated);
    }
    arrays
}

/// What [`arrays`] gave: gradients of `weights` numbers, minibatches whose lists are as long as those
/// of `like`.
pub(super) fn load(saved: &Saved, weights: usize, like: &Sizes) -> Result<VecDeque<Kept>> {
    let mut updates: Vec<u64> = Vec::new();
    for name in saved.names() {
        if let Some((update, "gradient")) = name
            .strip_prefix(PREFIX)
            .and_then(|name| name.split_once('.'))
        {
            let update = update.parse();
            updates.push(update.map_err(|_| Error::usage(format!("`{name}` is of no update")))?);
        }
    }
    updates.sort_unstable();
    let one = |update: u64| {
        let name = |name: &str| format!("{PREFIX}{update:020}.{name}");
        let f32s = |what: &str, n: usize| -> Result<Vec<f32>> {
            let data = saved.find(&name(what), Dtype::F32, &[n])?;
            Ok(numbers(data, f32::from_le_bytes))
        };
        let &Sizes {
            batch,
            obs,
            actions,
            weighted,
            munchausen,
        } = like;
        let minibatch = saved.names().contains(&name("obs").as_str()).then(|| {
            let taken = saved.find(&name("actions"), Dtype::U32, &[batch])?;
            let ended = saved.find(&name("terminated"), Dtype::U8, &[batch])?;
            let taken = numbers(taken, u32::from_le_bytes);
            if taken.iter().any(|action| *action as usize >= actions) {
                return Err(Error::usage(format!(
                    "`{}` has too large ones",
                    name("actions")
                )));
            }
            Ok(Minibatch {
                batch: Batch {
                    obs: f32s("obs", batch * obs)?,
                    next_obs: f32s("next_obs", batch * obs)?,
                    rewards: f32s("rewards", batch)?,
                    discounts: f32s("discounts", batch)?,
                    weights: f32s("weights", if weighted { batch } else { 0 })?,
                    actions: taken,
                    terminated: ended.iter().map(|ended| *ended != 0).collect(),
                    indices: Vec::new(),
                },
                target_values: TargetValues {
                    next: f32s("target_next", batch * actions)?,
                    obs: f32s("target_obs", if munchausen { batch * actions } else { 0 })?,
                },
            })
        });
        Ok(Kept {
            update,
            gradient: f32s("gradient", weights)?,
            minibatch: minibatch.transpose()?,
        })
    };
    updates.into_iter().map(one).collect()
}

/// How long a minibatch's lists are.
pub(super) struct Sizes {
    /// Transitions.
    pub batch: usize,
    /// Numbers in an observation.
    pub obs: usize,
    /// Values of an observation.
    pub actions: usize,
    /// Whether each transition has a weight of its own.
    pub weighted: bool,
    /// Whether the target network was asked about the observations too.
    pub munchausen: bool,
}
