//! Everything that can go wrong, described so that the reader knows what to do next.

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
        /// The system's error.
        source: std::io::Error,
    },
    /// A folder cannot be created or written to. Only the command knows which flag chooses another one.
    #[error("cannot write to {}: {why}; choose a writable folder", path.display())]
    Unwritable {
        /// The folder, or a file in it.
        path: PathBuf,
        /// The system's error.
        why: String,
    },
    /// A file is not as it was written.
    #[error("{0}")]
    Damaged(Box<Damage>),
    /// Another process is doing the run in this folder.
    #[error("another process is running in {}; wait until it ends, or use another folder", .0.display())]
    Taken(PathBuf),
    /// A study was asked to end early, and did.
    #[error("stopped by signal {signal} with {done} of {of} runs done; the same command continues")]
    Interrupted {
        /// The signal that asked.
        signal: usize,
        /// Runs done.
        done: usize,
        /// Runs to do.
        of: usize,
    },
    /// A signal ended the process while something was shown.
    #[error("ended by signal {signal}")]
    Ended {
        /// The signal.
        signal: usize,
    },
    /// Some runs of a study could not be done.
    #[error(
        "{failed} of {of} runs failed; the first failed because {why}; the same command tries them again"
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
    /// A setting is not allowed to have the value that it was given.
    #[error(transparent)]
    Setting(#[from] settings::Error),
    /// An optimiser was asked for something it cannot do.
    #[error(transparent)]
    Optimiser(#[from] optim::Error),
    /// The run was asked to end early, and did.
    #[error("stopped by signal {signal} at step {step} of {of}; {}", match saved {
        0 => "nothing was saved, so the same command starts again".to_owned(),
        saved => format!("the same command with --resume and without --force continues from step {saved}"),
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
        /// The drawing library's error.
        why: String,
    },
}

impl From<stats::Error> for Error {
    fn from(error: stats::Error) -> Self {
        Self::usage(error.to_string())
    }
}

impl Error {
    /// An error in the request.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// The error about a file or folder that the user named: a mistake in the request if it is not there.
    pub fn of_named(self) -> Self {
        use std::io::ErrorKind::{InvalidData, IsADirectory, NotADirectory, NotFound};
        let Self::Io { source, .. } = &self else {
            return self;
        };
        match source.kind() {
            NotFound | NotADirectory | IsADirectory | InvalidData => Self::Usage(self.to_string()),
            _ => self,
        }
    }

    /// An error about a folder that cannot be written to.
    pub fn unwritable(path: &Path, why: &std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        if matches!(why.kind(), StorageFull | QuotaExceeded) {
            let source = std::io::Error::new(why.kind(), why.to_string());
            return Self::io("cannot write to", path, source);
        }
        Self::Unwritable {
            path: path.to_path_buf(),
            why: why.to_string(),
        }
    }

    /// An error about a file that is not as it was written.
    pub fn damaged(path: &Path, why: impl std::fmt::Display) -> Self {
        Self::Damaged(Box::new(Damage::new(path, format!("is damaged: {why}"))))
    }

    /// An error about a file that was written and is gone.
    pub fn missing(path: &Path) -> Self {
        Self::Damaged(Box::new(Damage::new(path, "is missing".into())))
    }

    /// An error about a file from which nothing can continue.
    pub fn unusable(path: &Path, why: impl std::fmt::Display) -> Self {
        Self::Damaged(Box::new(Damage::new(
            path,
            format!("cannot be used: {why}"),
        )))
    }

    /// The same error; if it is about a damaged file, `way_out` says what to do about it.
    pub fn mended_by(self, way_out: impl Into<String>) -> Self {
        match self {
            Self::Damaged(damage) => Self::Damaged(Box::new(damage.mended_by(way_out))),
            other => other,
        }
    }

    /// An error about a file: `cannot {doing} {path}: ...`.
    pub fn io(doing: &'static str, path: &Path, source: std::io::Error) -> Self {
        let path = path.to_path_buf();
        Self::Io {
            doing,
            path,
            source,
        }
    }
}

/// What is wrong with a file that was written whole.
#[derive(Debug)]
pub struct Damage {
    path: PathBuf,
    what: String,
    /// What to do about it.
    way_out: String,
}

impl Damage {
    /// `what` is wrong with the file at `path`.
    fn new(path: &Path, what: String) -> Self {
        Self {
            path: path.to_path_buf(),
            what,
            way_out: "--force runs it again".into(),
        }
    }

    /// The file, and what is wrong with it.
    pub fn what(&self) -> String {
        format!("{} {}", self.path.display(), self.what)
    }

    /// The same damage, with another way out of it.
    fn mended_by(self, way_out: impl Into<String>) -> Self {
        let way_out = way_out.into();
        Self { way_out, ..self }
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}; {}", self.what(), self.way_out)
    }
}
