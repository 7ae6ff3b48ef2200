//! Many runs together.

mod collect;
mod summary;

pub use collect::{Collected, Grid, Group, Run, collect};
