//! An environment of an experiment with all of its settings.

use settings::Table;

use super::{seeds::Seeds, tables::Top};
use crate::study::family::Family;

/// An environment and the settings of its runs.
pub struct StudiedEnvironment {
    /// Its name in the results.
    pub name: String,
    /// Its rung on the ladder of controls.
    pub rung: String,
    /// The family of its runs.
    pub family: &'static dyn Family,
    /// The settings of its runs: its own settings, which take precedence over the experiment's
    /// settings for the whole family.
    pub settings: Table,
    /// The returns that count as 0 and as 1, if the experiment gives them.
    pub scale: (Option<f64>, Option<f64>),
    /// Its report seeds, if it has its own.
    pub report_seeds: Option<Seeds>,
}

impl StudiedEnvironment {
    /// The seeds of its report stage: its own, or else those of the experiment.
    pub fn report_seeds<'a>(&'a self, top: &'a Top) -> &'a [u64] {
        &self.report_seeds.as_ref().unwrap_or(&top.seeds.report).0
    }
}
