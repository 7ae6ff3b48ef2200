#![doc = include_str!("../README.md")]
//!
//! [`settings!`] turns one list of fields into a struct with defaults and into the list of
//! [`Setting`]s. Text, tables, command-line flags and help are read and written by that list.
//!
//! Words: a **setting** is a name with a type, a default, allowed values and help ([`Setting`]). A
//! **value** is what a setting is set to ([`Value`]). A **table** maps names to values ([`Table`]).

mod allowed;
mod declare;
mod error;
mod field;
mod nearest;
mod value;
mod whole;

pub use allowed::{Allowed, Interval, Word};
pub use declare::{Setting, Settings};
pub use error::Error;
pub use field::{Field, Words};
pub use nearest::{nearest, unknown};
pub use value::{Table, Value};
pub use whole::whole_number;
