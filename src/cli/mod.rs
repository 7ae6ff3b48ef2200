//! What the binaries share: flags, progress, listings, summaries.

mod describe;
mod flags;
mod keys;
mod landscape;
mod list;
mod play;
mod progress;
mod rl;
mod run_figures;
mod study;
mod summary;
mod supervised;

pub use describe::{DescribeArgs, about};
pub use landscape::{LandscapeArgs, draw_surface, list_surfaces};
pub use list::list;
pub(crate) use play::can_draw;
pub use play::{draw, play};
pub use progress::{Bytes, Jobs, Progress, progress};
pub use rl::{Played, RlArgs};
pub use run_figures::{diagnostics, draw_episode, learning_curve};
pub use study::{ReportArgs, RunArgs, SlurmArgs, StudyArgs, StudyProgress, list_runs, verify};
pub use summary::{cohort_summary, summary};
pub use supervised::{SupervisedArgs, SupervisedProgress, metrics, supervised_summary, unsettled};

use std::{
    io::Write,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize},
    },
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use crate::{Error, Result};

pub use crate::numbers::count;

/// Prints to stdout. A reader that has gone away (`| head`) is no reason to stop.
pub fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Prints an error to stderr and turns it into an exit code: 2 where the request was at fault, 1
/// where the machine was.
pub fn exit(result: Result<()>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    let _ = writeln!(std::io::stderr(), "error: {error}");
    match error {
        Error::Usage(_)
        | Error::Setting(_)
        | Error::Optimiser(optim::Error::Usage(_))
        | Error::Environment(_)
        | Error::Taken(_)
        | Error::Unwritable { .. } => ExitCode::from(2),
        // As a shell has it for a program that a signal ended.
        Error::Stopped { signal, .. }
        | Error::Interrupted { signal, .. }
        | Error::Ended { signal } => ExitCode::from(128_u8.saturating_add(signal as u8)),
        _ => ExitCode::from(1),
    }
}

/// `result`, whose error names the `flag` that chooses the folder, if that cannot be written to.
pub fn chosen_by<T>(flag: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Unwritable { .. } => Error::usage(format!("{error} with {flag}")),
        other => other,
    })
}

/// `result`, whose error is under the `flag` that it is about.
fn under<T>(flag: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Usage(why) | Error::Optimiser(optim::Error::Usage(why)) => {
            Error::Usage(format!("{flag}: {why}"))
        }
        other => other,
    })
}

/// Set to the number of the signal when SIGINT or SIGTERM comes. A second one ends the process at
/// once.
pub fn stop_on_signals() -> Result<Arc<AtomicUsize>> {
    let (stop, again) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let register = |signal: i32| {
        flag::register_conditional_shutdown(signal, 128 + signal, again.clone())?;
        flag::register(signal, again.clone())?;
        flag::register_usize(signal, stop.clone(), signal as usize)
    };
    for signal in [SIGINT, SIGTERM] {
        register(signal).map_err(|error| Error::usage(format!("cannot watch signals: {error}")))?;
    }
    Ok(stop)
}

/// Lets this process open as many files as the system allows: a cohort has four for each agent.
pub fn many_files() {
    // Where it cannot be raised, opening a file too many says so.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
}

/// Keeps candle's work on the thread that asks for it, unless the environment says otherwise. Call it first in `main`.
///
/// Parallelism belongs to runs: on tensors of this size a second thread makes an operation slower.
pub fn one_thread_an_operation() {
    if std::env::var_os("RAYON_NUM_THREADS").is_none() {
        // SAFETY: `main` has not started any other thread yet.
        unsafe { std::env::set_var("RAYON_NUM_THREADS", "1") };
    }
}

/// The figure of a run.
pub const LEARNING_CURVE: &str = "learning_curve.png";
/// The figure of a run's diagnostics, if it has any.
pub const DIAGNOSTICS: &str = "diagnostics.png";
