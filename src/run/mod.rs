//! One run, as a pure function of its configuration.
//!
//! All families of runs share the folder ([`RunFolder`]), what a configuration must provide
//! ([`Configuration`]), tables and outcomes, observers ([`Observer`]), checkpoints and resuming
//! ([`Checkpoint`]), when to save and stop ([`Control`]), and the record of the machine ([`Machine`]).
//! [`rl`] trains agents of any [algorithm](crate::algorithm). [`supervised`] is the control, where
//! samples are independent. In [`order`], runs differ only in the order of their samples.

mod checkpoint;
mod configuration;
mod content;
mod control;
mod device;
mod diagnose;
mod diagnostics_row;
mod expected_table;
mod file_names;
mod finished;
mod folder;
mod in_memory;
mod look;
mod machine;
mod memory_limit;
mod observer;
pub mod order;
mod outcome;
pub mod rl;
mod rows;
pub mod supervised;
mod table_file;

pub use checkpoint::{Checkpoint, Saved, Snapshot};
pub use configuration::{Configuration, FolderLayout, default_folder};
pub use control::Control;
pub use device::Compute;
pub use diagnostics_row::DiagnosticsRow;
pub use expected_table::ExpectedTable;
pub use file_names::{CONFIG, OUTCOME};
pub use finished::Finished;
pub use folder::RunFolder;
pub use in_memory::{Begun, InMemoryRun, has_folder, remove_leftovers};
pub use look::{Again, Opened, Ready, finished, look};
pub use machine::Machine;
pub use memory_limit::memory_limit;
pub use observer::{Observer, Progress};
pub use outcome::{RlOutcome, Status, SupervisedOutcome};
pub use rows::{
    EpisodeRow, EpochRow, EvaluationRow, HistoryRow, Row, RowTable, UpdateRow, ValueRow,
};
