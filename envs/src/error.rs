use std::fmt::Display;

/// Everything that can go wrong; each error says what would be right.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No environment has this name.
    #[error(
        "no environment is called \"{name}\"{}; there are {names}",
        nearest.as_ref().map(|near| format!(" (did you mean \"{near}\"?)")).unwrap_or_default()
    )]
    UnknownName {
        /// The name asked for.
        name: String,
        /// The most similar registered name.
        nearest: Option<String>,
        /// Every registered name, each with Gymnasium's.
        names: String,
    },

    /// A setting, a dial or a drift in the environment's name is not allowed.
    #[error("{name}: {error}")]
    Setting {
        /// The environment.
        name: String,
        /// The setting, the value given and what is allowed.
        error: settings::Error,
    },

    /// The action is not one of the environment's.
    #[error("{name}: action {action} is not one of 0 to {}", actions.saturating_sub(1))]
    Action {
        /// The environment.
        name: String,
        /// The action given.
        action: usize,
        /// How many actions there are.
        actions: usize,
    },

    /// A step was taken before the first reset.
    #[error("{name}: reset it before the first step")]
    NotReset {
        /// The environment.
        name: String,
    },

    /// A step was taken after the episode's end.
    #[error("{name}: the episode has ended; reset it before the next step")]
    Ended {
        /// The environment.
        name: String,
    },

    /// The numbers to load are not a state of this environment.
    #[error("{name}: a saved state is {expected}; found {found}")]
    State {
        /// The environment.
        name: String,
        /// What a state looks like.
        expected: String,
        /// What was given.
        found: String,
    },

    /// The environment's inner state is not accessible.
    #[error("{name}: its state is hidden inside the package it comes from, so it cannot be {verb}")]
    Hidden {
        /// The environment.
        name: String,
        /// `saved` or `loaded`.
        verb: &'static str,
    },

    /// A space of a foreign environment has no counterpart here.
    #[error("{name}: its {which} space must be {expected}; it is {found}")]
    Space {
        /// The environment.
        name: String,
        /// `observation` or `action`.
        which: &'static str,
        /// What would be accepted.
        expected: &'static str,
        /// What was found.
        found: String,
    },
}

impl Error {
    /// The error about a setting of the environment `name`.
    pub(crate) fn setting(name: &str, error: settings::Error) -> Self {
        let name = name.to_owned();
        Error::Setting { name, error }
    }

    /// The error about a value that is not allowed for the setting `key` of the environment `name`.
    pub(crate) fn refused(name: &str, key: &str, value: &str, allowed: impl Display) -> Self {
        Self::setting(name, settings::Error::not_allowed(key, value, allowed))
    }
}
