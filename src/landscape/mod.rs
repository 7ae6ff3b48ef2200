//! Optimisers on surfaces of two weights, where each step can be seen and measured.
//!
//! [`registry`] lists the surfaces. [`descend`] computes a path over one with the library's own rules in f64.
//! [`Tuner`] chooses an lr for each optimiser by the same rule. [`claims`] turns what the note says about
//! optimisers into numbers.
//!
//! ```
//! use optimiser_paradigms::landscape::{Surface, descend};
//!
//! let surface = Surface::named("rosenbrock")?;
//! let path = descend(surface, &"adam:lr=0.1".parse()?, 500, 0)?;
//! assert!(path.last().value < surface.value(surface.start, 0) / 100.0);
//! # Ok::<(), optimiser_paradigms::Error>(())
//! ```

pub mod claims;
mod classic;
mod descent;
mod optimiser_paths;
mod record;
mod registry;
mod shifting;
mod surface;
mod tune;

pub use crate::files::folder;
pub use descent::{DescentPath, PathPoint, descend, rule_of};
pub use optimiser_paths::{OptimiserPaths, paths_of_each};
pub use record::{progress, table, write_claims, write_paths};
pub use registry::{OPTIMISERS, registry};
pub use surface::{GradientSample, Surface, SurfaceKind};
pub use tune::{Edge, REPORT_SEEDS, TUNING_SEEDS, TunedSpec, Tuner, grid};
