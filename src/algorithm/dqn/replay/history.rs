//! The last steps of one agent, each observation held once.

use super::{
    Encoding, Transition,
    rows::{Rows, make_room, pack},
};
use crate::{Error, Result};

/// A ring of the last steps. Steps are numbered from 0, the first that was ever pushed.
///
/// The observation after a step is the observation before the next one, unless the episode ended there:
/// then it has its own row.
pub(super) struct History {
    pub encoding: Encoding,
    pub obs_len: usize,
    /// The capacity in steps; step `k` is at `k % most`.
    pub most: usize,
    /// The number of steps ever pushed.
    pub pushed: u64,
    pub obs: Rows,
    pub steps: Vec<StoredStep>,
    /// The last observations of the episodes that ended in a step still held.
    pub finals: Rows,
    /// The number of rows of `finals`, and the rows that are not in use.
    pub slots: u32,
    free: Vec<u32>,
    /// The observation after the newest step.
    pub newest: Vec<f32>,
}

/// A step without its observations.
#[derive(Clone, Copy)]
pub(super) struct StoredStep {
    pub reward: f32,
    pub end: PackedEnd,
    pub action: u8,
}

/// Whether and how an episode ended with a step, and the slot of its last observation, in four bytes:
/// 0, or a slot counted from 1 with the lowest bit saying whether the episode terminated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct PackedEnd(u32);

impl PackedEnd {
    pub const NONE: Self = Self(0);

    pub fn at(slot: u32, terminated: bool) -> Self {
        Self(((slot + 1) << 1) | u32::from(terminated))
    }

    /// The slot of the episode's last observation, if the episode ended.
    pub fn slot(self) -> Option<u32> {
        (self.0 >> 1).checked_sub(1)
    }

    /// Whether the episode ended.
    pub fn ended(self) -> bool {
        self != Self::NONE
    }

    /// Whether it reached an end of the task.
    pub fn terminated(self) -> bool {
        self.0 & 1 == 1
    }
}

impl History {
    /// An empty history for observations of `obs_len` numbers.
    pub fn new(most: usize, obs_len: usize, encoding: Encoding) -> Self {
        assert!(most < 1 << 31, "slots are numbered in 31 bits");
        Self {
            encoding,
            obs_len,
            most,
            pushed: 0,
            obs: Rows::new(encoding, obs_len),
            steps: Vec::new(),
            finals: Rows::new(encoding, obs_len),
            slots: 0,
            free: Vec::new(),
            newest: vec![0.0; obs_len],
        }
    }

    /// The position of step `k` in the ring.
    fn place(&self, k: u64) -> usize {
        (k % self.most as u64) as usize
    }

    /// Step `k`, one of the last `most`.
    pub fn step(&self, k: u64) -> StoredStep {
        self.steps[self.place(k)]
    }

    /// Appends the observation before step `k`.
    pub fn append_before(&self, k: u64, out: &mut Vec<f32>) {
        self.obs.append(self.place(k), out);
    }

    /// Appends the observation after step `k`.
    pub fn append_after(&self, k: u64, out: &mut Vec<f32>) {
        match self.step(k).end.slot() {
            Some(slot) => self.finals.append(slot as usize, out),
            None if k + 1 == self.pushed => out.extend_from_slice(&self.newest),
            None => self.obs.append(self.place(k + 1), out),
        }
    }

    /// Appends the observation before step `k` as bits.
    pub fn append_packed_before(&self, k: u64, out: &mut Vec<u8>) {
        self.obs.append_packed(self.place(k), out);
    }

    /// Appends the observation after step `k` as bits.
    pub fn append_packed_after(&self, k: u64, out: &mut Vec<u8>) {
        match self.step(k).end.slot() {
            Some(slot) => self.finals.append_packed(slot as usize, out),
            None if k + 1 == self.pushed => {
                let start = out.len();
                out.resize(start + self.obs_len.div_ceil(8), 0);
                pack(&self.newest, &mut out[start..]);
            }
            None => self.obs.append_packed(self.place(k + 1), out),
        }
    }

    /// The steps held, the oldest first.
    pub fn held(&self) -> std::ops::Range<u64> {
        self.pushed.saturating_sub(self.most as u64)..self.pushed
    }

    /// Adds a step in place of the oldest. If the step is wrong, the error leaves everything unchanged; if there is no
    /// memory, the error ends the run.
    pub fn push(&mut self, t: &Transition) -> Result<()> {
        assert!(t.obs.len() == self.obs_len && t.next_obs.len() == self.obs_len);
        self.check(t)?;
        let at = self.place(self.pushed);
        if at == self.steps.len() {
            make_room(&mut self.steps, 1, self.most)?;
        }
        self.obs.put(at, t.obs, self.most)?;
        if let Some(slot) = self.steps.get(at).and_then(|oldest| oldest.end.slot()) {
            self.free.push(slot);
        }
        let end = if t.terminated || t.truncated {
            let slot = self.free.pop().unwrap_or(self.slots);
            self.slots = self.slots.max(slot + 1);
            self.finals.put(slot as usize, t.next_obs, self.most)?;
            PackedEnd::at(slot, t.terminated)
        } else {
            PackedEnd::NONE
        };
        let step = StoredStep {
            reward: t.reward,
            end,
            action: t.action,
        };
        if at == self.steps.len() {
            self.steps.push(step);
        } else {
            self.steps[at] = step;
        }
        self.newest.copy_from_slice(t.next_obs);
        self.pushed += 1;
        Ok(())
    }

    fn check(&self, t: &Transition) -> Result<()> {
        // Not `all`: it stops early, which prevents vectorisation.
        let same = |a: &[f32], b: &[f32]| {
            let pairs = a.iter().zip(b);
            pairs.fold(true, |all, (a, b)| all & (a.to_bits() == b.to_bits()))
        };
        let goes_on = self.pushed > 0 && !self.step(self.pushed - 1).end.ended();
        let known = goes_on && same(t.obs, &self.newest);
        for values in [t.obs, t.next_obs].into_iter().skip(usize::from(known)) {
            if let Some(i) = self.encoding.first_misfit(values) {
                return Err(Error::usage(format!(
                    "an observation is {} at {i}; held as bits, it may contain only 0 and 1",
                    values[i]
                )));
            }
        }
        if goes_on && !known {
            return Err(Error::usage(
                "an episode continues with an observation other than the one its last step ended with",
            ));
        }
        Ok(())
    }

    /// Bytes of a step with what was observed before it.
    pub fn step_bytes(&self) -> u64 {
        self.row_bytes() + size_of::<StoredStep>() as u64
    }

    /// The bytes of an observation.
    pub fn row_bytes(&self) -> u64 {
        self.encoding.row_bytes(self.obs_len) as u64
    }

    /// The bytes of memory that it holds.
    pub fn bytes(&self) -> usize {
        self.obs.bytes()
            + self.finals.bytes()
            + self.steps.capacity() * size_of::<StoredStep>()
            + self.free.capacity() * size_of::<u32>()
            + self.newest.capacity() * size_of::<f32>()
    }
}
