//! What a surface is.

use std::fmt;

use rand_chacha::ChaCha8Rng;

use super::registry;
use crate::{Error, Result, suggest};

/// An objective of two weights, at least 0 everywhere and 0 at its minimum.
pub struct Surface {
    /// The name to ask for it by.
    pub name: &'static str,
    /// What it is there to show, in a phrase.
    pub summary: &'static str,
    /// The objective.
    pub formula: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// The part that is drawn: from and to, for x and for y.
    pub domain: [(f64, f64); 2],
    /// Where every path starts.
    pub start: [f64; 2],
    /// Steps of a path.
    pub steps: u64,
    /// What an optimiser sees of the gradient, and what moves.
    pub kind: Kind,
    /// Whether figures show the mean of all seeds' paths, where one path would be a tangle of noise.
    pub averaged: bool,
    pub(super) minimum: fn(u64) -> [f64; 2],
    pub(super) value: fn([f64; 2], u64) -> f64,
    pub(super) gradient: fn([f64; 2], u64) -> [f64; 2],
}

/// What an optimiser sees of the gradient, and whether the minimum moves.
#[derive(Clone, Copy)]
pub enum Kind {
    /// The gradient itself, of one objective.
    Exact,
    /// A random gradient whose mean is the gradient.
    Random(Sample),
    /// A random gradient, of an objective that changes from step to step.
    Shifting(Sample),
}

/// Draws what is seen in place of a gradient.
pub type Sample = fn([f64; 2], &mut ChaCha8Rng) -> [f64; 2];

impl fmt::Debug for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Surface({})", self.name)
    }
}

impl Surface {
    /// The surface called `name`.
    pub fn named(name: &str) -> Result<&'static Self> {
        let found = registry().iter().find(|surface| surface.name == name);
        found.ok_or_else(|| {
            let names = registry().iter().map(|surface| surface.name);
            Error::usage(suggest::unknown("surface", name, names))
        })
    }

    /// Where the minimum is at step `t`; where there are several, the one on the start's side.
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
            Kind::Exact => gradient,
            Kind::Random(sample) | Kind::Shifting(sample) => sample(gradient, rng),
        }
    }

    /// Whether paths differ from seed to seed.
    pub fn is_random(&self) -> bool {
        !matches!(self.kind, Kind::Exact)
    }

    /// Whether the minimum moves.
    pub fn is_shifting(&self) -> bool {
        matches!(self.kind, Kind::Shifting(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    /// Points all over the drawn part, each with a step.
    fn points(surface: &Surface) -> Vec<([f64; 2], u64)> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut point = |_| {
            let at = surface.domain.map(|(from, to)| rng.random_range(from..to));
            (at, rng.random_range(0..surface.steps))
        };
        (0..200).map(&mut point).collect()
    }

    #[test]
    fn gradients_are_finite_differences() {
        const H: f64 = 1e-6;
        for surface in registry() {
            for (at, t) in points(surface) {
                let gradient = surface.gradient(at, t);
                for i in 0..2 {
                    let moved = |by: f64| {
                        let mut moved = at;
                        moved[i] += by;
                        surface.value(moved, t)
                    };
                    let difference = (moved(H) - moved(-H)) / (2.0 * H);
                    let size = gradient[i].abs().max(1e-2 * surface.value(at, t)).max(1e-2);
                    assert!(
                        (difference - gradient[i]).abs() < 1e-5 * size,
                        "{} at {at:?}: {difference} against {}",
                        surface.name,
                        gradient[i]
                    );
                }
            }
        }
    }

    #[test]
    fn minima_are_minima() {
        for surface in registry() {
            for (at, t) in points(surface) {
                let minimum = surface.minimum(t);
                assert!(surface.value(minimum, t).abs() < 1e-12, "{}", surface.name);
                assert!(surface.value(at, t) >= 0.0, "{} at {at:?}", surface.name);
                for place in [minimum, surface.start] {
                    for (x, (from, to)) in place.iter().zip(surface.domain) {
                        assert!((from..to).contains(x), "{}", surface.name);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_seen_is_the_gradient_on_average() {
        const DRAWS: usize = 40_000;
        for surface in registry() {
            let gradient = surface.gradient(surface.start, 0);
            let mut rng = ChaCha8Rng::seed_from_u64(2);
            let mut mean = [0.0; 2];
            for _ in 0..DRAWS {
                let seen = surface.observed(surface.start, 0, &mut rng);
                for (mean, seen) in mean.iter_mut().zip(seen) {
                    *mean += seen / DRAWS as f64;
                }
            }
            for i in 0..2 {
                assert!((mean[i] - gradient[i]).abs() < 0.05, "{}", surface.name);
            }
        }
    }
}
