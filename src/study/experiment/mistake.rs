//! Mistakes in experiments in which each value is allowed on its own.

/// Something that has to be changed in an experiment's file.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The path of the key to change, for its line.
    pub path: String,
    /// What is wrong, and what is allowed.
    pub why: String,
}

impl Mistake {
    /// A mistake at `path`.
    pub fn at(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            why: why.into(),
        }
    }
}
