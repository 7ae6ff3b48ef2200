//! From TOML to tables. Errors have the line of what is wrong.

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Deserializer, Error as TomlError},
};

use super::{
    environment::Environment,
    tables::{EnvironmentTable, Top},
};
use crate::{
    Error, Result, config,
    keys::{Key, Keys},
    study::{
        kind::{self, Kind},
        merge,
    },
    suggest,
};

type Table<'a> = Spanned<DeTable<'a>>;

/// The tables of `text`, and its environments with their kinds and settings.
pub fn parse(text: &str) -> Result<(Top, Vec<Environment>)> {
    let explain = |mut error: TomlError| {
        error.set_input(Some(text));
        Error::usage(suggest::explained(&error))
    };
    let mut root = DeTable::parse(text).map_err(explain)?;
    let kinds = kind::registry();
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    let common = split(&mut root, &Top::keys(), &names, text)?;
    let mut shared = Vec::new();
    for (kind, table) in kinds.iter().zip(common) {
        let table = table.and_then(inner).unwrap_or_else(empty);
        shared.push(settings(*kind, table, text, &explain)?);
    }
    let mut environments = Vec::new();
    if let Some(DeValue::Array(list)) = root.get_mut().get_mut("environments").map(Spanned::get_mut)
    {
        for value in list.iter_mut() {
            let span = value.span();
            let DeValue::Table(table) = value.get_mut() else {
                continue; // Reading `Top` says what is wrong with it.
            };
            let mut entry = Spanned::new(span, std::mem::take(table));
            let kind = kind_of(&entry, text)?;
            let keys: Vec<&str> = kind.keys().iter().map(|(key, _)| key.name).collect();
            let parts = split(&mut entry, &EnvironmentTable::keys(), &keys, text)?;
            let mut own = empty();
            for (key, part) in keys.iter().zip(parts) {
                if let Some(part) = part {
                    let name = Spanned::new(part.span(), (*key).into());
                    own.get_mut().insert(name, part);
                }
            }
            let at = kinds.iter().position(|known| known.name() == kind.name());
            let mut merged = at.map(|at| shared[at].clone()).unwrap_or_default();
            merge::merge_into(&mut merged, &settings(kind, own, text, &explain)?);
            let read = EnvironmentTable::deserialize(Deserializer::from(entry.clone()));
            let read = read.map_err(explain)?;
            *table = entry.into_inner();
            let title = kind.title(&merged).map_err(|error| {
                Error::usage(format!("environment {}: {error}", environments.len() + 1))
            })?;
            environments.push(Environment {
                name: read.name.unwrap_or(title),
                rung: read.rung.unwrap_or_else(|| kind.name().into()),
                kind,
                settings: merged,
                scale: (read.random, read.reference),
                report_seeds: read.report_seeds,
            });
        }
    }
    let top = Top::deserialize(Deserializer::from(root)).map_err(explain)?;
    Ok((top, environments))
}

/// A kind's settings, checked.
fn settings(
    kind: &dyn Kind,
    table: Table,
    text: &str,
    explain: &dyn Fn(TomlError) -> Error,
) -> Result<toml::Table> {
    for (path, why) in kind.reserved() {
        if let Some(start) = path_start(table.get_ref(), path) {
            let line = line(text, start);
            return Err(Error::usage(format!("line {line}: `{path}`: {why}")));
        }
    }
    let plain = toml::Table::deserialize(Deserializer::from(table.clone())).map_err(explain)?;
    kind.check(&config::table(&plain)?)?;
    Ok(plain)
}

/// Takes the values of the keys `extra` out of `table`; an error if it has a key that is neither in `extra` nor in `known`.
fn split<'a>(
    table: &mut Table<'a>,
    known: &[Key],
    extra: &[&str],
    text: &str,
) -> Result<Vec<Option<Spanned<DeValue<'a>>>>> {
    for key in table.get_ref().keys() {
        let name: &str = key.get_ref();
        let names = || {
            known
                .iter()
                .map(|key| key.name)
                .chain(extra.iter().copied())
        };
        if !names().any(|known| known == name) {
            let line = line(text, key.span().start);
            let wrong = suggest::unknown("key", name, names());
            return Err(Error::usage(format!("line {line}: {wrong}")));
        }
    }
    let take = |name: &&str| table.get_mut().remove(*name);
    Ok(extra.iter().map(take).collect())
}

/// The kind that an environment asks for.
fn kind_of(entry: &Table, text: &str) -> Result<&'static dyn Kind> {
    let value = entry.get_ref().get("kind");
    let name = match value.map(|value| value.get_ref()) {
        None => "rl",
        // If it is not text, reading `EnvironmentTable` says so.
        Some(value) => value.as_str().unwrap_or("rl"),
    };
    let kinds = kind::registry();
    let found = kinds.iter().find(|kind| kind.name() == name);
    found.copied().ok_or_else(|| {
        let line = line(text, value.map_or(0, |value| value.span().start));
        let wrong = suggest::unknown("kind", name, kinds.iter().map(|kind| kind.name()));
        Error::usage(format!("line {line}: {wrong}"))
    })
}

/// The position of the key at `path` (`section.key`), if it is there.
fn path_start(table: &DeTable, path: &str) -> Option<usize> {
    let Some((section, rest)) = path.split_once('.') else {
        return table.get_key_value(path).map(|(key, _)| key.span().start);
    };
    path_start(table.get(section)?.get_ref().as_table()?, rest)
}

fn inner(value: Spanned<DeValue>) -> Option<Table> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Table(table) => Some(Spanned::new(span, table)),
        _ => None,
    }
}

fn empty<'a>() -> Table<'a> {
    Spanned::new(0..0, DeTable::new())
}

fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}
