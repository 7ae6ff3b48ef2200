//! The two halves of a study.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use settings::{Words, words};

words! {
    /// The two halves of a study.
    pub enum Stage {
        /// Every trial on the tuning seeds
        Tune = "tune",
        /// The chosen trials, on the report seeds
        Report = "report",
    }
}

impl Stage {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        self.word()
    }
}

impl Serialize for Stage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Stage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = text.parse();
        read.map_err(|error: settings::Error| de::Error::custom(error.within("stage")))
    }
}
