//! Figures. They show what the CSV files say and compute no result of their own.

mod comparison;
mod learning_curve;
mod lr_sensitivity;
mod style;

pub use comparison::comparison;
pub use learning_curve::learning_curve;
pub use lr_sensitivity::lr_sensitivity;
