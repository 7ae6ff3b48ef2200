//! The cost of a run: processor time, joules, gCO2e.
//!
//! On Linux with a readable `/sys/class/powercap`, RAPL's counters measure the energy of the processors'
//! packages during a run, and the run is charged by its share of the machine's busy processor time.
//! Elsewhere the joules are marked as an estimate: processor seconds times the watts of a core. A run on a
//! GPU is also charged what NVML measures, divided among the runs at the same time.

mod nvml;
mod rapl;

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use settings::{Interval, settings};

use self::{nvml::Nvml, rapl::Rapl};

/// Power of a busy core if nothing measures it: 12 W, Green Algorithms' value for any processor
/// (Lannelongue, Grealey & Inouye 2021).
pub const WATTS_PER_CORE: f64 = 12.0;
/// The world's average carbon intensity of electricity, gCO2e/kWh (IEA 2019, as in Green Algorithms).
pub const GRAMS_PER_KWH: f64 = 475.0;

settings! {
    /// The power of a core if it cannot be measured, and the carbon intensity of electricity.
    pub struct Energy {
        /// Power of a busy core without its share of memory: Green Algorithms' value for any
        /// processor (Lannelongue et al. 2021)
        watts_per_core: f64 = WATTS_PER_CORE, in Interval::at_least(0.0);
        /// Carbon intensity, gCO2e/kWh: the world's average (IEA 2019, as in Green Algorithms)
        grams_per_kwh: f64 = GRAMS_PER_KWH, in Interval::at_least(0.0);
    }
}

/// The folder of RAPL's counters.
const POWERCAP: &str = "/sys/class/powercap";
/// A counter wraps around after about ten minutes of full power at the earliest.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Clock ticks per second in `/proc/stat`, the same on every Linux.
const TICKS: f64 = 100.0;

/// The source of a processor's joules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// RAPL's counters.
    Rapl,
    /// Processor seconds times the watts of a core.
    Estimate,
}

/// The cost of a run, or of several.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Processor seconds.
    pub cpu_seconds: f64,
    /// The processor's joules.
    pub joules: f64,
    /// The source of the processor's joules.
    pub source: Source,
    /// The GPU's joules, measured by NVML; `None` without a GPU or if its counter cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_joules: Option<f64>,
    /// Grams of CO2 equivalent, at the experiment's intensity.
    pub gco2e: f64,
}

impl Spent {
    /// The estimated cost of `cpu_seconds`.
    pub fn estimate(cpu_seconds: f64, energy: &Energy) -> Self {
        Self::new(
            cpu_seconds,
            cpu_seconds * energy.watts_per_core,
            Source::Estimate,
            energy,
        )
    }

    fn new(cpu_seconds: f64, joules: f64, source: Source, energy: &Energy) -> Self {
        Self {
            cpu_seconds,
            joules,
            source,
            gpu_joules: None,
            gco2e: grams(joules, energy),
        }
    }

    /// The same with a GPU's joules.
    fn with_gpu(self, joules: Option<f64>, energy: &Energy) -> Self {
        Self {
            gpu_joules: joules,
            gco2e: self.gco2e + grams(joules.unwrap_or(0.0), energy),
            ..self
        }
    }

    /// The sum of both; an estimate if either is one.
    pub fn and(self, other: Self) -> Self {
        let measured = self.source == Source::Rapl && other.source == Source::Rapl;
        Self {
            cpu_seconds: self.cpu_seconds + other.cpu_seconds,
            joules: self.joules + other.joules,
            source: if measured {
                Source::Rapl
            } else {
                Source::Estimate
            },
            gco2e: self.gco2e + other.gco2e,
            gpu_joules: match (self.gpu_joules, other.gpu_joules) {
                (Some(a), Some(b)) => Some(a + b),
                // The joules of one alone would be mistaken for those of both.
                _ => None,
            },
        }
    }
}

fn grams(joules: f64, energy: &Energy) -> f64 {
    joules / 3.6e6 * energy.grams_per_kwh
}

/// Measures the cost of the thread that starts it, or of the whole process.
pub struct Meter {
    started: Instant,
    /// Reads the processor seconds so far.
    clock: fn() -> Option<f64>,
    cpu: Option<f64>,
    rapl: Option<Rapl>,
    busy: Option<f64>,
    looked: Instant,
    gpu: Option<GpuMeter>,
}

struct GpuMeter {
    counter: Nvml,
    before: f64,
    runs: usize,
}

impl Meter {
    /// Starts measuring this thread. `on_gpu` is the number of runs at the same time on the GPU, if the run is
    /// on one.
    pub fn start(on_gpu: Option<usize>) -> Self {
        Self::by(thread_seconds, on_gpu)
    }

    /// Starts measuring all threads of this process; see [`start`](Self::start).
    pub fn of_process(on_gpu: Option<usize>) -> Self {
        Self::by(process_seconds, on_gpu)
    }

    fn by(clock: fn() -> Option<f64>, on_gpu: Option<usize>) -> Self {
        let now = Instant::now();
        Self {
            started: now,
            clock,
            cpu: clock(),
            rapl: Rapl::open(Path::new(POWERCAP)),
            busy: busy_seconds(),
            looked: now,
            gpu: on_gpu.and_then(|runs| {
                let counter = Nvml::open()?;
                let before = counter.joules()?;
                Some(GpuMeter {
                    counter,
                    before,
                    runs,
                })
            }),
        }
    }

    /// Reads the counters if it is time. Call it often: a counter that wraps around twice unread loses energy.
    pub fn look(&mut self) {
        if let Some(rapl) = &mut self.rapl
            && self.looked.elapsed() >= LOOK_EVERY
        {
            rapl.look();
            self.looked = Instant::now();
        }
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// The cost since the start.
    pub fn stop(mut self, energy: &Energy) -> Spent {
        let since = |before: Option<f64>, now: Option<f64>| Some(now? - before?);
        // Without a clock, the thread counts as busy all the time.
        let cpu = since(self.cpu, (self.clock)()).unwrap_or_else(|| self.seconds());
        let measured = self.rapl.as_mut().and_then(|rapl| {
            rapl.look();
            let busy = since(self.busy, busy_seconds())?;
            Some(rapl.joules * share(cpu, busy))
        });
        let gpu = self.gpu.as_ref().and_then(|gpu| {
            let drawn = gpu.counter.joules()? - gpu.before;
            Some(drawn / gpu.runs as f64)
        });
        let spent = match measured {
            Some(joules) => Spent::new(cpu, joules, Source::Rapl, energy),
            None => Spent::estimate(cpu, energy),
        };
        spent.with_gpu(gpu, energy)
    }
}

/// The share of `cpu` seconds in a machine's `busy` seconds, which are counted in coarser steps.
fn share(cpu: f64, busy: f64) -> f64 {
    cpu / busy.max(cpu).max(f64::MIN_POSITIVE)
}

/// Seconds that this thread has been on a core.
fn thread_seconds() -> Option<f64> {
    // The scheduler updates the count when it switches threads, so it is milliseconds old; yielding updates it.
    thread::yield_now();
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds * 1e-9)
}

/// Seconds that all threads of this process have been on cores.
fn process_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name before the fields may hold anything, even a parenthesis.
    let fields = text.rsplit_once(')')?.1.split_whitespace();
    let ticks: Vec<f64> = fields
        .skip(11)
        .take(2)
        .filter_map(|x| x.parse().ok())
        .collect();
    match ticks.as_slice() {
        [user, system] => Some((user + system) / TICKS),
        _ => None,
    }
}

/// Seconds that this machine's cores have been busy, together.
fn busy_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let fields = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<f64> = fields
        .split_whitespace()
        .map_while(|x| x.parse().ok())
        .collect();
    // User, nice, system; then idle and waiting; then interrupts.
    let &[user, nice, system, _, _, irq, soft, ..] = ticks.as_slice() else {
        return None;
    };
    Some((user + nice + system + irq + soft) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_spent_at_least_what_its_thread_has() {
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(60) {
            std::hint::black_box(began);
        }
        let (thread, process) = (thread_seconds().unwrap(), process_seconds().unwrap());
        assert!(process >= thread - 0.02, "{process} < {thread}");
    }

    #[test]
    fn a_kilowatt_hour_has_the_stated_grams() {
        let energy = Energy {
            watts_per_core: 10.0,
            grams_per_kwh: 475.0,
        };
        let hour = Spent::estimate(360_000.0, &energy);
        assert_eq!((hour.joules, hour.gco2e), (3.6e6, 475.0));
        assert_eq!(hour.source, Source::Estimate);
        let both = hour.and(Spent::new(1.0, 2.0, Source::Rapl, &energy));
        assert_eq!((both.joules, both.source), (3.6e6 + 2.0, Source::Estimate));
        let with = hour.with_gpu(Some(7.2e6), &energy);
        assert_eq!((with.gpu_joules, with.gco2e), (Some(7.2e6), 3.0 * 475.0));
        assert_eq!(with.and(hour).gpu_joules, None);
        assert_eq!(with.and(with).gpu_joules, Some(14.4e6));
    }

    #[test]
    fn a_busy_thread_spends_processor_time() {
        let meter = Meter::start(None);
        let mut x = 1u64;
        while meter.seconds() < 0.05 {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        let spent = meter.stop(&Energy::default());
        assert!(spent.cpu_seconds > 0.0 && spent.joules > 0.0, "{spent:?}");
        assert_eq!(share(1.0, 4.0), 0.25);
        assert_eq!(share(0.004, 0.0), 1.0);
    }
}
