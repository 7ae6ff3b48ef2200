//! What a surface is.

use std::fmt;

use rand_chacha::ChaCha8Rng;

/// An objective of two weights, at least 0 everywhere and 0 at its minimum.
pub struct Surface {
    /// The name that flags and files use.
    pub name: &'static str,
    /// What it shows, in a phrase.
    pub summary: &'static str,
    /// The objective as a formula.
    pub formula: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// The part that figures show: the range of x, then that of y.
    pub domain: [(f64, f64); 2],
    /// Where every path starts.
    pub start: [f64; 2],
    /// The number of steps of a path.
    pub steps: u64,
    /// What an optimiser sees of the gradient, and whether the minimum moves.
    pub kind: SurfaceKind,
    /// Whether figures show the mean of all seeds' paths, because one path would be a tangle of noise.
    pub averaged: bool,
    pub(super) minimum: fn(u64) -> [f64; 2],
    pub(super) value: fn([f64; 2], u64) -> f64,
    pub(super) gradient: fn([f64; 2], u64) -> [f64; 2],
}

/// What an optimiser sees of the gradient, and whether the minimum moves.
#[derive(Clone, Copy)]
pub enum SurfaceKind {
    /// The exact gradient, of an objective that stays the same.
    Exact,
    /// A random gradient whose mean is the exact one.
    Random(GradientSample),
    /// A random gradient, of an objective that changes from step to step.
    Shifting(GradientSample),
}

/// Draws what the optimiser sees instead of the exact gradient.
pub type GradientSample = fn([f64; 2], &mut ChaCha8Rng) -> [f64; 2];

impl fmt::Debug for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Surface({})", self.name)
    }
}

impl Surface {
    /// The minimum at step `t`; if there are several, the one on the start's side.
    pub fn minimum(&self, t: u64) -> [f64; 2] {
        (self.minimum)(t)
    }

    /// The objective at step `t`.
    pub fn value(&self, at: [f64; 2], t: u64) -> f64 {
        (self.value)(at, t)
    }

    /// The gradient of the objective at step `t`.
    pub fn gradient(&self, at: [f64; 2], t: u64) -> [f64; 2] {
        (self.gradient)(at, t)
    }

    /// What an optimiser sees of the gradient at step `t`.
    pub(super) fn observed(&self, at: [f64; 2], t: u64, rng: &mut ChaCha8Rng) -> [f64; 2] {
        let gradient = self.gradient(at, t);
        match self.kind {
            SurfaceKind::Exact => gradient,
            SurfaceKind::Random(sample) | SurfaceKind::Shifting(sample) => sample(gradient, rng),
        }
    }

    /// Whether paths differ from seed to seed.
    pub fn is_random(&self) -> bool {
        !matches!(self.kind, SurfaceKind::Exact)
    }

    /// Whether the minimum moves.
    pub fn is_shifting(&self) -> bool {
        matches!(self.kind, SurfaceKind::Shifting(_))
    }
}
