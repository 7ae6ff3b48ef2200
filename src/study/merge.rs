//! Settings laid over settings.

use crate::{Error, Result};

/// Lays `over` over `base`, table by table.
pub fn over(base: &mut toml::Table, over: &toml::Table) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(value)) => self::over(base, value),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// A value as it stands in names: text without quotes.
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
        _ => Err(Error::usage(format!("`{section}` is no table"))),
    }
}
