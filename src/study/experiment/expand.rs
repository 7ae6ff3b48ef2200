//! From tables to cells, arms and trials.

use super::{
    environment::Environment,
    grid::combinations,
    tables::{Score, Top},
};
use optim::{Spec, Value};

use crate::{
    Error, Result,
    study::{
        kind::{Job, Kind, Outcome, Scale},
        merge,
    },
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
    /// The returns that normalised scores call 0 and 1.
    pub scale: Scale,
    /// The seeds of its report stage.
    pub report_seeds: Vec<u64>,
    kind: &'static dyn Kind,
    settings: toml::Table,
    /// The hyper-parameters that factors set.
    optimiser: Vec<(String, Value)>,
}

/// An optimiser with the settings it may be given.
pub struct Arm {
    /// What it is called.
    pub name: String,
    /// Its trials, in the grid's order.
    pub trials: Vec<Trial>,
    /// The settings of environments that it brings along.
    set: toml::Table,
}

/// One setting of a grid.
pub struct Trial {
    /// The optimiser with that setting.
    pub spec: Spec,
    /// The hyper-parameters that are at an end of their grid. A grid of one or two values has no ends.
    pub at_edge: Vec<String>,
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
            self.kind.set(&mut settings, key, value)?;
        }
        self.kind.job(&settings, &spec, seed)
    }

    /// What the cell is called in messages.
    pub fn label(&self) -> String {
        format!("{} {}", self.environment, self.factors)
            .trim_end()
            .into()
    }

    /// The optimiser of `trial`, with what this cell's factors set.
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
        (raw - scale.random) / (scale.reference - scale.random)
    }
}

/// The mean of the evaluations.
pub fn area(outcome: &Outcome) -> f64 {
    let sum: f64 = outcome.curve.iter().map(|(_, score)| score).sum();
    sum / outcome.curve.len() as f64
}

/// The optimisers with their trials; an error if their grids differ in size.
pub(super) fn arms(top: &Top) -> Result<Vec<Arm>> {
    let mut arms: Vec<Arm> = Vec::new();
    for table in &top.optimisers {
        let within = |error: Error| Error::usage(format!("optimiser `{}`: {error}", table.name));
        let base = table.optimiser.parse::<Spec>();
        let base = base.map_err(|error| within(error.into()))?;
        let trial = |setting: Vec<(&str, Value)>| {
            let mut spec = base.clone();
            let mut at_edge = Vec::new();
            for (key, value) in setting {
                spec.set(key, value.clone())?;
                if at_end(&table.grid[key].0, value) {
                    at_edge.push(key.to_owned());
                }
            }
            spec.rule()?;
            Ok(Trial { spec, at_edge })
        };
        let trials: Result<Vec<Trial>> = combinations(&table.grid).into_iter().map(trial).collect();
        arms.push(Arm {
            name: table.name.clone(),
            trials: trials.map_err(within)?,
            set: table.set.clone(),
        });
    }
    let mut tuned = arms.iter().filter(|arm| arm.is_tuned());
    if let Some(first) = tuned.next()
        && let Some(other) = tuned.find(|arm| arm.trials.len() != first.trials.len())
    {
        return Err(Error::usage(format!(
            "optimiser `{}` has {} trials and `{}` has {}; each must have the same tuning budget",
            first.name,
            first.trials.len(),
            other.name,
            other.trials.len()
        )));
    }
    Ok(arms)
}

/// Whether `value` is the least or the greatest of `values`. With fewer than three values each would be, so none is.
fn at_end(values: &[f64], value: Value) -> bool {
    let least = values.iter().copied().reduce(f64::min);
    let greatest = values.iter().copied().reduce(f64::max);
    let ends = [least, greatest].map(|end| end.map(Value::Number));
    values.len() >= 3 && ends.contains(&Some(value))
}

impl Arm {
    /// Whether there is anything to choose.
    pub fn is_tuned(&self) -> bool {
        self.trials.len() > 1
    }
}

/// Every environment at every combination of the levels of its factors.
pub(super) fn cells(top: &Top, environments: &[Environment]) -> Result<Vec<Cell>> {
    let cell = |environment: &Environment, level: &[(&str, &toml::Value)]| {
        let within =
            |error: Error| Error::usage(format!("environment `{}`: {error}", environment.name));
        let known = environment.kind.scale(&environment.settings);
        let random = environment.scale.0.or(known.map(|scale| scale.random));
        let reference = environment.scale.1.or(known.map(|scale| scale.reference));
        let (Some(random), Some(reference)) = (random, reference) else {
            return Err(within(Error::usage(
                "the returns of chance and of a good agent are not known; give `random` and `reference`",
            )));
        };
        if !(random.is_finite() && reference.is_finite() && reference > random) {
            return Err(within(Error::usage(format!(
                "random = {random}, reference = {reference} is not allowed; allowed: finite numbers, with reference above random"
            ))));
        }
        let (mut settings, mut optimiser) = (environment.settings.clone(), Vec::new());
        for (key, value) in level {
            match key.strip_prefix("optimiser.") {
                Some(key) => optimiser.push((key.into(), number(key, value).map_err(within)?)),
                None => environment
                    .kind
                    .set(&mut settings, key, value)
                    .map_err(within)?,
            }
        }
        let text = |(key, value): &(&str, &toml::Value)| ((*key).to_owned(), merge::text(value));
        let levels: Vec<(String, String)> = level.iter().map(text).collect();
        let joined = levels.iter().map(|(key, value)| format!("{key}={value}"));
        Ok(Cell {
            environment: environment.name.clone(),
            rung: environment.rung.clone(),
            factors: joined.collect::<Vec<_>>().join(" "),
            levels,
            scale: Scale { random, reference },
            report_seeds: environment.report_seeds(top).to_vec(),
            kind: environment.kind,
            settings,
            optimiser,
        })
    };
    let each = |environment| {
        levels(top, environment)
            .into_iter()
            .map(move |level| cell(environment, &level))
    };
    environments.iter().flat_map(each).collect()
}

/// Every combination of the levels of the factors that `environment` has.
fn levels<'a>(top: &'a Top, environment: &Environment) -> Vec<Vec<(&'a str, &'a toml::Value)>> {
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

fn number(key: &str, value: &toml::Value) -> Result<Value> {
    match value {
        toml::Value::Integer(x) => Ok(Value::Number(*x as f64)),
        toml::Value::Float(x) => Ok(Value::Number(*x)),
        toml::Value::Boolean(x) => Ok(Value::Flag(*x)),
        other => Err(Error::usage(format!(
            "factor `optimiser.{key}`: {other} is not allowed; allowed: numbers, true and false"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_a_grid_are_its_extreme_values_and_not_its_first_and_last() {
        let top = toml::from_str(
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
        let arms = arms(&top.unwrap()).unwrap();
        let trials = arms[0].trials.iter();
        let edges: Vec<bool> = trials.map(|trial| !trial.at_edge.is_empty()).collect();
        // beta1 does not count, because it has two values. lr varies fastest.
        assert_eq!(edges, [false, true, true, false, true, true]);
    }
}
