//! What can go wrong, said so that the reader knows what to do next.

use std::path::{Path, PathBuf};

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Anything that stops a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be carried out as asked: a name, a value, a file's content.
    #[error("{0}")]
    Usage(String),
    /// A file or folder could not be read or written.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        /// "cannot write", "cannot read", ...
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder cannot be made or written to. Which flag chooses another, only the command knows.
    #[error("cannot write to {}: {why}; choose a folder that can be written", path.display())]
    Unwritable {
        /// The folder, or a file in it.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A run's folder is another process's.
    #[error("another process is running in {}; wait for it, or choose another --out", .0.display())]
    Taken(PathBuf),
    /// A study was asked to end before its time, and did.
    #[error("stopped by signal {signal} with {done} of {of} runs done; the same command goes on")]
    Interrupted {
        /// The signal that asked.
        signal: usize,
        /// Runs done.
        done: usize,
        /// Runs to do.
        of: usize,
    },
    /// Some runs of a study could not be done.
    #[error(
        "{failed} of {of} runs failed, the first because {why}; the same command tries them again"
    )]
    Failed {
        /// Runs that failed.
        failed: usize,
        /// Runs to do.
        of: usize,
        /// The first one's error.
        why: String,
    },
    /// An environment was asked for something it cannot do.
    #[error(transparent)]
    Environment(#[from] envs::Error),
    /// A setting cannot be what it was asked to be.
    #[error(transparent)]
    Setting(#[from] settings::Error),
    /// An optimiser was asked for something it cannot do.
    #[error(transparent)]
    Optimiser(#[from] optim::Error),
    /// The run was asked to end before its time, and did.
    #[error("stopped by signal {signal} at step {step} of {of}; {}", match saved {
        0 => "nothing was saved, so the same command starts again".to_owned(),
        saved => format!("the same command with --resume, and without --force, goes on from step {saved}"),
    })]
    Stopped {
        /// The signal that asked.
        signal: usize,
        /// Steps done.
        step: u64,
        /// Steps to do.
        of: u64,
        /// The step of the last checkpoint; 0 if there is none.
        saved: u64,
    },
    /// Standard output cannot be written to.
    #[error("cannot write to standard output: {0}")]
    Output(std::io::Error),
    /// A tensor operation failed.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// A figure could not be drawn.
    #[error("cannot draw {}: {why}", path.display())]
    Figure {
        /// The figure's file.
        path: PathBuf,
        /// What the drawing library said.
        why: String,
    },
}

impl From<stats::Error> for Error {
    fn from(error: stats::Error) -> Self {
        Self::usage(error.to_string())
    }
}

impl Error {
    /// An error of the request.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// An error of a folder that cannot be written to.
    pub fn unwritable(path: &Path, why: &std::io::Error) -> Self {
        Self::Unwritable {
            path: path.to_path_buf(),
            why: why.to_string(),
        }
    }

    /// An error of a file: `cannot {doing} {path}: ...`.
    pub fn io(doing: &'static str, path: &Path, source: std::io::Error) -> Self {
        let path = path.to_path_buf();
        Self::Io {
            doing,
            path,
            source,
        }
    }
}
