//! When a run saves its state and when it stops. Neither changes its results.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// When a run saves its state and when it stops.
pub struct Control {
    /// Environment steps between checkpoints; by the clock if `None`.
    pub every: Option<u64>,
    /// Time between checkpoints if `every` is `None`; no checkpoints if this is `None` too.
    pub period: Option<Duration>,
    /// Set from outside to the number of a signal, to end the run after a checkpoint at the next
    /// opportunity.
    pub stop: Arc<AtomicUsize>,
    /// How long the learning after a step may continue once the run was asked to end. After that it is abandoned, and
    /// the run ends at its last checkpoint.
    pub patience: Duration,
    /// Whether the state at the run's end is saved too, so that the run can be made longer.
    pub keep_end: bool,
    saved: Cell<Instant>,
    /// When learning first noticed the request to end.
    asked: Cell<Option<Instant>>,
}

/// Longer than learning takes after a step, except with extreme settings, and shorter than anybody would wait after
/// Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(2);

impl Control {
    /// A checkpoint every `every` steps, or every minute if that is `None`; the run ends when `stop` is set.
    pub fn new(every: Option<u64>, stop: Arc<AtomicUsize>) -> Self {
        Self {
            every,
            period: Some(Duration::from_secs(60)),
            stop,
            patience: PATIENCE,
            keep_end: false,
            saved: Cell::new(Instant::now()),
            asked: Cell::new(None),
        }
    }

    /// The signal that asks the run to end, if it came so long ago that learning must be abandoned.
    pub(super) fn out_of_patience(&self) -> Option<usize> {
        let signal = self.stopped()?;
        let asked = self.asked.get().unwrap_or_else(Instant::now);
        self.asked.set(Some(asked));
        (asked.elapsed() >= self.patience).then_some(signal)
    }

    /// The signal that asks the run to end, if there was one.
    pub(super) fn stopped(&self) -> Option<usize> {
        match self.stop.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// Whether a checkpoint is due after `step` steps, if the last look was after `before`; the clock is read only if
    /// `look`.
    pub(super) fn save_is_due(&self, before: u64, step: u64, look: bool) -> bool {
        match (self.every, self.period) {
            (Some(every), _) => passes(before, step, every),
            (None, Some(period)) => look && self.saved.get().elapsed() >= period,
            (None, None) => false,
        }
    }

    /// A checkpoint has just been made.
    pub(super) fn checkpoint_made(&self) {
        self.saved.set(Instant::now());
    }
}

/// Whether a multiple of `every` lies after `before` and not after `step`.
pub(super) fn passes(before: u64, step: u64, every: u64) -> bool {
    step / every > before / every
}

impl Default for Control {
    /// No checkpoints, and no end before the run's own.
    fn default() -> Self {
        Self {
            every: None,
            period: None,
            stop: Arc::default(),
            patience: PATIENCE,
            keep_end: false,
            saved: Cell::new(Instant::now()),
            asked: Cell::new(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_every_so_many_steps_is_due_once_at_or_past_each_multiple() {
        let due = |by: u64, every: u64| -> Vec<u64> {
            let steps = (1..=10).map(|tick| tick * by);
            steps
                .filter(|step| passes(step - by, *step, every))
                .collect()
        };
        assert_eq!(due(1, 4), [4, 8]);
        assert_eq!(due(3, 4), [6, 9, 12, 18, 21, 24, 30]);
        assert_eq!(due(8, 20), [24, 40, 64, 80]);
        // Several multiples at once count as one.
        assert_eq!(due(8, 3).len(), 10);
    }
}
