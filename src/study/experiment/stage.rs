//! The two halves of a study.

/// The two halves of a study.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Every trial on the tuning seeds
    Tune,
    /// What was chosen, on the report seeds
    Report,
}

impl Stage {
    /// As it stands in files.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Tune => "tune",
            Stage::Report => "report",
        }
    }
}
