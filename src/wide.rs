//! Vector width chosen at run time.

pub use optim::wide;
