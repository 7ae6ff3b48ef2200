//! What an agent learns from, and how far from i.i.d. it is.
//!
//! [`describe`] plays independent streams of an environment under some policies. It measures, with
//! intervals over the streams, how long observations and rewards remember (autocorrelation time), how
//! many independent samples a stream is worth, how far its last fifth is from its first, and how many
//! states have been seen after how many steps.

mod change;
mod coverage;
mod figure;
mod measure;
mod memory;
mod observations;
mod record;
mod stream;

pub use figure::draw;
pub use measure::{Description, describe, jobs};
pub use memory::Memory;
pub use record::{table, write};
pub use stream::Extent;
