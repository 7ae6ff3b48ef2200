//! Checks of an experiment's tables against each other.

use std::collections::BTreeSet;

use settings::{Value, unknown};

use super::{
    environment::StudiedEnvironment,
    mistake::Mistake,
    tables::{ContrastTable, Design, Selection, Top},
};
use crate::{config, study::family::Family};

type Result<T> = std::result::Result<T, Mistake>;

/// An error if the tables contradict each other.
pub(super) fn check(top: &Top, environments: &[StudiedEnvironment]) -> Result<()> {
    not_empty(top, environments)?;
    seeds(top, environments)?;
    unique("environment", names(environments))?;
    unique("optimiser", top.optimisers.iter().map(|o| o.name.as_str()))?;
    unique("contrast", top.contrasts.iter().map(|c| c.name.as_str()))?;
    factors(top, environments)?;
    grids(top)?;
    check_keys(top, environments)?;
    contrasts(top, environments)?;
    design(top, environments)
}

/// An error if the design and the rules do not fit together.
fn design(top: &Top, environments: &[StudiedEnvironment]) -> Result<()> {
    if top.design == Design::Grid && top.selection != Selection::BestMean {
        let why = "selection = \"best-iqm\" is not allowed with design = \"grid\"; allowed: \"best-mean\"";
        return Err(Mistake::at("selection", why));
    }
    if top.design == Design::Grid {
        let mut common = environments
            .iter()
            .map(|one| one.report_seeds(top).to_vec());
        let first = common.next().unwrap_or_default();
        let common = common.fold(first, |all, its| {
            all.into_iter().filter(|seed| its.contains(seed)).collect()
        });
        if common.len() < 2 {
            let why = "design = \"grid\" is not allowed with fewer than two report seeds that all environments have: each \
                       half of the seeds is judged by the setting that the other half chooses";
            return Err(Mistake::at("seeds.report", why));
        }
    }
    let contrasts: Vec<&str> = top.contrasts.iter().map(|one| one.name.as_str()).collect();
    known("contrast", &top.assay.positive_control, &contrasts)
        .map_err(|why| Mistake::at("assay.positive_control", why))
}

/// An error if a list that needs an entry is empty.
fn not_empty(top: &Top, environments: &[StudiedEnvironment]) -> Result<()> {
    let empty = |path: &str, what: &str| {
        let why = format!("{what} is empty; allowed: one or more");
        Err(Mistake::at(path, why))
    };
    for (what, is_empty) in [
        ("environments", environments.is_empty()),
        ("optimisers", top.optimisers.is_empty()),
        ("seeds.tuning", top.seeds.tuning.0.is_empty()),
    ] {
        if is_empty {
            return empty(what, what);
        }
    }
    let mut report = report_seeds(top, environments);
    match report.find(|one| one.seeds.is_empty()) {
        Some(one) => empty(&one.path, &one.what),
        None => Ok(()),
    }
}

/// An error if the two stages share a seed, or if the environments have no report seed in common.
fn seeds(top: &Top, environments: &[StudiedEnvironment]) -> Result<()> {
    let tuning = &top.seeds.tuning.0;
    for ReportSeeds { path, what, seeds } in report_seeds(top, environments) {
        if let Some(seed) = tuning.iter().find(|seed| seeds.contains(seed)) {
            let why = format!(
                "seed {seed} is in both seeds.tuning and {what}; a setting cannot be judged on a seed that it was chosen on"
            );
            return Err(Mistake::at(path, why));
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
    let numbered = || environments.iter().enumerate();
    let mut pairs = numbered().flat_map(|(i, b)| environments[..i].iter().map(move |a| (a, i, b)));
    let share = |a: &StudiedEnvironment, b: &StudiedEnvironment| {
        a.report_seeds(top)
            .iter()
            .any(|seed| b.report_seeds(top).contains(seed))
    };
    // There may be no such pair: each two of three environments may share a seed that the third lacks.
    let (path, pair) = match pairs.find(|(a, _, b)| !share(a, b)) {
        Some((a, i, b)) => (
            format!("environments.{}", i + 1),
            format!(" (`{}` and `{}` share none)", a.name, b.name),
        ),
        None => ("environments".into(), String::new()),
    };
    let why = format!(
        "no report seed is in every environment's report_seeds{pair}; to be compared, they need at least one in common"
    );
    Err(Mistake::at(path, why))
}

/// A list of report seeds.
struct ReportSeeds<'a> {
    path: String,
    /// What errors call it.
    what: String,
    seeds: &'a [u64],
}

/// Every list of report seeds: the experiment's, and those of environments with their own.
fn report_seeds<'a>(
    top: &'a Top,
    environments: &'a [StudiedEnvironment],
) -> impl Iterator<Item = ReportSeeds<'a>> {
    let own = |(environment, place): (&'a StudiedEnvironment, usize)| {
        Some(ReportSeeds {
            path: format!("environments.{place}.report_seeds"),
            what: format!("report_seeds of environment `{}`", environment.name),
            seeds: &environment.report_seeds.as_ref()?.0,
        })
    };
    let common = ReportSeeds {
        path: "seeds.report".into(),
        what: "seeds.report".into(),
        seeds: &top.seeds.report.0,
    };
    std::iter::once(common).chain(environments.iter().zip(1..).filter_map(own))
}

/// An error if a factor has no levels or an unknown environment, or if an environment has two factors of the same key.
fn factors(top: &Top, environments: &[StudiedEnvironment]) -> Result<()> {
    let known_environments = names(environments);
    for (factor, place) in top.factors.iter().zip(1..) {
        let mistake = |key: &str, why: String| {
            let why = format!("factor `{}`: {why}", factor.key);
            Mistake::at(format!("factors.{place}.{key}"), why)
        };
        if factor.values.is_empty() {
            let why = "it has no values; allowed: one or more";
            return Err(mistake("values", why.into()));
        }
        let levels: Vec<String> = factor.values.iter().map(config::plain).collect();
        if let Some((_, level)) = repeated(levels.iter().map(String::as_str)) {
            let why = format!("{level} is listed twice; allowed: each level once");
            return Err(mistake("values", why));
        }
        known("environment", &factor.environments, &known_environments)
            .map_err(|why| mistake("environments", why))?;
    }
    for environment in known_environments {
        let all = top.factors.iter().zip(1..);
        let its: Vec<_> = all.filter(|(f, _)| f.is_for(environment)).collect();
        let keys = its.iter().map(|(factor, _)| factor.key.as_str());
        if let Some((at, key)) = repeated(keys) {
            let why = format!(
                "environment `{environment}` has two factors `{key}`; allowed: one factor for each key"
            );
            return Err(Mistake::at(format!("factors.{}.key", its[at].1), why));
        }
    }
    Ok(())
}

/// An error if a grid has a value twice, or if two of a grid, a factor and an optimiser's own text set a hyper-parameter.
fn grids(top: &Top) -> Result<()> {
    for (optimiser, place) in top.optimisers.iter().zip(1..) {
        let own = optimiser.optimiser.split_once(':').unwrap_or_default().1;
        let own: Vec<&str> = own
            .split(',')
            .filter_map(|pair| Some(pair.split_once('=')?.0.trim()))
            .collect();
        for (factor, place) in top.factors.iter().zip(1..) {
            let key = factor.key.strip_prefix("optimiser.");
            if key.is_some_and(|key| own.contains(&key)) {
                let why = format!(
                    "factor `{}`: optimiser `{}` also sets it, in `{}`; allowed: one of the two",
                    factor.key, optimiser.name, optimiser.optimiser
                );
                return Err(Mistake::at(format!("factors.{place}.key"), why));
            }
        }
        for (key, values) in &optimiser.grid {
            let mistake = |why: String| {
                let why = format!("optimiser `{}`: `{key}` of its grid {why}", optimiser.name);
                Err(Mistake::at(format!("optimisers.{place}.grid.{key}"), why))
            };
            let texts: Vec<String> = values.0.iter().map(f64::to_string).collect();
            if let Some((_, value)) = repeated(texts.iter().map(String::as_str)) {
                return mistake(format!("has {value} twice; allowed: each value once"));
            }
            if own.contains(&key.as_str()) {
                let text = &optimiser.optimiser;
                return mistake(format!("is also in `{text}`; allowed: one of the two"));
            }
            let factor = format!("optimiser.{key}");
            if top.factors.iter().any(|known| known.key == factor) {
                return mistake(format!(
                    "is also the factor `{factor}`; allowed: one of the two"
                ));
            }
        }
    }
    Ok(())
}

/// An error if a factor or an optimiser's `set` has a key that it may not set, or if both set the same key.
fn check_keys(top: &Top, environments: &[StudiedEnvironment]) -> Result<()> {
    for (factor, place) in top.factors.iter().zip(1..) {
        let what = format!("factor `{}`", factor.key);
        let its = |environment: &&StudiedEnvironment| factor.is_for(&environment.name);
        for environment in environments.iter().filter(its) {
            for value in &factor.values {
                settable(environment.family, &factor.key, value).map_err(|why| {
                    let path = format!("factors.{place}.key");
                    Mistake::at(path, format!("{what} is not allowed; {why}"))
                })?;
            }
        }
    }
    for (optimiser, place) in top.optimisers.iter().zip(1..) {
        for (key, value) in &optimiser.set {
            let path = format!("optimisers.{place}.set.{key}");
            let what = format!("optimiser `{}`: `{key}` of its `set`", optimiser.name);
            for environment in environments {
                settable(environment.family, key, value)
                    .and_then(|()| same_scale(environment, key, value))
                    .map_err(|why| Mistake::at(&path, format!("{what} is not allowed; {why}")))?;
            }
            if top.factors.iter().any(|factor| factor.key == *key) {
                let why = format!(
                    "{what} is also a factor, and this would make all of its levels the same; allowed: one of the two"
                );
                return Err(Mistake::at(path, why));
            }
        }
    }
    Ok(())
}

/// Why an optimiser may not set `key` in this environment: its runs would have another scale than those of the others.
fn same_scale(
    environment: &StudiedEnvironment,
    key: &str,
    value: &Value,
) -> std::result::Result<(), String> {
    let (family, settings) = (environment.family, &environment.settings);
    let mut changed = settings.clone();
    let set = family.set(&mut changed, key, value);
    let given = environment.scale.0.is_some() && environment.scale.1.is_some();
    match set.is_ok() && !given && family.scale(&changed) != family.scale(settings) {
        true => Err(
            "it changes what the best and the worst return are; give `random` and `reference`"
                .into(),
        ),
        false => Ok(()),
    }
}

/// Why an experiment may not set `key` to `value` in runs of this family, if it may not.
fn settable(family: &dyn Family, key: &str, value: &Value) -> std::result::Result<(), String> {
    // It would turn the environment into another one that keeps its name and scale.
    if ["env", "run.env"].contains(&key) {
        return Err("environments belong in [[environments]]; `env.<dial>` is allowed".into());
    }
    if let Some((_, why)) = family.reserved().iter().find(|(path, _)| *path == key) {
        return Err((*why).into());
    }
    // It would replace the whole table, with all of its other keys.
    if let Value::Table(table) = value {
        let first = table.iter().next().map_or("KEY", |(name, _)| name);
        return Err(format!(
            "it is a table; allowed: one of its keys, such as \"{key}.{first}\""
        ));
    }
    Ok(())
}

/// An error if a contrast has an unknown optimiser or environment, or the same one on both sides.
fn contrasts(top: &Top, environments: &[StudiedEnvironment]) -> Result<()> {
    let optimisers: Vec<&str> = top.optimisers.iter().map(|o| o.name.as_str()).collect();
    let known_environments = names(environments);
    for (contrast, place) in top.contrasts.iter().zip(1..) {
        let mistake = |key: &str, why: String| {
            let why = format!("contrast `{}`: {why}", contrast.name);
            Mistake::at(format!("contrasts.{place}.{key}"), why)
        };
        for (key, side) in [("with", &contrast.with), ("without", &contrast.without)] {
            known("optimiser", [side], &optimisers).map_err(|why| mistake(key, why))?;
        }
        if contrast.with == contrast.without {
            let why = format!(
                "`with` and `without` are both `{}`, whose difference is always 0; allowed: two optimisers",
                contrast.with
            );
            return Err(mistake("without", why));
        }
        for (key, about) in [
            ("environments", &contrast.environments),
            ("less", &contrast.less),
        ] {
            known("environment", about, &known_environments).map_err(|why| mistake(key, why))?;
        }
        let both = |name: &&String| contrast.environments.contains(name);
        if let Some(name) = contrast.less.iter().find(both) {
            let why = format!(
                "environment `{name}` is in both `environments` and `less`; allowed: one of the two"
            );
            return Err(mistake("less", why));
        }
        if !contrast.less.is_empty() && contrast.environments.is_empty() {
            let why =
                "`less` is given without `environments`, from which it is subtracted; give both";
            return Err(mistake("less", why.into()));
        }
        along(top, contrast, &known_environments).map_err(|why| mistake("along", why))?;
    }
    Ok(())
}

/// Why there is no dial for a contrast along a factor, if there is none.
fn along(
    top: &Top,
    contrast: &ContrastTable,
    environments: &[&str],
) -> std::result::Result<(), String> {
    let Some(key) = &contrast.along else {
        return Ok(());
    };
    if !contrast.less.is_empty() {
        return Err("both `along` and `less` are given; allowed: one of the two".into());
    }
    let keys: Vec<&str> = top.factors.iter().map(|one| one.key.as_str()).collect();
    if keys.is_empty() {
        return Err(format!(
            "`{key}` is not a factor, and the experiment has none; `[[factors]]` declares them"
        ));
    }
    known("factor", [key], &keys)?;
    let levels = |name: &str| -> Vec<String> {
        let mut factors = top.factors.iter();
        let its = factors.find(|one| one.key == *key && one.is_for(name));
        its.map_or(Vec::new(), |one| {
            one.values.iter().map(config::plain).collect()
        })
    };
    let named = &contrast.environments;
    let about = environments.iter().filter(|name| match named.is_empty() {
        true => !levels(name).is_empty(),
        false => named.iter().any(|one| one == **name),
    });
    let all: Vec<(&str, Vec<String>)> = about.map(|name| (*name, levels(name))).collect();
    if let Some((name, _)) = all.iter().find(|(_, levels)| levels.len() < 2) {
        return Err(format!(
            "`{key}` has fewer than two levels in `{name}`; a dial needs two or more"
        ));
    }
    let mut pairs = all.windows(2);
    match pairs.find(|pair| pair[0].1 != pair[1].1) {
        Some(pair) => Err(format!(
            "`{key}` has other levels in `{}` than in `{}`; name `environments` with the same levels",
            pair[1].0, pair[0].0
        )),
        None => Ok(()),
    }
}

/// The environments' names.
fn names(environments: &[StudiedEnvironment]) -> Vec<&str> {
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
        Some(name) => Err(unknown(what, name, allowed.iter().copied())),
    }
}

/// An error if one of the tables `[[{what}s]]`, whose names these are, has an empty name or the name of
/// another.
fn unique<'a>(what: &str, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let names: Vec<&str> = names.into_iter().collect();
    let path = |at: usize| format!("{what}s.{}.name", at + 1);
    if let Some(at) = names.iter().position(|name| name.is_empty()) {
        let why = format!("the `name` of one {what} is empty; allowed: any text that is not empty");
        return Err(Mistake::at(path(at), why));
    }
    match repeated(names) {
        None => Ok(()),
        Some((at, name)) => {
            let why =
                format!("there are two {what}s called `{name}`; give one of them another `name`");
            Err(Mistake::at(path(at), why))
        }
    }
}

/// The first of `names` that occurred before, and its position.
pub(super) fn repeated<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    let mut seen = BTreeSet::new();
    let mut numbered = names.into_iter().enumerate();
    numbered.find(|(_, name)| !seen.insert(*name))
}
