/// What can go wrong, each with what would be right.
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
        /// A registered name that looks like it.
        nearest: Option<String>,
        /// Every registered name, each with Gymnasium's.
        names: String,
    },

    /// No setting, dial or drift of this environment has this key.
    #[error(
        "{name} has no \"{key}\"{}; there are {keys}",
        nearest.as_ref().map(|near| format!(" (did you mean \"{near}\"?)")).unwrap_or_default()
    )]
    UnknownKey {
        /// The environment, and where in its name.
        name: String,
        /// The key given.
        key: String,
        /// A key that looks like it.
        nearest: Option<String>,
        /// Every key.
        keys: String,
    },

    /// A setting, dial or drift has a value that it cannot have.
    #[error("{name}: {key} = \"{found}\"; allowed: {allowed}")]
    Setting {
        /// The environment.
        name: String,
        /// What was to be set.
        key: String,
        /// The value given.
        found: String,
        /// What it can be.
        allowed: String,
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

    /// What was to be loaded is not a state of this environment.
    #[error("{name}: a saved state is {expected}; found {found}")]
    State {
        /// The environment.
        name: String,
        /// What a state looks like.
        expected: String,
        /// What was given.
        found: String,
    },

    /// The environment's inner state is out of our reach.
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
        /// What would do.
        expected: &'static str,
        /// What it is.
        found: String,
    },
}
