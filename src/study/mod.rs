//! Many runs together.

mod collect;

pub use collect::{Collected, Grid, Group, collect};
