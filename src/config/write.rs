//! Tables of values as TOML.

use serde::{Serialize, Serializer, ser::SerializeMap};
use settings::{Table, Value};

/// A value that serialises as TOML has it, tables in their own order.
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

/// A TOML table as a table of values.
pub fn table(table: &toml::Table) -> Result<Table, settings::Error> {
    let value = |(name, value): (&String, &toml::Value)| {
        let value = value_of(value).map_err(|error| error.within(name))?;
        Ok((name.clone(), value))
    };
    table.iter().map(value).collect()
}

fn value_of(value: &toml::Value) -> Result<Value, settings::Error> {
    Ok(match value {
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Integer(number) => Value::Whole(*number),
        toml::Value::Float(number) => Value::Number(*number),
        toml::Value::Boolean(flag) => Value::Flag(*flag),
        toml::Value::Array(items) => {
            let items = items.iter().map(value_of);
            Value::List(items.collect::<Result<_, _>>()?)
        }
        toml::Value::Table(inner) => Value::Table(table(inner)?),
        toml::Value::Datetime(date) => {
            let allowed = "a number, text, a list or a table";
            return Err(settings::Error::not_allowed("", date, allowed));
        }
    })
}
