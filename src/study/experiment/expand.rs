//! From tables to cells, arms and trials.

use std::{cmp::Ordering, collections::BTreeMap};

use optim::Spec;
use settings::{Table, Value};

use super::{
    check::repeated,
    environment::StudiedEnvironment,
    grid::combinations,
    mistake::Mistake,
    tables::{OptimiserTable, Score, Top},
};
use crate::{
    Error, Result, config,
    numbers::count,
    study::family::{Family, Job, Outcome, Scale},
};

/// An environment at one combination of the factors' levels.
pub struct Cell {
    /// The environment's name.
    pub environment: String,
    /// Each factor's key and level.
    pub levels: Vec<(String, String)>,
    /// The levels as one text, separated by blanks: `agent.buffer_size=1000`.
    pub factors: String,
    /// The environment's rung on the ladder of controls.
    pub rung: String,
    /// The returns that count as 0 and 1 in normalised scores.
    pub scale: Scale,
    /// The seeds of its report stage.
    pub report_seeds: Vec<u64>,
    family: &'static dyn Family,
    settings: Table,
    /// The hyper-parameters that factors set.
    optimiser: Vec<(String, Value)>,
}

/// An optimiser with the settings that can be chosen for it.
pub struct Arm {
    /// Its name.
    pub name: String,
    /// Its trials, in the grid's order.
    pub trials: Vec<Trial>,
    /// Settings of environments that belong to this optimiser.
    set: BTreeMap<String, Value>,
}

/// One setting of a grid.
pub struct Trial {
    /// The optimiser with that setting.
    pub spec: Spec,
    /// The hyper-parameters that are at an end of their grid. A grid of one or two values has no ends.
    pub at_edge: Vec<String>,
    /// The values of the grid's hyper-parameters, in the order of their names.
    pub values: Vec<f64>,
}

impl Cell {
    /// The run of trial number `trial` of `arm` with this seed.
    pub(super) fn job(&self, arm: &Arm, trial: usize, seed: u64) -> Result<Box<dyn Job>> {
        let mut spec = arm.trials[trial].spec.clone();
        for (key, value) in &self.optimiser {
            spec.set(key, value.clone())?;
        }
        let mut settings = self.settings.clone();
        for (key, value) in &arm.set {
            self.family.set(&mut settings, key, value)?;
        }
        self.family.job(&settings, &spec, seed)
    }

    /// The cell's name in messages.
    pub fn label(&self) -> String {
        format!("{} {}", self.environment, self.factors)
            .trim_end()
            .into()
    }

    /// The optimiser of `trial`, with the hyper-parameters that this cell's factors set.
    pub fn setting(&self, trial: &Trial) -> String {
        let mut spec = trial.spec.clone();
        for (key, value) in &self.optimiser {
            // This cannot fail: it worked when the experiment was read.
            let _ = spec.set(key, value.clone());
        }
        spec.to_string()
    }
}

impl Score {
    /// The score of a run: 0 for chance, 1 for a good agent.
    pub fn of(self, outcome: &Outcome, scale: Scale) -> f64 {
        let raw = match self {
            Score::Area => area(outcome),
            Score::Final => outcome.last,
        };
        scale.normalised(raw)
    }
}

/// The mean of the evaluations.
pub fn area(outcome: &Outcome) -> f64 {
    outcome.area
}

/// The optimisers with their trials; an error if their grids differ in size.
pub(super) fn arms(top: &Top) -> std::result::Result<Vec<Arm>, Mistake> {
    let mut arms: Vec<Arm> = Vec::new();
    for (table, place) in top.optimisers.iter().zip(1..) {
        let mistake = |error: Error| {
            let why = format!("optimiser `{}`: {error}", table.name);
            Mistake::at(format!("optimisers.{place}"), why)
        };
        arms.push(Arm {
            name: table.name.clone(),
            trials: trials(table).map_err(mistake)?,
            set: table.set.clone(),
        });
    }
    let mut tuned = arms.iter().zip(1..).filter(|(arm, _)| arm.is_tuned());
    if let Some((first, _)) = tuned.next()
        && let Some((other, place)) = tuned.find(|(arm, _)| arm.trials.len() != first.trials.len())
    {
        let why = format!(
            "optimiser `{}` has {} and `{}` has {}; each must have the same tuning budget",
            first.name,
            count(first.trials.len(), "trial"),
            other.name,
            count(other.trials.len(), "trial")
        );
        return Err(Mistake::at(format!("optimisers.{place}.grid"), why));
    }
    Ok(arms)
}

/// More trials of an optimiser, or more cells, than this are taken for a typing error.
const MOST_COMBINATIONS: usize = 100_000;

/// An error if there are more combinations of so many values each than [`MOST_COMBINATIONS`].
fn check_combinations(what: &str, each: impl Iterator<Item = usize>) -> Result<()> {
    let all = each.fold(1, usize::saturating_mul);
    match all > MOST_COMBINATIONS {
        true => Err(Error::usage(format!(
            "{what} has {all} combinations; allowed: at most {MOST_COMBINATIONS}"
        ))),
        false => Ok(()),
    }
}

/// A trial for each combination of the grid's values.
fn trials(table: &OptimiserTable) -> Result<Vec<Trial>> {
    let what = format!("the grid of `{}`", table.name);
    check_combinations(&what, table.grid.values().map(|values| values.0.len()))?;
    let base = table.optimiser.parse::<Spec>()?;
    let trial = |setting: Vec<(&str, Value)>| {
        let mut spec = base.clone();
        let (mut at_edge, mut values) = (Vec::new(), Vec::new());
        for (key, value) in setting {
            values.extend(value.as_number());
            spec.set(key, value.clone())?;
            if at_end(&table.grid[key].0, value) {
                at_edge.push(key.to_owned());
            }
        }
        spec.rule()?;
        Ok(Trial {
            spec,
            at_edge,
            values,
        })
    };
    combinations(&table.grid).into_iter().map(trial).collect()
}

/// Whether `value` is the smallest or the largest of `values`. With fewer than three values every
/// value would be, so none counts.
fn at_end(values: &[f64], value: Value) -> bool {
    let least = values.iter().copied().reduce(f64::min);
    let greatest = values.iter().copied().reduce(f64::max);
    let ends = [least, greatest].map(|end| end.map(Value::Number));
    values.len() >= 3 && ends.contains(&Some(value))
}

impl Arm {
    /// The numbers of its trials in the order of preference among equally good ones: first those with the fewest
    /// diverged runs, then those with the smallest values. It does not depend on the order of the grid. `diverged`
    /// has the number of diverged runs of each trial.
    pub fn preferred(&self, diverged: &[usize]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.trials.len()).collect();
        order.sort_by(|&a, &b| {
            let values = |trial: usize| &self.trials[trial].values;
            let smaller = || values(a).partial_cmp(values(b)).unwrap_or(Ordering::Equal);
            diverged[a].cmp(&diverged[b]).then_with(smaller)
        });
        order
    }

    /// Whether there is anything to choose.
    pub fn is_tuned(&self) -> bool {
        self.trials.len() > 1
    }
}

/// Every environment at every combination of the levels of its factors.
pub(super) fn cells(
    top: &Top,
    environments: &[StudiedEnvironment],
) -> std::result::Result<Vec<Cell>, Mistake> {
    let mut cells = Vec::new();
    for (environment, place) in environments.iter().zip(1..) {
        let mistake = |error: Error| {
            let why = format!("environment `{}`: {error}", environment.name);
            Mistake::at(format!("environments.{place}"), why)
        };
        let factors = top
            .factors
            .iter()
            .filter(|one| one.is_for(&environment.name));
        check_combinations("the factors", factors.map(|one| one.values.len())).map_err(mistake)?;
        for level in levels(top, environment) {
            cells.push(cell(top, environment, &level).map_err(mistake)?);
        }
    }
    let labels: Vec<String> = cells.iter().map(Cell::label).collect();
    if let Some((at, label)) = repeated(labels.iter().map(String::as_str)) {
        let why = format!(
            "two environments are called `{label}` with their factors; allowed: names that tell all of them apart \
             (here `{}`)",
            cells[at].environment
        );
        return Err(Mistake::at("environments", why));
    }
    Ok(cells)
}

/// `environment` with each of these keys set to its level.
fn cell(top: &Top, environment: &StudiedEnvironment, level: &[(&str, &Value)]) -> Result<Cell> {
    let (mut settings, mut optimiser) = (environment.settings.clone(), Vec::new());
    for (key, value) in level {
        match key.strip_prefix("optimiser.") {
            Some(key) => optimiser.push((key.into(), hyper_parameter(key, value)?)),
            None => environment.family.set(&mut settings, key, value)?,
        }
    }
    // Levels that are not allowed are reported with their runs.
    let settings_of_scale = match environment.family.title(&settings) {
        Ok(_) => &settings,
        Err(_) => &environment.settings,
    };
    let known = environment.family.scale(settings_of_scale);
    let random = environment.scale.0.or(known.map(|scale| scale.random));
    let reference = environment.scale.1.or(known.map(|scale| scale.reference));
    let (Some(random), Some(reference)) = (random, reference) else {
        return Err(Error::usage(
            "the returns of chance and of a good agent are not known; give `random` and `reference`",
        ));
    };
    if reference <= random {
        return Err(Error::usage(format!(
            "random = {random}, reference = {reference} is not allowed; allowed: reference above random"
        )));
    }
    let text = |(key, value): &(&str, &Value)| ((*key).to_owned(), config::plain(value));
    let levels: Vec<(String, String)> = level.iter().map(text).collect();
    let joined = levels.iter().map(|(key, value)| format!("{key}={value}"));
    Ok(Cell {
        environment: environment.name.clone(),
        rung: environment.rung.clone(),
        factors: joined.collect::<Vec<_>>().join(" "),
        levels,
        scale: Scale { random, reference },
        report_seeds: environment.report_seeds(top).to_vec(),
        family: environment.family,
        settings,
        optimiser,
    })
}

/// Every combination of the levels of the factors that `environment` has.
fn levels<'a>(top: &'a Top, environment: &StudiedEnvironment) -> Vec<Vec<(&'a str, &'a Value)>> {
    let mut levels = vec![Vec::new()];
    for factor in top
        .factors
        .iter()
        .filter(|factor| factor.is_for(&environment.name))
    {
        let longer = |one: &Vec<(_, _)>| {
            let with = |value| [&one[..], &[(factor.key.as_str(), value)]].concat();
            factor.values.iter().map(with).collect::<Vec<_>>()
        };
        levels = levels.iter().flat_map(longer).collect();
    }
    levels
}

/// The level of a factor `optimiser.{key}`.
fn hyper_parameter(key: &str, value: &Value) -> Result<Value> {
    match value {
        Value::Whole(x) => Ok(Value::Number(*x as f64)),
        Value::Number(_) | Value::Flag(_) => Ok(value.clone()),
        other => Err(Error::usage(format!(
            "factor `optimiser.{key}`: {other} is not allowed; allowed: numbers, true and false"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use settings::Settings;

    use super::*;
    use crate::config::TomlDocument;

    #[test]
    fn ends_of_a_grid_are_its_extreme_values_and_not_its_first_and_last() {
        let document = TomlDocument::parse(
            r#"
question = ""
hypothesis = ""
analysis = ""
environments = []
[seeds]
tuning = [1]
report = [2]
[[optimisers]]
name = "adam"
optimiser = "adam"
grid = { lr = [1e-3, 1e-2, 1e-4], beta1 = [0.9, 0.0] }
"#,
        );
        let top = Top::from_table(&document.unwrap().table).unwrap();
        let arms = arms(&top).unwrap_or_default();
        let trials = arms[0].trials.iter();
        let edges: Vec<bool> = trials.map(|trial| !trial.at_edge.is_empty()).collect();
        // beta1 does not count, because it has two values. lr varies fastest.
        assert_eq!(edges, [false, true, true, false, true, true]);
    }
}
