//! The surfaces and optimisers that there are to compare.

use settings::unknown;

use super::{classic, shifting, surface::Surface};
use crate::{Error, Result};

/// All surfaces.
pub fn registry() -> &'static [Surface] {
    const SURFACES: &[Surface] = &[
        classic::BEALE,
        classic::ROSENBROCK,
        classic::SADDLE,
        classic::RAVINE,
        classic::DIAGONAL,
        classic::PLATEAU,
        shifting::SPARSE,
        shifting::NOISY,
        shifting::DRIFT,
        shifting::SLOW_DRIFT,
        shifting::JUMP,
        shifting::STILL,
    ];
    SURFACES
}

/// The optimisers that are compared by default.
pub const OPTIMISERS: [&str; 7] = [
    "sgd", "momentum", "nag", "rmsprop", "adagrad", "adadelta", "adam",
];

impl Surface {
    /// The surface called `name`.
    ///
    /// # Errors
    ///
    /// If there is none; the message lists all names.
    pub fn named(name: &str) -> Result<&'static Self> {
        let found = registry().iter().find(|surface| surface.name == name);
        found.ok_or_else(|| {
            let names = registry().iter().map(|surface| surface.name);
            Error::usage(unknown("surface", name, names))
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Points all over the domain, each with a step.
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
