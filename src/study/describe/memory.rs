//! How long a stream remembers: the autocorrelation of its observations and of its rewards.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use stats::{
    Estimate,
    autocorrelation::{Autocorrelation, Lags, TRUSTED_TIMES, integrated_time, window},
};

use super::stream::PlayedStream;
use crate::parallel::parallel;

/// Lags of the recorded autocorrelation for each factor of ten.
const LAGS_A_DECADE: f64 = 30.0;

/// An autocorrelation time below this cannot be a rounded 1.
const REPELS: f64 = 0.9;

/// How long one kind of data is remembered. Means are over the streams in which it changes at all.
pub struct Memory {
    /// The integrated autocorrelation time in steps. It is at least 1: no sample counts for more than an independent one.
    pub time: Estimate,
    /// The same for the squared autocorrelation, where swings do not cancel.
    pub swing_time: Estimate,
    /// Steps of a stream.
    pub steps: usize,
    /// Whether neighbours are so negatively correlated that the time was below 1.
    pub repel: bool,
    /// The autocorrelation at lags that grow by a constant factor. Each value is the mean from its lag up to the next one,
    /// so that a fast swing does not look like a slow one.
    pub correlation: Vec<(usize, Estimate)>,
}

impl Memory {
    /// The memory of the observations: the mean over their features.
    pub fn of_observations(streams: &[PlayedStream], done: &(dyn Fn() + Sync)) -> Option<Self> {
        let rho = parallel(streams.len(), |s| {
            let rows = &streams[s].observations;
            let mut sum = Autocorrelation::new(rows.len());
            rows.columns(|_, values| sum.add(values));
            done();
            sum.finish()
        });
        Self::of(streams[0].observations.len(), rho)
    }

    /// The memory of the rewards.
    pub fn of_rewards(streams: &[PlayedStream]) -> Option<Self> {
        let rho = parallel(streams.len(), |s| {
            let mut sum = Autocorrelation::new(streams[s].rewards.len());
            sum.add(&streams[s].reward_series());
            sum.finish()
        });
        Self::of(streams[0].rewards.len(), rho)
    }

    fn of(steps: usize, lags: Vec<Option<Lags>>) -> Option<Self> {
        let lags: Vec<Lags> = lags.into_iter().flatten().collect();
        let rho: Vec<&[f64]> = lags.iter().map(|lags| &lags.rho[..]).collect();
        let squares: Vec<&[f64]> = lags.iter().map(|lags| &lags.squares[..]).collect();
        let Estimate { point, lo, hi, n } = time(&rho)?;
        let over = |lags: &[usize]| -> Option<(usize, Estimate)> {
            let lags = lags[0]..lags[1];
            let rho = rho.iter().map(|rho| &rho[lags.clone()]);
            let rho = rho.map(|rho| rho.iter().sum::<f64>() / rho.len() as f64);
            Some((lags.start, mean(&rho.collect::<Vec<_>>())?))
        };
        let bounds = growing(steps / 2);
        Some(Self {
            time: Estimate {
                point: point.max(1.0),
                lo: lo.max(1.0),
                hi: hi.max(1.0),
                n,
            },
            swing_time: time(&squares)?,
            steps,
            repel: hi < REPELS,
            correlation: bounds.windows(2).filter_map(over).collect(),
        })
    }

    /// How many independent samples a stream is worth: its steps divided by the autocorrelation time.
    pub fn effective(&self) -> Estimate {
        let samples = |time: f64| self.steps as f64 / time;
        let Estimate { point, lo, hi, n } = self.time;
        Estimate {
            point: samples(point),
            lo: samples(hi),
            hi: samples(lo),
            n,
        }
    }

    /// Whether a stream is too short to measure this autocorrelation time, which is then underestimated.
    pub fn too_short(&self, time: Estimate) -> bool {
        (self.steps as f64) < TRUSTED_TIMES * time.point
    }
}

/// The mean of the streams' integrated autocorrelation times. All use the window of their mean autocorrelation, because
/// a window from a single stream would depend on that stream's noise.
fn time(rho: &[&[f64]]) -> Option<Estimate> {
    let lags = rho.first()?.len();
    let at = |lag: usize| rho.iter().map(|rho| rho[lag]).sum::<f64>() / rho.len() as f64;
    let window = window(&(0..lags).map(at).collect::<Vec<_>>());
    let times = rho.iter().map(|rho| integrated_time(rho, window));
    mean(&times.collect::<Vec<_>>())
}

/// The mean over streams. Each call has its own generator, so that no result depends on what else is
/// computed.
pub fn mean(values: &[f64]) -> Option<Estimate> {
    stats::mean(values, &mut ChaCha8Rng::seed_from_u64(0))
}

/// 1, 2, 3, ..., later growing by a constant factor, up to `last`.
fn growing(last: usize) -> Vec<usize> {
    let mut lags: Vec<usize> = (0..)
        .map(|k| 10f64.powf(f64::from(k) / LAGS_A_DECADE).round() as usize)
        .take_while(|lag| *lag <= last)
        .collect();
    lags.dedup();
    lags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lags(rho: Vec<f64>) -> Option<Lags> {
        let squares = rho.iter().map(|rho| rho * rho).collect();
        Some(Lags { rho, squares })
    }

    #[test]
    fn lags_grow_by_a_factor() {
        assert_eq!(growing(12), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        assert_eq!(growing(10_000).last(), Some(&10_000));
        assert!(growing(0).is_empty());
    }

    #[test]
    fn short_streams_are_recognised() {
        let decay = |steps: i32| lags((0..steps).map(|k| 0.5f64.powi(k)).collect());
        let of = |steps: i32| {
            Memory::of(steps as usize, vec![decay(steps), None, decay(steps)]).unwrap()
        };
        // (1 + 0.5) / (1 - 0.5) = 3, minus what lies beyond the window of 15; for the squares it is
        // 5/3.
        let (enough, short) = (of(150), of(149));
        assert!((enough.time.point - 3.0).abs() < 1e-3 && !enough.too_short(enough.time));
        assert!((enough.swing_time.point - 5.0 / 3.0).abs() < 1e-3);
        assert!((enough.effective().point - 50.0).abs() < 0.1);
        assert_eq!(enough.time.n, 2);
        assert!(short.too_short(short.time));
        assert!(Memory::of(9, vec![None]).is_none());
    }

    #[test]
    fn repelling_neighbours_count_as_independent() {
        let memory = Memory::of(4, vec![lags(vec![1.0, -0.5, 0.25, 0.0])]).unwrap();
        assert!(memory.repel && memory.time.point == 1.0);
        assert_eq!(memory.effective().point, 4.0);
        assert!(memory.swing_time.point > 1.5);
    }
}
