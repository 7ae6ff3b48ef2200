use std::f64::consts::TAU;
use std::fmt;

use crate::Draws;

/// How a drifting number moves between its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Stays for half a period, then jumps to the farther end, and from there
    /// from end to end every half period.
    Step,
    /// Moves evenly to the farther end within one period, and stays there.
    Ramp,
    /// Swings between the ends, once a period.
    Sine,
    /// Up or down by a coin, reflected at the ends; in one period the standard
    /// deviation of a walk without ends would be their distance.
    Walk,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Shape; 4] = [Shape::Step, Shape::Ramp, Shape::Sine, Shape::Walk];
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shape::Step => "step",
            Shape::Ramp => "ramp",
            Shape::Sine => "sine",
            Shape::Walk => "walk",
        })
    }
}

/// The way a number takes over time. It begins at the plain environment's value,
/// and at a rate of 0 it stays there exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// Where it begins, from `low` to `high`.
    pub start: f64,
    /// The least value.
    pub low: f64,
    /// The greatest value.
    pub high: f64,
    /// Steps of the environment.
    pub period: u64,
    /// How it moves.
    pub shape: Shape,
    /// How many times as fast time runs: the dose.
    pub rate: f64,
}

impl Path {
    /// The value at step `clock`, one step after it was `before`.
    pub fn at(&self, clock: u64, before: f64, draws: &mut dyn Draws) -> f64 {
        // Periods gone by.
        let time = clock as f64 * self.rate / self.period as f64;
        if time == 0.0 {
            return self.start;
        }
        let value = match self.shape {
            Shape::Step => self.jumped((time * 2.0) as u64),
            Shape::Ramp => self.start + (self.farther() - self.start) * time.min(1.0),
            Shape::Sine => self.swung(time),
            Shape::Walk => self.walked(before, draws.chance("drift", 0.5)),
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
        let stride = (range * (self.rate / self.period as f64).sqrt()).min(range);
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
