//! Checks of an experiment's tables against each other.

use std::collections::BTreeSet;

use super::{environment::Environment, tables::Top};
use crate::{Error, Result, study::kind::Kind, suggest};

/// An error if the tables contradict each other.
pub(super) fn check(top: &Top, environments: &[Environment]) -> Result<()> {
    not_empty(top, environments)?;
    seeds(top, environments)?;
    numbers(top)?;
    unique("environment", names(environments))?;
    unique("optimiser", top.optimisers.iter().map(|o| o.name.as_str()))?;
    unique("contrast", top.contrasts.iter().map(|c| c.name.as_str()))?;
    factors(top, environments)?;
    grids(top)?;
    keys(top, environments)?;
    contrasts(top, environments)
}

/// An error if a list that needs an entry is empty.
fn not_empty(top: &Top, environments: &[Environment]) -> Result<()> {
    let lists = [
        ("environments", environments.is_empty()),
        ("optimisers", top.optimisers.is_empty()),
        ("seeds.tuning", top.seeds.tuning.0.is_empty()),
    ];
    let lists = lists.map(|(what, empty)| (what.to_owned(), empty));
    let report = report_seeds(top, environments).map(|(what, seeds)| (what, seeds.is_empty()));
    match lists.into_iter().chain(report).find(|(_, empty)| *empty) {
        None => Ok(()),
        Some((what, _)) => Err(Error::usage(format!(
            "{what} is empty; allowed: one or more"
        ))),
    }
}

/// An error if both stages have a seed, or if the environments have no report seed in common.
fn seeds(top: &Top, environments: &[Environment]) -> Result<()> {
    let tuning = &top.seeds.tuning.0;
    for (what, seeds) in report_seeds(top, environments) {
        if let Some(seed) = tuning.iter().find(|seed| seeds.contains(seed)) {
            return Err(Error::usage(format!(
                "seed {seed} is in both seeds.tuning and {what}; a setting cannot be judged on a seed that it was chosen on"
            )));
        }
    }
    let everywhere = |seed: &u64| {
        environments
            .iter()
            .all(|environment| environment.report_seeds(top).contains(seed))
    };
    if environments[0].report_seeds(top).iter().any(everywhere) {
        return Ok(());
    }
    let mut pairs = environments
        .iter()
        .enumerate()
        .flat_map(|(i, b)| environments[..i].iter().map(move |a| (a, b)));
    let share = |a: &Environment, b: &Environment| {
        a.report_seeds(top)
            .iter()
            .any(|seed| b.report_seeds(top).contains(seed))
    };
    // There may be no such pair: of three environments, each two may share a seed that the third lacks.
    let pair = match pairs.find(|(a, b)| !share(a, b)) {
        Some((a, b)) => format!(" (`{}` and `{}` share none)", a.name, b.name),
        None => String::new(),
    };
    Err(Error::usage(format!(
        "no report seed is in every environment's report_seeds{pair}; to be compared, they need at least one in common"
    )))
}

/// Every list of report seeds, with its name for messages.
fn report_seeds<'a>(
    top: &'a Top,
    environments: &'a [Environment],
) -> impl Iterator<Item = (String, &'a [u64])> {
    let own = |environment: &'a Environment| {
        let seeds = environment.report_seeds.as_ref()?;
        let what = format!("report_seeds of environment `{}`", environment.name);
        Some((what, seeds.0.as_slice()))
    };
    let common = ("seeds.report".to_owned(), top.seeds.report.0.as_slice());
    std::iter::once(common).chain(environments.iter().filter_map(own))
}

/// An error if a number is out of range.
fn numbers(top: &Top) -> Result<()> {
    for (key, value) in [
        ("margin", top.margin),
        ("energy.watts_per_core", top.energy.watts_per_core),
        ("energy.grams_per_kwh", top.energy.grams_per_kwh),
    ] {
        if !(value.is_finite() && value >= 0.0) {
            return Err(Error::usage(format!(
                "{key} = {value} is not allowed; allowed: a finite number >= 0"
            )));
        }
    }
    match top.budget.core_hours {
        Some(hours) if !(hours.is_finite() && hours > 0.0) => Err(Error::usage(format!(
            "budget.core_hours = {hours} is not allowed; allowed: a finite number > 0"
        ))),
        _ => Ok(()),
    }
}

/// An error if a factor has no levels or an unknown environment, or if an environment has two factors of the same key.
fn factors(top: &Top, environments: &[Environment]) -> Result<()> {
    let known_environments = names(environments);
    for factor in &top.factors {
        let within = |why: String| Error::usage(format!("factor `{}`: {why}", factor.key));
        if factor.values.is_empty() {
            return Err(within("it has no values".into()));
        }
        let levels: Vec<String> = factor.values.iter().map(toml::Value::to_string).collect();
        if let Some(level) = duplicate(levels.iter().map(String::as_str)) {
            return Err(within(format!(
                "{level} is there twice; allowed: each level once"
            )));
        }
        known("environment", &factor.environments, &known_environments).map_err(within)?;
    }
    for environment in known_environments {
        let its = top.factors.iter().filter(|f| f.is_for(environment));
        if let Some(key) = duplicate(its.map(|factor| factor.key.as_str())) {
            return Err(Error::usage(format!(
                "environment `{environment}` has two factors `{key}`; allowed: one factor for each key"
            )));
        }
    }
    Ok(())
}

/// An error if a grid has a value twice, or a hyper-parameter that something else sets too.
fn grids(top: &Top) -> Result<()> {
    for optimiser in &top.optimisers {
        let own = optimiser.optimiser.split_once(':').unwrap_or_default().1;
        let own: Vec<&str> = own
            .split(',')
            .filter_map(|pair| Some(pair.split_once('=')?.0.trim()))
            .collect();
        for (key, values) in &optimiser.grid {
            let within = |why: String| {
                let name = &optimiser.name;
                Error::usage(format!("optimiser `{name}`: `{key}` of its grid {why}"))
            };
            let texts: Vec<String> = values.0.iter().map(f64::to_string).collect();
            if let Some(value) = duplicate(texts.iter().map(String::as_str)) {
                return Err(within(format!(
                    "has {value} twice; allowed: each value once"
                )));
            }
            if own.contains(&key.as_str()) {
                let text = &optimiser.optimiser;
                return Err(within(format!(
                    "is also in `{text}`; allowed: one of the two"
                )));
            }
            let varied = |key: &String| top.factors.iter().any(|factor| factor.key == *key);
            let factor = format!("optimiser.{key}");
            if varied(&factor) {
                return Err(within(format!(
                    "is also the factor `{factor}`; allowed: one of the two"
                )));
            }
        }
    }
    Ok(())
}

/// An error if a factor or an optimiser's `set` has a key that it may not set, or if both set the same key.
fn keys(top: &Top, environments: &[Environment]) -> Result<()> {
    for factor in &top.factors {
        let what = format!("factor `{}`", factor.key);
        for environment in environments
            .iter()
            .filter(|environment| factor.is_for(&environment.name))
        {
            for value in &factor.values {
                settable(&what, environment.kind, &factor.key, value)?;
            }
        }
    }
    for optimiser in &top.optimisers {
        for (key, value) in &optimiser.set {
            let what = format!("optimiser `{}`: `{key}` of its `set`", optimiser.name);
            for environment in environments {
                settable(&what, environment.kind, key, value)?;
            }
            if top.factors.iter().any(|factor| factor.key == *key) {
                return Err(Error::usage(format!(
                    "{what} is a factor too, and would make all of its levels the same; allowed: one of the two"
                )));
            }
        }
    }
    Ok(())
}

/// An error if `what` may not set `key` in environments of this kind.
fn settable(what: &str, kind: &dyn Kind, key: &str, value: &toml::Value) -> Result<()> {
    let refused = |why: &str| Err(Error::usage(format!("{what} is not allowed; {why}")));
    // It would make another environment with this one's name and scale.
    if ["env", "run.env"].contains(&key) {
        return refused("environments belong in [[environments]]; `env.<dial>` is allowed");
    }
    if let Some((_, why)) = kind.reserved().iter().find(|(path, _)| *path == key) {
        return refused(why);
    }
    // It would replace the whole table, with all of its other keys.
    if let toml::Value::Table(table) = value {
        let first = table.keys().next().map_or("KEY", String::as_str);
        return refused(&format!(
            "it is a table; allowed: one of its keys, such as \"{key}.{first}\""
        ));
    }
    Ok(())
}

/// An error if a contrast has an unknown optimiser or environment, or the same on both of its sides.
fn contrasts(top: &Top, environments: &[Environment]) -> Result<()> {
    let optimisers: Vec<&str> = top.optimisers.iter().map(|o| o.name.as_str()).collect();
    let known_environments = names(environments);
    for contrast in &top.contrasts {
        let within = |why: String| Error::usage(format!("contrast `{}`: {why}", contrast.name));
        let sides = [&contrast.with, &contrast.without];
        known("optimiser", sides, &optimisers).map_err(within)?;
        if contrast.with == contrast.without {
            return Err(within(format!(
                "`with` and `without` are both `{}`, whose difference is always 0; allowed: two optimisers",
                contrast.with
            )));
        }
        let about = contrast.environments.iter().chain(&contrast.less);
        known("environment", about, &known_environments).map_err(within)?;
        let both = |name: &&String| contrast.environments.contains(name);
        if let Some(name) = contrast.less.iter().find(both) {
            return Err(within(format!(
                "environment `{name}` is in both `environments` and `less`; allowed: one of the two"
            )));
        }
        if !contrast.less.is_empty() && contrast.environments.is_empty() {
            return Err(within(
                "`less` is given without `environments`, from which it is subtracted; give both"
                    .into(),
            ));
        }
    }
    Ok(())
}

/// The environments' names.
fn names(environments: &[Environment]) -> Vec<&str> {
    environments
        .iter()
        .map(|environment| environment.name.as_str())
        .collect()
}

/// An error that explains the first of `names` that is not in `allowed`.
fn known<'a>(
    what: &str,
    names: impl IntoIterator<Item = &'a String>,
    allowed: &[&str],
) -> std::result::Result<(), String> {
    let mut names = names.into_iter();
    match names.find(|name| !allowed.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(suggest::unknown(what, name, allowed.iter().copied())),
    }
}

/// An error if a name is empty or there twice.
fn unique<'a>(what: &str, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let names: Vec<&str> = names.into_iter().collect();
    if names.contains(&"") {
        return Err(Error::usage(format!(
            "the `name` of one {what} is empty; allowed: any text that is not empty"
        )));
    }
    match duplicate(names) {
        None => Ok(()),
        Some(name) => Err(Error::usage(format!(
            "there are two {what}s called `{name}`; give one of them another `name`"
        ))),
    }
}

/// The first of `names` that is there a second time.
fn duplicate<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}
