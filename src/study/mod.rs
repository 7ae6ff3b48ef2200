//! Many runs together.

mod collect;

pub use collect::{Collected, Group, collect};
