//! A replay buffer's content in safetensors, exact to the bit.
//!
//! Steps are in the order of their positions in the ring: `obs` (f32, or u8 with eight values a byte),
//! `actions`, `rewards` and `ends` (0: the episode continued, 1: truncated, 2: terminated). `finals`
//! has the last observation of each ended episode, in the same order; `newest` has the observation
//! after the newest step. `pushed` counts all steps ever pushed. With priorities, `priorities` has each
//! transition's priority to the power alpha, and `largest_priority` the largest so far.

use safetensors::Dtype;

use super::{
    Encoding, Replay,
    history::{History, PackedEnd, StoredStep},
    priority::Priorities,
    rows::Rows,
};
use optim::state_file::{self, Array, StateFile, bytes, numbers};

use crate::{Error, Result};

/// The metadata key of a saved buffer.
const WHAT: &str = "replay buffer";

impl Replay {
    /// The settings that a saved buffer must match.
    fn settings(&self) -> String {
        let History {
            obs_len, encoding, ..
        } = self.history;
        let encoding = match encoding {
            Encoding::Floats => "floats",
            Encoding::Bits => "bits",
        };
        let priorities = self.priorities.as_ref();
        let drawn = priorities.map_or("uniform".into(), |p| format!("priority_alpha={}", p.alpha));
        let (capacity, n_step) = (self.capacity, self.n_step);
        format!(
            "capacity={capacity}, observations of {obs_len} {encoding}, n_step={n_step}, {drawn}"
        )
    }

    /// The whole content. A new buffer with the same settings that [`restore`](Self::restore)s it
    /// continues as if nothing had happened.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        let mut arrays = self.history.arrays();
        if let Some(priorities) = &self.priorities {
            let values: Vec<f64> = (0..self.len()).map(|i| priorities.get(i)).collect();
            let value = bytes(&values, |x| x.to_le_bytes());
            let largest = priorities.largest.to_le_bytes().to_vec();
            arrays.push(("priorities".into(), Dtype::F64, vec![values.len()], value));
            arrays.push(("largest_priority".into(), Dtype::F64, vec![1], largest));
        }
        Ok(state_file::write(WHAT, self.settings(), &arrays)?)
    }

    /// Restores what [`to_safetensors`](Self::to_safetensors) returned. If it does not fit, the error
    /// says where, and nothing has changed.
    pub fn restore(&mut self, data: &[u8]) -> Result<()> {
        let file = StateFile::read(WHAT, &self.settings(), data)?;
        let History {
            most,
            obs_len,
            encoding,
            ..
        } = self.history;
        let mut new = Replay {
            capacity: self.capacity,
            n_step: self.n_step,
            gamma: self.gamma,
            history: History::from_arrays(&file, most, obs_len, encoding)?,
            complete: 0,
            priorities: None,
            packed: self.packed,
        };
        new.complete = new.completed();
        if let Some(priorities) = &self.priorities {
            new.priorities = Some(priorities.restored(&file, new.len())?);
        }
        *self = new;
        Ok(())
    }
}

impl Priorities {
    /// Priorities with the same settings and the values in `file`.
    fn restored(&self, file: &StateFile, len: usize) -> Result<Self> {
        let mut new = Self::new(self.most, self.alpha, self.eps);
        let values = file.find("priorities", Dtype::F64, &[len])?;
        let largest = file.find("largest_priority", Dtype::F64, &[1])?;
        new.largest = numbers(largest, f64::from_le_bytes)[0];
        let values = numbers(values, f64::from_le_bytes);
        let unsound = |x: &&f64| !(x.is_finite() && **x > 0.0);
        if let Some(x) = values.iter().chain([&new.largest]).find(unsound) {
            return Err(unfit(format!("a priority of {x}")));
        }
        for (i, value) in values.into_iter().enumerate() {
            new.set(i, value)?;
        }
        Ok(new)
    }
}

impl History {
    fn arrays(&self) -> Vec<Array> {
        let n = self.steps.len();
        let ended = || self.steps.iter().filter_map(|step| step.end.slot());
        let ends = bytes(&self.steps, |step| [kind(step.end)]);
        let rewards = bytes(&self.steps, |step| step.reward.to_le_bytes());
        let actions = bytes(&self.steps, |step| [step.action]);
        let (dtype, width) = saved_row(self.encoding, self.obs_len);
        let finals = self.finals.to_bytes(ended().map(|slot| slot as usize));
        let newest = bytes(&self.newest, |x| x.to_le_bytes());
        let pushed = self.pushed.to_le_bytes().to_vec();
        vec![
            ("pushed".into(), Dtype::U64, vec![1], pushed),
            ("actions".into(), Dtype::U8, vec![n], actions),
            ("rewards".into(), Dtype::F32, vec![n], rewards),
            ("ends".into(), Dtype::U8, vec![n], ends),
            ("obs".into(), dtype, vec![n, width], self.obs.to_bytes(0..n)),
            ("finals".into(), dtype, vec![ended().count(), width], finals),
            ("newest".into(), Dtype::F32, vec![self.obs_len], newest),
        ]
    }

    /// A history of at most `most` steps, with the content in `file`.
    fn from_arrays(
        file: &StateFile,
        most: usize,
        obs_len: usize,
        encoding: Encoding,
    ) -> Result<Self> {
        let mut new = Self::new(most, obs_len, encoding);
        new.pushed = file.count("pushed")?;
        if new.pushed > i64::MAX as u64 {
            return Err(unfit(format!("{} steps behind it", new.pushed)));
        }
        let n = new.pushed.min(most as u64) as usize;
        let actions = file.find("actions", Dtype::U8, &[n])?;
        let rewards = numbers(file.find("rewards", Dtype::F32, &[n])?, f32::from_le_bytes);
        let mut slots = 0;
        for ((kind, action), reward) in file
            .find("ends", Dtype::U8, &[n])?
            .iter()
            .zip(actions)
            .zip(rewards)
        {
            let end = match kind {
                0 => PackedEnd::NONE,
                1 | 2 => PackedEnd::at(slots, *kind == 2),
                _ => return Err(unfit(format!("an end of kind {kind}"))),
            };
            slots += u32::from(end.ended());
            new.steps.push(StoredStep {
                reward,
                end,
                action: *action,
            });
        }
        new.slots = slots;
        let (dtype, width) = saved_row(encoding, obs_len);
        let rows = |name, n| -> Result<Rows> {
            let data = file.find(name, dtype, &[n, width])?;
            Ok(Rows::from_bytes(encoding, obs_len, data))
        };
        new.obs = rows("obs", n)?;
        new.finals = rows("finals", slots as usize)?;
        let newest = file.find("newest", Dtype::F32, &[obs_len])?;
        new.newest = numbers(newest, f32::from_le_bytes);
        Ok(new)
    }
}

/// How an end is encoded in `ends`.
fn kind(end: PackedEnd) -> u8 {
    u8::from(end.ended()) + u8::from(end.terminated())
}

/// The type and length of a row of observations.
fn saved_row(encoding: Encoding, obs_len: usize) -> (Dtype, usize) {
    match encoding {
        Encoding::Floats => (Dtype::F32, obs_len),
        Encoding::Bits => (Dtype::U8, obs_len.div_ceil(8)),
    }
}

fn unfit(what: String) -> Error {
    Error::usage(format!("the {WHAT} state has {what}"))
}
