//! Optimisers in TOML: a table of the name and the hyper-parameters.
//!
//! ```toml
//! [optimiser]
//! name = "rmsprop"
//! lr = 3e-4
//! ```

use std::collections::BTreeMap;

use optim::Spec;
use settings::Value;
use toml::Spanned;

use crate::{Error, Result};

/// `value` as a setting's value.
pub fn to_setting(value: &toml::Value) -> Value {
    match value {
        toml::Value::Boolean(flag) => Value::Flag(*flag),
        toml::Value::Integer(number) => Value::Whole(*number),
        toml::Value::Float(number) => Value::Number(*number),
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Datetime(time) => Value::Text(time.to_string()),
        toml::Value::Array(items) => Value::List(items.iter().map(to_setting).collect()),
        toml::Value::Table(table) => {
            let values = table.iter();
            Value::Table(
                values
                    .map(|(name, value)| (name.clone(), to_setting(value)))
                    .collect(),
            )
        }
    }
}

/// An `[optimiser]` table as it was read, before its keys are known to be any optimiser's.
pub type OptimiserTable = BTreeMap<String, Spanned<toml::Value>>;

/// The optimiser of `table`, which was read from `text`; an error names the line.
pub fn optimiser(table: &OptimiserTable, text: &str) -> Result<Spec> {
    let line_of = |position: usize| text[..position].matches('\n').count() + 1;
    let at = |value: &Spanned<toml::Value>, error: optim::Error| {
        Error::usage(format!("line {}: {error}", line_of(value.span().start)))
    };
    let Some(name) = table.get("name") else {
        let first = table.values().map(|value| value.span().start).min();
        let line = (line_of(first.unwrap_or(0)) - 1).max(1);
        return Err(Error::usage(format!(
            "line {line}: the optimiser has no `name`"
        )));
    };
    let mut spec =
        Spec::new(&to_setting(name.get_ref()).plain()).map_err(|error| at(name, error))?;
    for (key, value) in table.iter().filter(|(key, _)| *key != "name") {
        let set = match to_setting(value.get_ref()) {
            Value::Text(text) => spec.set_text(key, &text),
            value => spec.set(key, value),
        };
        set.map_err(|error| at(value, error))?;
    }
    Ok(spec)
}
