//! When a run saves itself and when it stops: nothing here changes what comes of it.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// When a run saves itself and when it stops.
pub struct Control {
    /// Environment steps from checkpoint to checkpoint; by the clock if `None`.
    pub every: Option<u64>,
    /// Time from checkpoint to checkpoint if `every` says nothing; never if `None`.
    pub period: Option<Duration>,
    /// Set from outside, to the number of a signal, to end the run at the next opportunity, after
    /// a checkpoint.
    pub stop: Arc<AtomicUsize>,
    saved: Cell<Instant>,
}

impl Control {
    /// Checkpoints every so many steps, or every minute; an end when `stop` is set.
    pub fn new(every: Option<u64>, stop: Arc<AtomicUsize>) -> Self {
        Self {
            every,
            period: Some(Duration::from_secs(60)),
            stop,
            saved: Cell::new(Instant::now()),
        }
    }

    /// The signal that wants the run to end, if one came.
    pub(super) fn stopped(&self) -> Option<usize> {
        match self.stop.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// Whether a checkpoint is due after `step` steps; the clock is read only if `look`.
    pub(super) fn save_is_due(&self, step: u64, look: bool) -> bool {
        match (self.every, self.period) {
            (Some(every), _) => step.is_multiple_of(every),
            (None, Some(period)) => look && self.saved.get().elapsed() >= period,
            (None, None) => false,
        }
    }

    /// A checkpoint has just been made.
    pub(super) fn saved(&self) {
        self.saved.set(Instant::now());
    }
}

impl Default for Control {
    /// No checkpoints and no end but the run's own.
    fn default() -> Self {
        Self {
            every: None,
            period: None,
            stop: Arc::default(),
            saved: Cell::new(Instant::now()),
        }
    }
}
