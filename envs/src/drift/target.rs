use settings::Setting;

use super::path::DialPath;

/// What drifts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// A dial of the environment, by its index.
    Dial(usize),
    /// The factor of rewards.
    Reward,
    /// The mapping of numbers to actions.
    Actions,
}

/// A number that can drift, and its value before it drifts.
pub(crate) struct Start<'a> {
    pub target: Target,
    pub setting: &'a Setting,
    pub value: f64,
}

/// A drift and its present value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drift {
    pub target: Target,
    /// The word for what drifts.
    pub key: &'static str,
    pub path: DialPath,
    /// The present value; for actions, the number of permutations drawn so far.
    pub value: f64,
}
