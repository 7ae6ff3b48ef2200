//! What the binaries share: flags, progress, listings, summaries.

mod landscape;
mod list;
mod progress;
mod rl;
mod summary;

pub use landscape::{LandscapeArgs, list_surfaces};
pub use list::list;
pub use progress::{Progress, quiet_or};
pub use rl::RlArgs;
pub use summary::summary;

use std::process::ExitCode;

use crate::{Error, Result};

/// Prints an error to stderr and turns it into an exit code: 2 where the request was at fault, 1
/// where the machine was.
pub fn exit(result: Result<()>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {error}");
    match error {
        Error::Usage(_) | Error::Environment(_) => ExitCode::from(2),
        _ => ExitCode::from(1),
    }
}

/// Keeps candle's matrix products on the thread that asks for them. Call it first in `main`.
///
/// Parallelism belongs to runs: on networks of this size a second thread makes a product slower.
pub fn one_thread_a_product() {
    // SAFETY: `main` has not started any other thread yet.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", "1") };
}
