use settings::Setting;

use super::path::Path;

/// What drifts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// A dial of the environment, by its place.
    Dial(usize),
    /// The factor that rewards are multiplied by.
    Reward,
    /// Which action each number stands for.
    Actions,
}

/// A number that can drift, and where it stands before it does.
pub(crate) struct Start<'a> {
    pub target: Target,
    pub setting: &'a Setting,
    pub value: f64,
}

/// One thing that drifts, and where it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drift {
    pub target: Target,
    /// The word for what drifts.
    pub key: &'static str,
    pub path: Path,
    /// Its value now; for the actions, how many permutations have been drawn.
    pub value: f64,
}
