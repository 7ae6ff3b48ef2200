//! Code that the binaries share: flags, progress, listings, summaries.

mod describe;
mod flags;
mod keys;
mod landscape;
mod list;
mod order;
mod output;
mod planned;
mod play;
mod progress;
mod resume;
mod rl;
mod run_figures;
mod signals;
mod study;
mod summary;
mod supervised;

pub use describe::{DescribeArgs, about};
pub use landscape::{LandscapeArgs, draw_surface, list_surfaces};
pub use list::list;
pub use order::{OrderArgs, OrderProgress, order_summary};
pub use output::{chosen_by, exit, note, parsed, say, warn, warn_unchecked};
pub use planned::Planned;
pub use play::{draw, play};
pub use progress::{Bytes, Jobs, RlProgress, progress};
pub use rl::{Played, RlArgs};
pub use run_figures::{diagnostics, draw_episode, learning_curve, order_figures};
pub use signals::stop_on_signals;
pub use study::{
    CardArgs, OverviewArgs, ReportArgs, RunArgs, SlurmArgs, StudyArgs, StudyProgress, card,
    list_runs, tuned, verify,
};
pub use summary::{cohort_summary, summary};
pub use supervised::{SupervisedArgs, SupervisedProgress, metrics, supervised_summary, unsettled};

pub use crate::numbers::count;
use output::under;

/// Lets this process open as many files as the system allows: a cohort needs four per agent.
pub fn many_files() {
    // If the limit cannot be raised, opening one file too many gives an error.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
}

/// Keeps candle's work on the calling thread, unless the environment says otherwise. Call it first in
/// `main`.
///
/// Parallelism belongs to runs: on tensors of this size a second thread makes an operation slower.
pub fn one_thread_an_operation() {
    if std::env::var_os("RAYON_NUM_THREADS").is_none() {
        // SAFETY: `main` has not started any other thread yet.
        unsafe { std::env::set_var("RAYON_NUM_THREADS", "1") };
    }
}

/// Has mimalloc, the programs' allocator, keep what is freed. Call it first in `main`.
///
/// An update frees tensors and asks for the same sizes again, and memory that was given back to the system comes as pages
/// to be cleared: an eighth of a step of ResNet-18.
pub fn keep_freed_memory() {
    /// `mi_option_purge_delay` of mimalloc.h: milliseconds until freed memory is given back, -1 for never.
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    // SAFETY: sets a number in a table of the allocator's own, and `main` has not started any other thread yet.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
}

/// The figure of a run.
pub const LEARNING_CURVE: &str = "learning_curve.png";
/// The figure of a run's diagnostics, if it has any.
pub const DIAGNOSTICS: &str = "diagnostics.png";
