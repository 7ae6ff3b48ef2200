//! Tables of values as TOML.

use serde::{Serialize, Serializer, ser::SerializeMap};
use settings::Value;

/// A value that serialises as TOML, with tables in their own order.
pub struct AsToml<'a>(pub &'a Value);

impl Serialize for AsToml<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Flag(flag) => serializer.serialize_bool(*flag),
            Value::Whole(number) => serializer.serialize_i64(*number),
            Value::Number(number) => serializer.serialize_f64(*number),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => serializer.collect_seq(items.iter().map(AsToml)),
            Value::Table(table) => {
                let mut map = serializer.serialize_map(None)?;
                for (name, value) in table.iter() {
                    map.serialize_entry(name, &AsToml(value))?;
                }
                map.end()
            }
        }
    }
}

/// A value in TOML but with text unquoted, as in names and in tables of results.
pub fn plain(value: &Value) -> String {
    let written = match value {
        Value::Text(_) => None,
        value => toml::Value::try_from(AsToml(value)).ok(),
    };
    written.map_or_else(|| value.plain(), |written| written.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_values_as_toml_writes_them() {
        for (value, written) in [
            (Value::Whole(10_000), "10000"),
            (Value::Number(500.0), "500.0"),
            (Value::Number(1e-4), "0.0001"),
            (Value::Number(1e7), "10000000.0"),
            (Value::Flag(true), "true"),
            ("huber".into(), "huber"),
            (
                Value::List(vec![Value::Whole(120), "a".into()]),
                "[120, \"a\"]",
            ),
        ] {
            assert_eq!(plain(&value), written);
        }
    }
}
