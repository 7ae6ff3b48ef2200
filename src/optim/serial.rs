//! Optimisers in TOML: a table with every hyper-parameter, or the short form as a string.
//!
//! ```toml
//! [optimiser]
//! name = "rmsprop"
//! lr = 3e-4
//! ```

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
    ser::SerializeMap,
};

use super::{Spec, Value};

impl Serialize for Spec {
    /// A table of the name and every value, defaults included.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", self.entry().name)?;
        for (key, value) in self.values().iter() {
            match value {
                Value::Number(x) => map.serialize_entry(key, &x)?,
                Value::Flag(x) => map.serialize_entry(key, &x)?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpecVisitor)
    }
}

/// A hyper-parameter as TOML has it: whole numbers are numbers too.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Flag(bool),
    Number(f64),
    Text(String),
}

struct SpecVisitor;

impl<'de> Visitor<'de> for SpecVisitor {
    type Value = Spec;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an optimiser, such as \"rmsprop:lr=3e-4\" or a table with its `name`")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Spec, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Spec, A::Error> {
        let mut spec: Option<Spec> = None;
        let mut early = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value::<Scalar>()?;
            match (&mut spec, key.as_str(), value) {
                (_, "name", Scalar::Text(name)) => {
                    spec = Some(Spec::new(&name).map_err(A::Error::custom)?);
                }
                (Some(spec), _, value) => set(spec, &key, value)?,
                (None, _, value) => early.push((key, value)),
            }
        }
        let mut spec = spec.ok_or_else(|| A::Error::missing_field("name"))?;
        for (key, value) in early {
            set(&mut spec, &key, value)?;
        }
        Ok(spec)
    }
}

fn set<E: serde::de::Error>(spec: &mut Spec, key: &str, value: Scalar) -> Result<(), E> {
    let set = match value {
        Scalar::Flag(x) => spec.set(key, Value::Flag(x)),
        Scalar::Number(x) => spec.set(key, Value::Number(x)),
        Scalar::Text(text) => spec.set_text(key, &text),
    };
    set.map_err(E::custom)
}
