//! Figures. They show what the CSV files say and compute no result of their own.

mod comparison;
mod learning_curve;
mod style;

pub use comparison::comparison;
pub use learning_curve::learning_curve;
