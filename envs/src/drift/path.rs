use std::f64::consts::TAU;

use settings::{settings, words};

use crate::Draws;

/// The longest period: clocks stay exact in an f64.
const LONGEST: i64 = 1 << 53;

words! {
    /// How a drifting number moves between its ends.
    pub(crate) enum MotionShape {
        /// Stays for half a period, then jumps to the farther end, and from then on jumps from end
        /// to end every half period
        Step = "step",
        /// Moves evenly to the farther end within one period, and stays there
        Ramp = "ramp",
        /// Swings between the ends, once a period
        Sine = "sine",
        /// Goes up or down by coin flips and is reflected at the ends; without ends, its standard
        /// deviation after one period would equal the distance between them
        Walk = "walk",
    }
}

words! {
    /// Whether tasks come in sequence, or mixed: the control in which nothing drifts.
    pub(crate) enum Shuffle {
        /// In sequence
        Never = "never",
        /// Each episode draws one of the tasks that the sequence passes through, independently of the others
        Episode = "episode",
    }
}

settings! {
    /// How a drift moves: the text after its `/`.
    pub(crate) table Motion {
        /// steps of the environment in a period
        period: u64, in 1..=LONGEST;
        /// how it moves between its ends
        shape: MotionShape = MotionShape::Sine;
        /// factor by which time runs faster: the dose
        rate: f64 = 1.0, in 0.0..=1e9;
        /// whether its values come in sequence or are drawn by episode
        shuffle: Shuffle = Shuffle::Never;
    }
}

/// The values of a number over time. It starts at the value that the environment was made with. At a
/// rate of 0 it stays exactly there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DialPath {
    /// The start, between `low` and `high`.
    pub start: f64,
    /// The least value.
    pub low: f64,
    /// The greatest value.
    pub high: f64,
    /// How it moves.
    pub motion: Motion,
}

impl Motion {
    /// How many periods have passed after `clock` steps.
    pub fn periods(&self, clock: u64) -> f64 {
        clock as f64 * self.rate / self.period as f64
    }
}

impl DialPath {
    /// One of the values that it passes through, each as likely as the time spent there is long: one period of a sine,
    /// the way of a ramp, the two ends of a step, the whole range of a walk, which in the long run visits all of it alike.
    pub fn visited(&self, draws: &mut dyn Draws) -> f64 {
        if self.motion.rate == 0.0 {
            return self.start;
        }
        let value = match self.motion.shape {
            MotionShape::Step => self.jumped(1 + draws.index("drift", 2) as u64),
            MotionShape::Ramp => {
                let way = draws.uniform("drift", 0.0, 1.0);
                self.start + (self.farther() - self.start) * way
            }
            MotionShape::Sine => self.swung(draws.uniform("drift", 0.0, 1.0)),
            MotionShape::Walk => draws.uniform("drift", self.low, self.high),
        };
        value.clamp(self.low, self.high)
    }

    /// The value at step `clock`, one step after it was `before`.
    pub fn at(&self, clock: u64, before: f64, draws: &mut dyn Draws) -> f64 {
        let time = self.motion.periods(clock);
        if time == 0.0 {
            return self.start;
        }
        let value = match self.motion.shape {
            MotionShape::Step => self.jumped((time * 2.0) as u64),
            MotionShape::Ramp => self.start + (self.farther() - self.start) * time.min(1.0),
            MotionShape::Sine => self.swung(time),
            MotionShape::Walk => self.walked(before, draws.chance("drift", 0.5)),
        };
        value.clamp(self.low, self.high)
    }

    fn farther(&self) -> f64 {
        if self.start - self.low > self.high - self.start {
            self.low
        } else {
            self.high
        }
    }

    fn jumped(&self, halves: u64) -> f64 {
        let farther = self.farther();
        match halves {
            0 => self.start,
            odd if odd % 2 == 1 => farther,
            _ => self.low + (self.high - farther),
        }
    }

    fn swung(&self, time: f64) -> f64 {
        let (middle, reach) = ((self.low + self.high) / 2.0, (self.high - self.low) / 2.0);
        let phase = ((self.start - middle) / reach).clamp(-1.0, 1.0).asin();
        middle + reach * (TAU * time + phase).sin()
    }

    fn walked(&self, before: f64, up: bool) -> f64 {
        let range = self.high - self.low;
        let stride = (range * (self.motion.rate / self.motion.period as f64).sqrt()).min(range);
        let after = if up { before + stride } else { before - stride };
        if after > self.high {
            2.0 * self.high - after
        } else if after < self.low {
            2.0 * self.low - after
        } else {
            after
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::{DialPath, Motion, MotionShape, Shuffle};

    fn stream(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    #[test]
    fn paths_go_where_they_say() {
        let path = |shape| DialPath {
            start: 0.5,
            low: 0.5,
            high: 1.5,
            motion: Motion {
                period: 100,
                shape,
                rate: 2.0,
                shuffle: Shuffle::Never,
            },
        };
        let at = |shape, clock| path(shape).at(clock, f64::NAN, &mut stream(0));
        // At twice the rate a period is 50 steps.
        let expected = [
            (
                MotionShape::Step,
                [
                    (0, 0.5),
                    (24, 0.5),
                    (25, 1.5),
                    (49, 1.5),
                    (50, 0.5),
                    (75, 1.5),
                ],
            ),
            (
                MotionShape::Ramp,
                [
                    (0, 0.5),
                    (25, 1.0),
                    (50, 1.5),
                    (51, 1.5),
                    (90, 1.5),
                    (999, 1.5),
                ],
            ),
        ];
        for (shape, points) in expected {
            for (clock, value) in points {
                assert_eq!(at(shape, clock), value, "{shape} at {clock}");
            }
        }
        for (clock, value) in [(0, 0.5), (25, 1.5), (50, 0.5), (75, 1.5)] {
            assert!(
                (at(MotionShape::Sine, clock) - value).abs() < 1e-9,
                "sine at {clock}"
            );
        }
        let inner = DialPath {
            start: 0.6,
            low: 0.0,
            high: 1.0,
            ..path(MotionShape::Step)
        };
        assert_eq!(
            inner.at(25, f64::NAN, &mut stream(0)),
            0.0,
            "the farther end first"
        );
        assert_eq!(inner.at(50, f64::NAN, &mut stream(0)), 1.0);
        let mut later = inner;
        later.motion.shape = MotionShape::Sine;
        assert_eq!(later.at(0, f64::NAN, &mut stream(0)), 0.6);
        assert!(later.at(1, f64::NAN, &mut stream(0)) > 0.6);
    }

    #[test]
    fn a_walk_spreads_by_its_range_in_a_period_and_stays_inside() {
        // From the middle of a range whose ends are out of reach within a sixty-fourth of a period.
        let path = DialPath {
            start: 0.0,
            low: -1.0,
            high: 1.0,
            motion: Motion {
                period: 1_600,
                shape: MotionShape::Walk,
                rate: 1.0,
                shuffle: Shuffle::Never,
            },
        };
        let mut squares = 0.0;
        for seed in 0..400 {
            let (mut draws, mut value) = (stream(seed), path.start);
            for clock in 0..2_000 {
                value = path.at(clock, value, &mut draws);
                assert!((-1.0..=1.0).contains(&value));
                if clock == 25 {
                    squares += value * value;
                }
            }
        }
        // 25 strides of 2 / 40: a standard deviation of 0.25.
        let deviation = (squares / 400.0_f64).sqrt();
        assert!((0.225..0.275).contains(&deviation), "{deviation}");
    }

    /// Values drawn by episode are distributed as those of a full pass of the sequence: their distribution functions are
    /// nowhere further apart than 40,000 draws allow (Kolmogorov and Smirnov, p < 0.001 at 1.95 / sqrt(n)).
    #[test]
    fn values_drawn_by_episode_are_those_of_a_pass() {
        const N: usize = 40_000;
        // A walk needs many periods to be everywhere alike.
        for (shape, from, to, bound) in [
            (MotionShape::Sine, 0, 1_000, 1.95),
            (MotionShape::Ramp, 0, 1_000, 1.95),
            (MotionShape::Step, 500, 1_500, 1.95),
            (MotionShape::Walk, 0, 2_000_000, 8.0),
        ] {
            for start in [0.5, 0.8] {
                let path = DialPath {
                    start,
                    low: 0.5,
                    high: 1.5,
                    motion: Motion {
                        period: 1_000,
                        shape,
                        rate: 1.0,
                        shuffle: Shuffle::Never,
                    },
                };
                let (mut rng, mut value) = (stream(3), start);
                let mut pass: Vec<f64> = (0..to)
                    .map(|clock| {
                        value = path.at(clock, value, &mut rng);
                        value
                    })
                    .skip(from)
                    .collect();
                let mut drawn: Vec<f64> = (0..N).map(|_| path.visited(&mut rng)).collect();
                pass.sort_by(f64::total_cmp);
                drawn.sort_by(f64::total_cmp);
                let share = |of: &[f64], most: f64| {
                    of.partition_point(|value| *value <= most) as f64 / of.len() as f64
                };
                let apart = (0..=100).map(|i| {
                    let most = 0.5 + f64::from(i) / 100.0 + 1e-9;
                    (share(&pass, most) - share(&drawn, most)).abs()
                });
                let apart = apart.fold(0.0, f64::max);
                assert!(
                    apart < bound / (N as f64).sqrt() + 1e-3,
                    "{shape} from {start}: {apart}"
                );
            }
        }
    }

    #[test]
    fn at_a_rate_of_zero_no_value_is_drawn() {
        let path = DialPath {
            start: 0.7,
            low: 0.5,
            high: 1.5,
            motion: Motion {
                period: 10,
                shape: MotionShape::Sine,
                rate: 0.0,
                shuffle: Shuffle::Episode,
            },
        };
        assert_eq!(path.visited(&mut stream(0)), 0.7);
    }
}
