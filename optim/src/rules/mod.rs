//! The rules, each with its settings in its own file.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod lion;
mod momentum;
mod muon;
mod nadam;
mod nag;
mod obgd;
mod orthogonal;
mod radam;
mod rmsprop;
mod sgd;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use adamw::AdamW;
pub use lion::Lion;
pub use momentum::Momentum;
pub use muon::{AdjustLr, Muon};
pub use nadam::NAdam;
pub use nag::Nag;
pub use obgd::ObGd;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;
