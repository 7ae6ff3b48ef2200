//! TOML tables that are merged, and keys that are set in them.

use crate::{Error, Result};

/// Puts the values of `overrides` into `base`; tables that both have are merged in the same way.
pub fn merge_into(base: &mut toml::Table, overrides: &toml::Table) {
    for (key, value) in overrides {
        match (base.get_mut(key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(value)) => merge_into(base, value),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// A value as names have it: text is without quotes.
pub fn text(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Sets `key`, whose parts are separated by dots.
pub fn set(table: &mut toml::Table, key: &str, value: &toml::Value) -> Result<()> {
    let Some((section, rest)) = key.split_once('.') else {
        table.insert(key.into(), value.clone());
        return Ok(());
    };
    let empty = || toml::Value::Table(toml::Table::new());
    match table.entry(section).or_insert_with(empty) {
        toml::Value::Table(inner) => set(inner, rest, value),
        _ => Err(Error::usage(format!("`{section}` is not a table"))),
    }
}
