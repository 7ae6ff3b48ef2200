//! Settings declared once.
//!
//! [`settings!`] turns one list of fields into a struct with defaults, and into the list of
//! [`Setting`]s from which text, tables, command-line flags and help are read and written. The
//! range of a value stands beside its field, and every error says what is allowed.
//!
//! ```
//! use settings::{Settings, Value, settings};
//!
//! settings! {
//!     /// How an agent explores.
//!     pub struct Explore {
//!         /// Probability of a random action
//!         epsilon: f64 = 0.1, in 0.0..=1.0;
//!         /// Steps before it starts to fall
//!         delay: u64 = 1_000, in 1..=1_000_000;
//!     }
//! }
//!
//! let typed = Explore { epsilon: 0.5, ..Explore::default() };
//! assert_eq!(typed.get("delay"), Some(Value::Whole(1_000)));
//!
//! let mut read = Explore::default();
//! read.set_text("delay", "2e4")?;
//! assert_eq!(read.delay, 20_000);
//! let error = read.set_text("epsilon", "2").unwrap_err();
//! assert_eq!(error.to_string(), "epsilon = 2 is not allowed; allowed: 0 <= x <= 1");
//! let error = read.set_text("epsilom", "0.2").unwrap_err();
//! assert_eq!(error.to_string(), "unknown key `epsilom`; did you mean `epsilon`? allowed: epsilon, delay");
//! # Ok::<(), settings::Error>(())
//! ```
//!
//! Words: a **setting** is a name with a type, a default, allowed values and help ([`Setting`]); a
//! **value** is what it is set to ([`Value`]); a **table** has a value for each of some names
//! ([`Table`]).

mod allowed;
mod declare;
mod error;
mod field;
mod nearest;
mod table;
mod value;
mod whole;

pub use allowed::{Allowed, Interval, Word};
pub use declare::{Setting, Settings};
pub use error::Error;
pub use field::{Field, Words};
pub use nearest::{nearest, unknown};
pub use table::Table;
pub use value::Value;
pub use whole::whole_number;
