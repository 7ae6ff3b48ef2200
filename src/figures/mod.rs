//! Figures. They show what the CSV files say and compute no result of their own.

mod clip;
mod comparison;
mod describe;
mod diagnostics;
mod episode;
mod film;
mod inline;
mod landscape;
mod learning_curve;
mod lr_sensitivity;
mod style;
mod training_metrics;

pub use comparison::comparison;
pub use describe::describe;
pub use diagnostics::diagnostics;
pub use episode::{Pictures, episode, make_folder};
pub use inline::{Across, COLOURS, Intervals, Line, intervals, lines};
pub use landscape::{MOST_PATHS, landscape, landscape_film};
pub use learning_curve::learning_curve;
pub use lr_sensitivity::lr_sensitivity;
pub use training_metrics::{Metrics, training_metrics};
