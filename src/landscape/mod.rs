//! Optimisers on surfaces of two weights, where each step can be seen and measured.
//!
//! [`registry`] has the surfaces, [`walk`] descends one with the library's own rules in f64, [`Tuner`]
//! chooses an lr for each optimiser by the same rule, and [`claims`] turns what the note says about
//! optimisers into numbers.
//!
//! ```
//! use optimiser_paradigms::landscape::{Surface, walk};
//!
//! let surface = Surface::named("rosenbrock")?;
//! let path = walk(surface, &"adam:lr=0.1".parse()?, 500, 0)?;
//! assert!(path.last().value < surface.value(surface.start, 0) / 100.0);
//! # Ok::<(), optimiser_paradigms::Error>(())
//! ```

pub mod claims;
mod classic;
mod drawn;
mod record;
mod shifting;
mod surface;
mod tune;
mod walk;

pub use crate::files::folder;
pub use drawn::{Drawn, draw};
pub use record::{progress, table, write_claims, write_paths};
pub use surface::{Kind, Sample, Surface};
pub use tune::{Edge, REPORT_SEEDS, TUNING_SEEDS, Tuned, Tuner, grid};
pub use walk::{Path, Point, walk};

/// Every surface there is.
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

/// The optimisers that are compared when nobody says which.
pub const OPTIMISERS: [&str; 7] = [
    "sgd", "momentum", "nag", "rmsprop", "adagrad", "adadelta", "adam",
];
