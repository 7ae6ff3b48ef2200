//! Many runs together.

mod collect;

pub(crate) use collect::write_csv;
pub use collect::{Collected, Group, collect};
