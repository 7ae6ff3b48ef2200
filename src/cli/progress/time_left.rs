//! How much longer a run will take.

use std::time::{Duration, Instant};

use indicatif::HumanDuration;

/// The least time that an estimate is made from.
const LEAST: Duration = Duration::from_millis(500);

/// Estimates the time left of a run whose steps all take about as long from some step on.
///
/// Steps before that one are left out: while an agent only fills its replay buffer, a step takes a tenth of what it
/// takes later.
pub(in crate::cli) struct TimeLeft {
    steady_from: u64,
    steps: u64,
    /// The first step seen from then on, and when that was.
    first: Option<(u64, Instant)>,
}

impl TimeLeft {
    /// Of a run of `steps` steps.
    pub(in crate::cli) fn new(steady_from: u64, steps: u64) -> Self {
        Self {
            steady_from,
            steps,
            first: None,
        }
    }

    /// The time left at `step`, which was reached at `now`; `None` as long as it cannot be known.
    pub(in crate::cli) fn at(&mut self, step: u64, now: Instant) -> Option<Duration> {
        if step < self.steady_from {
            return None;
        }
        let (first, since) = *self.first.get_or_insert((step, now));
        let (done, taken) = (step - first, now - since);
        let left = self.steps.saturating_sub(step);
        (done > 0 && taken >= LEAST || left == 0)
            .then(|| taken.mul_f64(left as f64 / done.max(1) as f64))
    }
}

/// The form beside a bar; `None` if the time is not known.
pub(in crate::cli) fn short(left: Option<Duration>) -> Option<String> {
    left.map(|left| format!("{:#} left", HumanDuration(left)))
}

/// The form in a line of its own; `None` if the time is not known.
pub(in crate::cli) fn long(left: Option<Duration>) -> Option<String> {
    left.map(|left| format!("{} left", HumanDuration(left)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A buffer that fills in a second, then learning at a tenth of that speed.
    #[test]
    fn the_filling_of_the_buffer_does_not_count() {
        let start = Instant::now();
        let when = |step: u64| {
            let (filling, learning) = (step.min(10_000), step.saturating_sub(10_000));
            start + Duration::from_micros(100 * filling + 1000 * learning)
        };
        let mut left = TimeLeft::new(10_000, 100_000);
        for step in (0..10_000).step_by(100) {
            assert_eq!(left.at(step, when(step)), None);
        }
        for step in (10_000..=100_000).step_by(100) {
            let known = left.at(step, when(step));
            if step < 10_500 {
                assert_eq!(known, None);
            } else {
                let really = when(100_000) - when(step);
                let estimated = known.unwrap();
                assert!(
                    estimated.abs_diff(really) < Duration::from_millis(1),
                    "{step}: {estimated:?}, really {really:?}"
                );
            }
        }
    }

    #[test]
    fn a_resumed_run_counts_from_where_it_goes_on() {
        let start = Instant::now();
        let mut left = TimeLeft::new(10, 2_000);
        assert_eq!(left.at(1_000, start), None);
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(left.at(1_500, after(5)), Some(Duration::from_secs(5)));
        assert_eq!(left.at(2_000, after(10)), Some(Duration::ZERO));
    }
}
