//! A TOML file as a table of values, and the line of each of its keys.

use std::{collections::BTreeMap, fmt::Display, path::Path};

use settings::{Table, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue, Error as TomlError},
};

use crate::{Error, Result};

/// A TOML file that was read.
pub struct TomlDocument {
    /// Its values.
    pub table: Table,
    /// The line of each key, under its path: `agent.gamma`, `environments.2.env`.
    lines: BTreeMap<String, usize>,
    /// What errors call it, if it is a file.
    path: Option<String>,
    /// Whether there is nothing but blanks in it.
    is_blank: bool,
}

impl TomlDocument {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::usage(format!(
                "cannot read {shown}: {error}; allowed: a TOML file, such as a run's config.toml"
            ))
        })?;
        let within = |error: Error| Error::usage(format!("{shown}: {error}"));
        let document = Self::parse(&text).map_err(within)?;
        Ok(Self {
            path: Some(shown),
            ..document
        })
    }

    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self> {
        let explain = |mut error: TomlError| {
            error.set_input(Some(text));
            Error::usage(error.to_string().trim_end())
        };
        let root = DeTable::parse(text).map_err(explain)?;
        let mut lines = LineFinder {
            text,
            found: BTreeMap::new(),
        };
        let table = lines.table("", root.get_ref())?;
        Ok(Self {
            table,
            lines: lines.found,
            path: None,
            is_blank: text.trim_start_matches('\u{feff}').trim().is_empty(),
        })
    }

    /// Whether nothing is written in it, not even a comment.
    pub fn is_blank(&self) -> bool {
        self.is_blank
    }

    /// `error` about a value in this file, with the file and the line.
    pub fn explain(&self, error: settings::Error) -> Error {
        self.error_at(error.path(), &error)
    }

    /// An error about the value at `path`, with the file and the line.
    pub fn error_at(&self, mut path: &str, why: impl Display) -> Error {
        let file = self.path.as_ref();
        let file = file.map_or(String::new(), |path| format!("{path}: "));
        // A missing key is reported at the table that lacks it.
        let line = loop {
            match (self.lines.get(path), path.rsplit_once('.')) {
                (Some(line), _) => break Some(line),
                (None, Some((outer, _))) => path = outer,
                (None, None) => break None,
            }
        };
        let line = line.map_or(String::new(), |line| format!("line {line}: "));
        Error::usage(format!("{file}{line}{why}"))
    }
}

struct LineFinder<'a> {
    text: &'a str,
    found: BTreeMap<String, usize>,
}

impl LineFinder<'_> {
    fn put(&mut self, path: String, at: usize) {
        let line = self.text[..at].matches('\n').count() + 1;
        self.found.insert(path, line);
    }

    fn table(&mut self, path: &str, table: &DeTable) -> Result<Table> {
        // In the order of the file, so that errors come in that order.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut values = Table::new();
        for (key, value) in entries {
            let name: &str = key.get_ref();
            let path = match path {
                "" => name.to_owned(),
                outer => format!("{outer}.{name}"),
            };
            self.put(path.clone(), key.span().start);
            values.insert(name, self.value(&path, value)?);
        }
        Ok(values)
    }

    fn value(&mut self, path: &str, value: &Spanned<DeValue>) -> Result<Value> {
        let written = &self.text[value.span()];
        let refused = |allowed: &str| {
            let line = self.found.get(path).map_or(0, |line| *line);
            let why = settings::Error::not_allowed(path, written, allowed);
            Error::usage(format!("line {line}: {why}"))
        };
        Ok(match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => {
                let read = i64::from_str_radix(number.as_str(), number.radix());
                Value::Whole(
                    read.map_err(|_| refused(&format!("a whole number of at most {}", i64::MAX)))?,
                )
            }
            DeValue::Float(number) => {
                let read = number.as_str().parse();
                Value::Number(read.map_err(|_| refused("a number"))?)
            }
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Datetime(_) => return Err(refused("a number, text, a list or a table")),
            DeValue::Array(items) => {
                let mut list = Vec::new();
                for (place, item) in items.iter().enumerate() {
                    let path = format!("{path}.{}", place + 1);
                    self.put(path.clone(), item.span().start);
                    list.push(self.value(&path, item)?);
                }
                Value::List(list)
            }
            DeValue::Table(table) => Value::Table(self.table(path, table)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a = 1\n[b]\nc = 0.5\n\n[[d]]\ne = [1, \"x\"]\n[[d]]\nf = true\n";

    #[test]
    fn values_are_read_with_their_lines() {
        let document = TomlDocument::parse(TEXT).unwrap();
        assert_eq!(document.table.get("a"), Some(&Value::Whole(1)));
        for (path, line) in [
            ("a", 1),
            ("b.c", 3),
            ("d.1.e", 6),
            ("d.2.f", 8),
            ("b.gone", 2),
        ] {
            let error = settings::Error::not_allowed(path, "it", "none");
            let said = document.explain(error).to_string();
            assert_eq!(
                said,
                format!("line {line}: {path} = it is not allowed; allowed: none")
            );
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for (text, end) in [
            (
                "a = 1979-05-27",
                "allowed: a number, text, a list or a table",
            ),
            (
                "a = 99999999999999999999",
                "line 1: a = 99999999999999999999 is not allowed; allowed: a whole number of at most 9223372036854775807",
            ),
            ("a = 1\na = 2", "duplicate key"),
        ] {
            let error = TomlDocument::parse(text).map(drop).unwrap_err().to_string();
            assert!(error.contains(end), "{error}");
        }
    }
}
