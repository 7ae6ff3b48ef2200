//! Seeds: `"1..30"`, both ends included, or a list.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::keys::holds;

/// Seeds, in order, each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seeds(pub Vec<u64>);

holds! {
    Seeds: "seeds: \"1..30\" (both ends included) or a list such as [1, 2, 3]",
}

/// The most seeds in a range; more are a typing error.
const MOST: u64 = 100_000;

impl Seeds {
    fn range(text: &str) -> Option<Self> {
        let (from, to) = text.split_once("..")?;
        let (from, to): (u64, u64) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        let fits = from <= to && to - from < MOST && to <= i64::MAX as u64;
        fits.then(|| Self((from..=to).collect()))
    }
}

impl<'de> Deserialize<'de> for Seeds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Seeds;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("seeds, such as \"1..30\" or [1, 2, 3]")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Seeds, E> {
                let wrong = || {
                    E::custom(format!(
                        "`{text}` is not a range of seeds; allowed: \"1..30\", with the smaller seed first and at most {MOST} seeds"
                    ))
                };
                Seeds::range(text).ok_or_else(wrong)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Seeds, A::Error> {
                let mut seeds: Vec<u64> = Vec::new();
                while let Some(seed) = list.next_element()? {
                    if seeds.contains(&seed) {
                        return Err(de::Error::custom(format!("seed {seed} is there twice")));
                    }
                    seeds.push(seed);
                }
                Ok(Seeds(seeds))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
