use std::fmt;

use crate::unknown;

/// An error about the value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// A value that is not allowed.
    NotAllowed {
        /// The setting, with the tables that contain it: `agent.gamma`.
        path: String,
        /// The value, as it was written.
        value: String,
        /// What is allowed, in words.
        allowed: String,
    },
    /// A name that no setting has.
    Unknown {
        /// What the name stands for: "key", "adam hyper-parameter".
        what: String,
        /// The name, with the tables that contain it.
        path: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// A required setting is missing.
    Missing {
        /// The setting, with the tables that contain it.
        path: String,
    },
    /// Values that are allowed separately but not together, or text that cannot be read.
    Wrong {
        /// The setting or table, with the tables that contain it; empty for the whole.
        path: String,
        /// What is wrong, and what is allowed.
        why: String,
    },
}

impl std::error::Error for Error {}

impl Error {
    /// A value that is not allowed.
    pub fn not_allowed(path: &str, value: impl fmt::Display, allowed: impl fmt::Display) -> Self {
        Error::NotAllowed {
            path: path.into(),
            value: value.to_string(),
            allowed: allowed.to_string(),
        }
    }

    /// A name that is not in `known`.
    pub fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Error::Unknown {
            what: what.into(),
            path: name.into(),
            known: known.into_iter().map(str::to_owned).collect(),
        }
    }

    /// Values that contradict each other.
    pub fn wrong(why: impl Into<String>) -> Self {
        Error::Wrong {
            path: String::new(),
            why: why.into(),
        }
    }

    /// This error, for a value inside the table or the list called `outer`.
    pub fn within(mut self, outer: &str) -> Self {
        let path = self.path_mut();
        *path = match path.is_empty() {
            true => outer.into(),
            false => format!("{outer}.{path}"),
        };
        self
    }

    /// The path of the setting: `agent.gamma`.
    pub fn path(&self) -> &str {
        match self {
            Error::NotAllowed { path, .. }
            | Error::Unknown { path, .. }
            | Error::Missing { path }
            | Error::Wrong { path, .. } => path,
        }
    }

    fn path_mut(&mut self) -> &mut String {
        match self {
            Error::NotAllowed { path, .. }
            | Error::Unknown { path, .. }
            | Error::Missing { path }
            | Error::Wrong { path, .. } => path,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotAllowed {
                path,
                value,
                allowed,
            } => {
                let value = if value.is_empty() { "\"\"" } else { value };
                write!(f, "{path} = {value} is not allowed; allowed: {allowed}")
            }
            Error::Unknown { what, path, known } => {
                let (outer, name) = match path.rsplit_once('.') {
                    Some((outer, name)) => (format!(" in `{outer}`"), name),
                    None => (String::new(), path.as_str()),
                };
                let known = known.iter().map(String::as_str);
                let said = unknown(what, name, known);
                match said.split_once("; ") {
                    Some((first, rest)) => write!(f, "{first}{outer}; {rest}"),
                    None => f.write_str(&said),
                }
            }
            Error::Missing { path } => write!(f, "the key `{path}` is missing"),
            Error::Wrong { path, why } if path.is_empty() => f.write_str(why),
            Error::Wrong { path, why } => write!(f, "{path}: {why}"),
        }
    }
}
