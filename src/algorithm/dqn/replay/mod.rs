//! The replay buffer: the last `capacity` transitions of one agent, over one step or n, drawn
//! uniformly or by priority.

mod batch;
mod history;
mod priority;
mod rows;
mod state;
mod sum_tree;

pub use batch::{Batch, Packed};
pub use rows::{Encoding, VALUES};

use history::History;
use priority::Priorities;
use rand::Rng;

use crate::Result;

/// One step: what the agent saw, what it did and what it got.
#[derive(Clone, Copy, Debug)]
pub struct Transition<'a> {
    /// The observation before the step.
    pub obs: &'a [f32],
    /// The action taken.
    pub action: u8,
    /// The reward.
    pub reward: f32,
    /// The observation after the step, before any reset.
    pub next_obs: &'a [f32],
    /// Whether the episode terminated: what follows is worth nothing.
    pub terminated: bool,
    /// Whether the episode was truncated, which does not stop the bootstrap.
    pub truncated: bool,
}

/// A ring of transitions over `n` steps (Sutton 1988; Watkins 1989 for Q-learning), 1 unless
/// [`n_step`](Self::n_step) says otherwise.
///
/// Transitions are numbered in the order of their first step; number `k` is at index `k % capacity`. An
/// n-step transition becomes available with its last step, or at the end of its episode.
pub struct Replay {
    capacity: usize,
    n_step: u32,
    gamma: f64,
    history: History,
    /// The number of transitions ever completed.
    complete: u64,
    priorities: Option<Priorities>,
    /// Whether observations are fetched as bits.
    packed: bool,
}

impl Replay {
    /// An empty buffer for observations of `obs_len` numbers; what follows a step is discounted by
    /// `gamma`. Memory grows as the buffer fills.
    pub fn new(capacity: usize, obs_len: usize, encoding: Encoding, gamma: f64) -> Self {
        assert!(
            capacity > 0,
            "a replay buffer holds at least one transition"
        );
        Self {
            capacity,
            n_step: 1,
            gamma,
            history: History::new(capacity, obs_len, encoding),
            complete: 0,
            priorities: None,
            packed: false,
        }
    }

    /// This buffer, still empty, with transitions over `n` steps; `n` is at least 1.
    pub fn n_step(self, n: u32) -> Self {
        assert!(n > 0 && self.history.pushed == 0);
        let History {
            obs_len, encoding, ..
        } = self.history;
        // The history also holds the steps whose own transitions are not complete yet.
        let most = self.capacity + n as usize - 1;
        Self {
            n_step: n,
            history: History::new(most, obs_len, encoding),
            ..self
        }
    }

    /// This buffer, which holds bits, with observations that are fetched as bits.
    pub fn packed(self) -> Self {
        assert!(self.history.encoding == Encoding::Bits);
        Self {
            packed: true,
            ..self
        }
    }

    /// This buffer, still empty, with transitions drawn by priority (Schaul et al. 2016): the absolute
    /// TD error plus `eps`, which is above 0, to the power `alpha`.
    pub fn prioritized(self, alpha: f64, eps: f64) -> Self {
        assert!(self.history.pushed == 0);
        Self {
            priorities: Some(Priorities::new(self.capacity, alpha, eps)),
            ..self
        }
    }

    /// How many transitions it holds.
    pub fn len(&self) -> usize {
        self.complete.min(self.capacity as u64) as usize
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.complete == 0
    }

    /// Bytes of memory it holds.
    pub fn bytes(&self) -> usize {
        let priorities = self.priorities.as_ref().map_or(0, Priorities::bytes);
        self.history.bytes() + priorities
    }

    /// The minimum number of bytes that `steps` steps take, in episodes of at most `longest` steps. The last
    /// observation of each episode counts; shorter episodes take more.
    pub fn bytes_of(&self, steps: u64, longest: Option<u32>) -> u64 {
        let held = steps.min(self.history.most as u64);
        let ended = longest.map_or(0, |longest| held / u64::from(longest.max(1)));
        let priorities = match self.priorities {
            Some(_) => steps.min(self.capacity as u64) * size_of::<f64>() as u64,
            None => 0,
        };
        held * self.history.step_bytes() + ended * self.history.row_bytes() + priorities
    }

    /// Adds a step; the transitions that it completes take the place of the oldest when full.
    ///
    /// An error if its observations do not fit the encoding, or if the episode continues and `obs` is not the
    /// `next_obs` of the step before, because each observation is held once. Then nothing has changed. It is also
    /// an error, which ends the run, if there is no memory for it.
    pub fn push(&mut self, t: Transition) -> Result<()> {
        self.history.push(&t)?;
        let before = self.complete;
        self.complete = self.completed();
        if let Some(priorities) = &mut self.priorities {
            for k in before..self.complete {
                priorities.add((k % self.capacity as u64) as usize)?;
            }
        }
        Ok(())
    }

    /// How many transitions are complete: all of those in ended episodes, and those of the current
    /// episode that n steps have followed.
    fn completed(&self) -> u64 {
        let history = &self.history;
        let open = history.held().rev().take(self.n_step as usize - 1);
        let open = open.take_while(|k| !history.step(*k).end.ended());
        history.pushed - open.count() as u64
    }

    /// Appends `n` transitions to `batch`, drawn with replacement: uniformly, or by priority with
    /// weights that correct for the priorities fully at `beta` 1 and not at all at 0. The buffer must
    /// not be empty.
    pub fn sample(&self, rng: &mut impl Rng, n: usize, beta: f64, batch: &mut Batch) {
        let from = batch.indices.len();
        if let Some(priorities) = &self.priorities {
            priorities.draw(rng, n, beta, &mut batch.indices, &mut batch.weights);
        } else {
            // u32 gives the same draws on every machine, whatever its word size.
            let draw = |_| rng.random_range(0..self.len() as u32);
            batch.indices.extend((0..n).map(draw));
        }
        self.fetch(from, batch);
    }

    /// Appends all transitions to `batch`, the oldest first, without weights.
    pub fn append_all(&self, batch: &mut Batch) {
        let (len, from) = (self.len() as u64, batch.indices.len());
        let oldest = self.complete - len;
        let places = (oldest..self.complete).map(|k| (k % self.capacity as u64) as u32);
        batch.indices.extend(places);
        self.fetch(from, batch);
    }

    /// Appends the transitions at `indices` to `batch`, without weights. Each index is below
    /// [`len`](Self::len).
    pub fn append(&self, indices: &[u32], batch: &mut Batch) {
        let from = batch.indices.len();
        batch.indices.extend_from_slice(indices);
        self.fetch(from, batch);
    }

    /// Fetches the transitions at the batch's indices from position `from` on.
    fn fetch(&self, from: usize, batch: &mut Batch) {
        for at in from..batch.indices.len() {
            let first = self.first_step(batch.indices[at]);
            let mut last = first;
            let mut step = self.history.step(first);
            batch.actions.push(step.action.into());
            let (mut reward, mut discount) = (f64::from(step.reward), self.gamma);
            while !step.end.ended() && last - first + 1 < u64::from(self.n_step) {
                last += 1;
                step = self.history.step(last);
                reward += discount * f64::from(step.reward);
                discount *= self.gamma;
            }
            batch.rewards.push(reward as f32);
            batch.discounts.push(discount as f32);
            batch.terminated.push(step.end.terminated());
            if self.packed {
                let packed = batch.packed.get_or_insert_default();
                self.history.append_packed_before(first, &mut packed.obs);
                self.history.append_packed_after(last, &mut packed.next_obs);
            } else {
                self.history.append_before(first, &mut batch.obs);
                self.history.append_after(last, &mut batch.next_obs);
            }
        }
    }

    /// The first step of the transition at `index`, which is below [`len`](Self::len).
    fn first_step(&self, index: u32) -> u64 {
        assert!((index as usize) < self.len(), "no transition at {index}");
        let (capacity, index) = (self.capacity as u64, u64::from(index));
        let lap = self.complete - self.complete % capacity;
        let newest = lap + index;
        if newest < self.complete {
            newest
        } else {
            newest - capacity
        }
    }

    /// How many steps were taken after the first one of the transition at `index`, which is below
    /// [`len`](Self::len).
    pub fn age(&self, index: u32) -> u64 {
        self.history.pushed - 1 - self.first_step(index)
    }

    /// Updates the priorities of the transitions at `indices` from their TD errors, all of which are
    /// finite. Does nothing if replay is not prioritized.
    pub fn update_priorities(&mut self, indices: &[u32], errors: &[f32]) {
        let Some(priorities) = &mut self.priorities else {
            return;
        };
        assert_eq!(indices.len(), errors.len());
        for (i, error) in indices.iter().zip(errors) {
            assert!((*i as u64) < self.complete.min(self.capacity as u64));
            priorities.update(*i as usize, *error);
        }
    }
}
