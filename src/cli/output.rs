//! What a program prints and how it ends.

use std::{io::Write, process::ExitCode};

use clap::Error as ClapError;

use crate::{
    Error, Result,
    checksums::CHECKSUMS,
    run::{Configuration, Finished},
};

/// Prints to stdout. A reader that has gone away (`| head`) is no reason to stop; a full disk is.
pub fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    heard(written)
}

/// Prints to stderr, as long as there is one.
pub fn note(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Prints a warning.
pub fn warn(text: &str) {
    note(&format!("warning: {text}\n"));
}

/// Warns if `run`, which had finished before, has no checksums of its files.
pub fn warn_unchecked<C: Configuration>(run: &Finished<C>) {
    if !run.has_checksums() {
        warn(&format!(
            "{} has no {CHECKSUMS}, because it was made before runs had checksums: its tables were only checked against \
             its outcome",
            run.path.display()
        ));
    }
}

/// The command line that clap has read. For `--help` and `--version`, and after an error, it is printed and the
/// process ends.
pub fn parsed<T>(result: std::result::Result<T, ClapError>) -> T {
    result.unwrap_or_else(|error| {
        if error.use_stderr() {
            // This prints it.
            error.exit();
        }
        let printed = error.print().and_then(|()| std::io::stdout().flush());
        let code = match heard(printed) {
            Ok(()) => 0,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "error: {error}");
                1
            }
        };
        std::process::exit(code)
    })
}

fn heard(written: std::io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}

/// Prints an error to stderr and turns it into an exit code: 2 if the request was at fault, 1 if the
/// machine was.
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
        | Error::Damaged(_)
        | Error::Taken(_)
        | Error::Unwritable { .. } => ExitCode::from(2),
        // The code that a shell reports for a program that a signal ended.
        Error::Stopped { signal, .. }
        | Error::Interrupted { signal, .. }
        | Error::Ended { signal } => ExitCode::from(128_u8.saturating_add(signal as u8)),
        _ => ExitCode::from(1),
    }
}

/// `result`; if the folder cannot be written to, its error names the `flag` that chooses the folder.
pub fn chosen_by<T>(flag: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Unwritable { .. } => Error::usage(format!("{error} with {flag}")),
        other => other,
    })
}

/// `result`, with its error naming the `flag` that it is about.
pub(super) fn under<T>(flag: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Usage(why) | Error::Optimiser(optim::Error::Usage(why)) => {
            Error::Usage(format!("{flag}: {why}"))
        }
        other => other,
    })
}
