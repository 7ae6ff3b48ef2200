//! Optimisers in TOML: a table of the name and the hyper-parameters.
//!
//! ```toml
//! [optimiser]
//! name = "rmsprop"
//! lr = 3e-4
//! ```

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::SerializeMap};
use toml::Spanned;

use super::{Spec, Value};
use crate::{Error, Result};

impl Serialize for Spec {
    /// A table of the name and every value, defaults included.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
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

/// An `[optimiser]` table as it was read, before its keys are known to be any optimiser's.
pub type Table = BTreeMap<String, Spanned<toml::Value>>;

impl Spec {
    /// The optimiser of `table`, which was read from `text`; an error names the line.
    pub fn from_table(table: &Table, text: &str) -> Result<Self> {
        let at = |value: &Spanned<toml::Value>, error: Error| {
            let line = text[..value.span().start].matches('\n').count() + 1;
            Error::usage(format!("line {line}: {error}"))
        };
        let name = table.get("name").ok_or_else(|| {
            let first = table.values().map(|v| v.span().start).min().unwrap_or(0);
            let line = text[..first].matches('\n').count().max(1);
            Error::usage(format!("line {line}: the optimiser has no `name`"))
        })?;
        let mut spec = match name.get_ref() {
            toml::Value::String(name) => Spec::new(name),
            other => Spec::new(&other.to_string()),
        }
        .map_err(|error| at(name, error))?;
        for (key, value) in table.iter().filter(|(key, _)| *key != "name") {
            let set = match value.get_ref() {
                toml::Value::Integer(x) => spec.set(key, Value::Number(*x as f64)),
                toml::Value::Float(x) => spec.set(key, Value::Number(*x)),
                toml::Value::Boolean(x) => spec.set(key, Value::Flag(*x)),
                other => spec.set_text(key, other.as_str().unwrap_or(&other.to_string())),
            };
            set.map_err(|error| at(value, error))?;
        }
        Ok(spec)
    }
}

impl Spec {
    /// The optimiser of a table of its name and hyper-parameters.
    pub fn from_settings(table: &settings::Table) -> std::result::Result<Self, settings::Error> {
        let wrong = |error: Error| settings::Error::wrong(error.to_string());
        let Some(name) = table.get("name") else {
            return Err(settings::Error::Missing { path: "name".into() });
        };
        let mut spec = Spec::new(&name.plain()).map_err(wrong).map_err(|e| e.within("name"))?;
        for (key, value) in table.iter().filter(|(key, _)| *key != "name") {
            let set = match value {
                settings::Value::Flag(x) => spec.set(key, Value::Flag(*x)),
                value => match value.as_number() {
                    Some(x) => spec.set(key, Value::Number(x)),
                    None => spec.set_text(key, &value.plain()),
                },
            };
            set.map_err(wrong).map_err(|e| e.within(key))?;
        }
        Ok(spec)
    }
}
