//! Seeds: `"1..30"`, both ends included, or a list.

use settings::{Allowed, Error, Field, Value};

/// Seeds, in order, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

/// The most seeds in a range; more are taken for a typing error.
const MOST: u64 = 100_000;

impl Seeds {
    fn range(text: &str) -> Option<Self> {
        let (from, to) = text.split_once("..")?;
        let (from, to): (u64, u64) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        let fits = from <= to && to - from < MOST && to <= i64::MAX as u64;
        fits.then(|| Self((from..=to).collect()))
    }
}

impl Field for Seeds {
    fn allowed() -> Allowed {
        Allowed::Described(
            format!(
                "\"1..30\" (both ends included, the smaller first, at most {MOST} seeds) or a list such as [1, 2, 3]"
            )
            .into(),
        )
    }

    fn from_value(value: &Value) -> Result<Self, Error> {
        let range = value.as_text().and_then(Self::range);
        let seeds = match (range, value) {
            (Some(range), _) => return Ok(range),
            (None, Value::List(_)) => Vec::<u64>::from_value(value)?,
            (None, _) => return Err(Error::not_allowed("", value, Self::allowed())),
        };
        let mut seen = std::collections::HashSet::new();
        match seeds.iter().find(|seed| !seen.insert(**seed)) {
            Some(seed) => Err(Error::wrong(format!(
                "seed {seed} is listed twice; allowed: each seed once"
            ))),
            None => Ok(Self(seeds)),
        }
    }

    fn to_value(&self) -> Option<Value> {
        self.0.to_value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_range_or_a_list_with_each_once() {
        let list = |seeds: &[i64]| Value::List(seeds.iter().map(|x| Value::Whole(*x)).collect());
        for (written, seeds) in [
            (Value::from("1..3"), vec![1, 2, 3]),
            (" 7 .. 7 ".into(), vec![7]),
            (list(&[5, 0]), vec![5, 0]),
            (list(&[]), vec![]),
        ] {
            let read = Seeds::from_value(&written).unwrap();
            assert_eq!(read.0, seeds, "{written}");
            assert_eq!(Seeds::from_value(&read.to_value().unwrap()), Ok(read));
        }
        for (written, why) in [
            (Value::from("3..1"), "allowed: \"1..30\""),
            ("1..100001".into(), "at most 100000"),
            ("1".into(), "\"1\" is not allowed"),
            (Value::Whole(3), "3 is not allowed"),
            (list(&[1, -1]), "2 = -1 is not allowed"),
            (list(&[4, 2, 4]), "seed 4 is listed twice"),
        ] {
            let error = Seeds::from_value(&written).unwrap_err().to_string();
            assert!(error.contains(why), "{written}: {error}");
        }
    }
}
