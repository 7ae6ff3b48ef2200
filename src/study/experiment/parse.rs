//! From the values of a TOML file to tables.

use settings::{Error, Setting, Settings, Table, Value, unknown};

use super::{
    environment::StudiedEnvironment,
    tables::{EnvironmentTable, Top},
};
use crate::study::family::{self, Family};

type Result<T> = std::result::Result<T, Error>;

/// The tables of an experiment, and its environments with the settings of their runs.
pub fn parse(file: &Table) -> Result<(Top, Vec<StudiedEnvironment>)> {
    let families = family::registry();
    let names: Vec<&str> = families.iter().map(|family| family.name()).collect();
    let (mut top, for_families) = split(file, Top::declared(), &names)?;
    for family in families {
        let name = family.name();
        match for_families.get(name) {
            None => {}
            Some(Value::Table(own)) => check(*family, own).map_err(|e| e.within(name))?,
            Some(other) => return Err(Error::not_allowed(name, other, "a table")),
        }
    }
    let mut runs = Vec::new();
    // If this is not a list, reading `Top` says what is wrong.
    if let Some(Value::List(list)) = top.get("environments").cloned() {
        let mut entries = Vec::new();
        for (value, place) in list.iter().zip(1..) {
            let path = format!("environments.{place}");
            let Value::Table(entry) = value else {
                return Err(Error::not_allowed(&path, value, "a table"));
            };
            let within = |error: Error| error.within(&path);
            let (entry, family, settings) = divide(entry, &for_families).map_err(within)?;
            let title = family.title(&settings).map_err(within)?;
            entries.push(Value::Table(entry));
            runs.push((family, settings, title));
        }
        top.insert("environments", Value::List(entries));
    }
    let top = Top::from_table(&top)?;
    let environment = |(entry, (family, settings, title)): (&EnvironmentTable, _)| {
        let (family, settings): (&'static dyn Family, Table) = (family, settings);
        StudiedEnvironment {
            name: entry.name.clone().unwrap_or(title),
            rung: entry.rung.clone().unwrap_or_else(|| family.name().into()),
            family,
            settings,
            scale: (entry.random, entry.reference),
            report_seeds: entry.report_seeds.clone(),
        }
    };
    let entries = top.environments.iter().zip(runs);
    let environments = entries.map(environment).collect();
    Ok((top, environments))
}

/// Splits an entry of `[[environments]]` into the entry without the keys of its family, the family, and
/// the settings of its runs. These settings are the entry's keys, which take precedence over the
/// experiment's settings for the whole family.
fn divide(entry: &Table, for_families: &Table) -> Result<(Table, &'static dyn Family, Table)> {
    let family = family_of(entry)?;
    let keys = family.settings().iter().map(|setting| setting.name);
    let keys: Vec<&str> = keys.collect();
    let (entry, own) = split(entry, EnvironmentTable::declared(), &keys)?;
    reserved(family, &own)?;
    let mut settings = match for_families.get(family.name()) {
        Some(Value::Table(common)) => common.clone(),
        _ => Table::new(),
    };
    settings.extend(own);
    // The allowed keys may depend on the other table: those of an agent depend on its algorithm.
    family.check(&settings)?;
    Ok((entry, family, settings))
}

/// The values of `known` settings in `table`, and those of the keys `extra`; an error if it has any other key.
fn split(table: &Table, known: &[Setting], extra: &[&str]) -> Result<(Table, Table)> {
    let known = || known.iter().map(|setting| setting.name);
    let (mut own, mut others) = (Table::new(), Table::new());
    for (name, value) in table.iter() {
        if extra.contains(&name) {
            others.insert(name, value.clone());
        } else if known().any(|known| known == name) {
            own.insert(name, value.clone());
        } else {
            let names = known().chain(extra.iter().copied());
            return Err(Error::unknown("key", name, names));
        }
    }
    Ok((own, others))
}

/// An error for a setting that a family of runs does not have, whose value is not allowed, or that only
/// the study may set.
fn check(family: &dyn Family, settings: &Table) -> Result<()> {
    reserved(family, settings)?;
    family.check(settings)
}

/// An error for a setting that only the study may set.
fn reserved(family: &dyn Family, settings: &Table) -> Result<()> {
    let reserved = family.reserved().iter();
    let mut given = reserved.filter(|(path, _)| is_set(settings, path));
    match given.next() {
        Some((path, why)) => Err(Error::wrong(*why).within(path)),
        None => Ok(()),
    }
}

/// Whether `table` has a value at `path`, whose parts are separated by dots.
fn is_set(table: &Table, path: &str) -> bool {
    match path.split_once('.') {
        None => table.get(path).is_some(),
        Some((outer, rest)) => match table.get(outer) {
            Some(Value::Table(inner)) => is_set(inner, rest),
            _ => false,
        },
    }
}

/// The family of runs that an environment asks for.
fn family_of(entry: &Table) -> Result<&'static dyn Family> {
    let families = family::registry();
    let Some(value) = entry.get("kind") else {
        return Ok(families[0]);
    };
    let names = || families.iter().map(|family| family.name());
    let Some(name) = value.as_text() else {
        let allowed: Vec<&str> = names().collect();
        return Err(Error::not_allowed("kind", value, allowed.join(" or ")));
    };
    let found = families.iter().find(|family| family.name() == name);
    found
        .copied()
        .ok_or_else(|| Error::wrong(unknown("kind", name, names())).within("kind"))
}
