//! The filters of a convolution as settings spell them: `16x3`.

use std::{fmt, str::FromStr};

/// The filters of one convolution: `16x3` is 16 filters of 3x3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filters {
    /// How many there are.
    pub count: usize,
    /// Their height and width.
    pub size: usize,
}

impl FromStr for Filters {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.trim().split_once('x');
        let numbers =
            parts.and_then(|(count, size)| Some((count.parse().ok()?, size.parse().ok()?)));
        match numbers {
            Some((count, size)) => Ok(Self { count, size }),
            None => Err(format!("`{text}` is not like 16x3")),
        }
    }
}

impl fmt::Display for Filters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.count, self.size)
    }
}
