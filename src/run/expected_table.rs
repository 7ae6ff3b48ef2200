//! What a run's outcome says about its tables. Runs from before there were checksums are checked against it.

use std::{ops::RangeInclusive, path::Path};

use crate::{Error, Result};

/// What a run's outcome says about one of its tables.
#[derive(Default)]
pub struct ExpectedTable {
    /// How many lines it has below its header; any number if this is `None`.
    pub rows: Option<RangeInclusive<u64>>,
    /// Columns, and what the last line has in them.
    pub last: Vec<(&'static str, f64)>,
}

impl ExpectedTable {
    /// An error if the table at `path`, with this content, contradicts the outcome.
    pub(super) fn check(&self, path: &Path, content: &[u8]) -> Result<()> {
        match self.wrong(content) {
            Some(why) => Err(Error::damaged(path, why)),
            None => Ok(()),
        }
    }

    fn wrong(&self, content: &[u8]) -> Option<String> {
        if content.last() != Some(&b'\n') {
            return Some("its last line is cut short".into());
        }
        let mut reader = csv::Reader::from_reader(content);
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => return Some(error.to_string()),
        };
        let (mut rows, mut last) = (0, csv::StringRecord::new());
        let mut row = csv::StringRecord::new();
        loop {
            match reader.read_record(&mut row) {
                Ok(true) => (rows, last) = (rows + 1, row.clone()),
                Ok(false) => break,
                Err(error) => return Some(error.to_string()),
            }
        }
        if let Some(expected) = self
            .rows
            .as_ref()
            .filter(|expected| !expected.contains(&rows))
        {
            let (from, to) = (expected.start(), expected.end());
            let expected = if from == to {
                from.to_string()
            } else {
                format!("{from} to {to}")
            };
            return Some(format!(
                "it has {rows} rows below its header, but its run's outcome says {expected}"
            ));
        }
        self.last.iter().find_map(|(column, expected)| {
            let at = header.iter().position(|name| name == *column);
            let found = at.and_then(|at| last.get(at)).unwrap_or("nothing");
            let value = found.parse::<f64>();
            let same =
                value.is_ok_and(|value| value == *expected || value.is_nan() && expected.is_nan());
            (!same).then(|| {
                format!(
                    "{column} is {found} in its last row, but its run's outcome says {expected}"
                )
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_outcome_does_not_tell_is_wrong() {
        let expected = ExpectedTable {
            rows: Some(2..=3),
            last: vec![("step", 20.0), ("score", f64::NAN)],
        };
        let cases: [(&str, Option<&str>); 9] = [
            ("step,score\n10,1\n20,NaN\n", None),
            ("step,score\n0,1\n10,1\n20,NaN\n", None),
            ("step,score\n10,1\n20,NaN", Some("cut short")),
            ("", Some("cut short")),
            ("step,score\n", Some("it has 0 rows")),
            ("step,score\n20,NaN\n", Some("it has 1 rows")),
            ("step,score\n10,1\n21,NaN\n", Some("step is 21")),
            ("step,score\n10,1\n20,3\n", Some("score is 3")),
            ("step,score\n10,1\n20\n", Some("fields")),
        ];
        for (content, words) in cases {
            match (expected.wrong(content.as_bytes()), words) {
                (None, None) => {}
                (Some(why), Some(words)) => assert!(why.contains(words), "{why}"),
                other => panic!("{content:?}: {other:?}"),
            }
        }
    }
}
