//! An environment of an experiment with all of its settings.

use super::{seeds::Seeds, tables::Top};
use crate::study::kind::Kind;

/// What an environment's runs are, and with which settings.
pub struct Environment {
    /// What it is called in the results.
    pub name: String,
    /// Its rung on the ladder of controls.
    pub rung: String,
    /// Its kind.
    pub kind: &'static dyn Kind,
    /// Its kind's settings, with what the experiment has for all of that kind.
    pub settings: toml::Table,
    /// Its scores of 0 and 1, where they are given.
    pub scale: (Option<f64>, Option<f64>),
    /// Its report seeds, if they are its own.
    pub report_seeds: Option<Seeds>,
}

impl Environment {
    /// The seeds of its report stage: its own, or those of the experiment.
    pub fn seeds<'a>(&'a self, top: &'a Top) -> &'a [u64] {
        &self.report_seeds.as_ref().unwrap_or(&top.seeds.report).0
    }
}
