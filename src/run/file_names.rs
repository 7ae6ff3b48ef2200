//! The files of a run that every family has.

/// The file of a run's configuration.
pub const CONFIG: &str = "config.toml";
/// The file that is there when a run has ended, and that is written last.
pub const OUTCOME: &str = "outcome.csv";
pub(super) const CHECKPOINT: &str = "checkpoint.safetensors";
/// The state at the end of a run, from which a longer run can continue.
pub(super) const END: &str = "end.safetensors";
pub(super) const LOCK: &str = ".lock";
pub(super) const MACHINE: &str = "machine.toml";
