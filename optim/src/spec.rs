//! An optimiser as people write it: a name and the hyper-parameters that they set.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer, ser::SerializeMap};
use settings::{Table, Value, unknown};

use crate::{
    AnyRule, Entry, Error, EvaluationWeights, MomentumState, OptimiserSettings, Restart, Result,
    StepBound, entry::AnySettings, published, registry,
};

/// An optimiser with a value for each of its hyper-parameters.
///
/// It is read from text such as `adam:lr=3e-4,beta1=0` or made from typed settings:
///
/// ```
/// use optim::{Adam, Spec};
///
/// let typed: Spec = Adam { lr: 3e-4, beta1: 0.0, ..Adam::default() }.into();
/// let read: Spec = "adam:lr=3e-4,beta1=0".parse()?;
/// assert_eq!(typed, read);
/// # Ok::<(), optim::Error>(())
/// ```
pub struct Spec {
    entry: &'static Entry,
    settings: Box<dyn AnySettings>,
    /// The hyper-parameters that were set explicitly.
    set: Vec<&'static str>,
}

impl Spec {
    /// The optimiser called `name` with its defaults, or the published setting of that name.
    pub fn new(name: &str) -> Result<Self> {
        let entries = registry();
        if let Some(entry) = entries.iter().find(|entry| entry.name == name) {
            return Ok(Self::of(entry));
        }
        match published().iter().find(|known| known.name == name) {
            Some(known) => known.setting.parse(),
            None => {
                let names = entries.iter().map(|entry| entry.name);
                let names = names.chain(published().iter().map(|known| known.name));
                Err(Error::usage(unknown("optimiser", name, names)))
            }
        }
    }

    /// The optimiser of `entry` with its defaults.
    pub fn of(entry: &'static Entry) -> Self {
        Self {
            entry,
            settings: (entry.default)(),
            set: Vec::new(),
        }
    }

    /// The optimiser's description of itself.
    pub fn entry(&self) -> &'static Entry {
        self.entry
    }

    /// The typed settings, if they are of type `T`.
    pub fn settings<T: OptimiserSettings>(&self) -> Option<&T> {
        self.settings.as_any().downcast_ref()
    }

    /// Sets `key`, which must be one of the optimiser's hyper-parameters; `value` must be allowed for
    /// it.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) -> Result<()> {
        let done = self.settings.set(key, &value.into());
        self.now_set(key, done)
    }

    /// Sets `key` from text.
    pub fn set_text(&mut self, key: &str, text: &str) -> Result<()> {
        let done = self.settings.set_text(key, text);
        self.now_set(key, done)
    }

    fn now_set(&mut self, key: &str, done: std::result::Result<(), settings::Error>) -> Result<()> {
        done.map_err(|error| self.refused(error))?;
        let names = self.entry.params.iter().map(|param| param.name);
        for name in names.filter(|name| *name == key) {
            self.set.retain(|known| *known != name);
            self.set.push(name);
        }
        Ok(())
    }

    fn refused(&self, error: settings::Error) -> Error {
        let name = self.entry.name;
        Error::usage(match error {
            settings::Error::Unknown { path, known, .. } => {
                let known = known.iter().map(String::as_str);
                unknown(&format!("{name} hyper-parameter"), &path, known)
            }
            error => format!("{name}: {error}"),
        })
    }

    /// Whether `key` was set explicitly.
    pub fn is_set(&self, key: &str) -> bool {
        self.set.contains(&key)
    }

    /// The value of the hyper-parameter `key`, if there is one.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.settings.get(key)
    }

    /// The number that the hyper-parameter `key` is set to, if it is a number.
    pub fn number(&self, key: &str) -> Option<f64> {
        self.get(key)?.as_number()
    }

    /// The learning rate; NaN if there is none, but every optimiser in the registry has one.
    pub fn lr(&self) -> f64 {
        self.number("lr").unwrap_or(f64::NAN)
    }

    /// Every hyper-parameter, defaults included, in the order of declaration.
    pub fn values(&self) -> Table {
        let names = self.entry.params.iter().map(|param| param.name);
        let values = names.filter_map(|name| Some((name, self.get(name)?)));
        values.collect()
    }

    /// The rule with these values, whatever f32 makes of them.
    pub(crate) fn plain_rule(&self) -> Result<Box<dyn AnyRule>> {
        self.settings
            .check_ranges()
            .map_err(|error| self.refused(error))?;
        let rule = if self.is_on("restart_t") && self.is_on("reset_moments") {
            Err("reset_moments also restarts t; choose either it or restart_t".into())
        } else {
            self.settings.rule()
        };
        rule.map_err(|why| Error::usage(format!("optimiser `{self}`: {why}")))
    }

    /// What an update of the target network restarts.
    pub fn restart(&self) -> Restart {
        if self.is_on("reset_moments") {
            Restart::State
        } else if self.is_on("restart_t") {
            Restart::Time
        } else {
            Restart::Nothing
        }
    }

    /// Its momentum, if it has any.
    pub fn momentum(&self) -> Option<MomentumState> {
        self.settings.momentum()
    }

    /// The weights to evaluate with, if they are not those that are stepped.
    pub fn evaluation(&self) -> Option<EvaluationWeights> {
        self.settings.evaluation()
    }

    /// What keeps its step from overshooting, if anything does.
    pub fn bound(&self) -> Option<StepBound> {
        self.settings.bound()
    }

    fn is_on(&self, flag: &str) -> bool {
        self.get(flag) == Some(Value::Flag(true))
    }

    /// A table of the name and every value, defaults included.
    pub fn to_table(&self) -> Table {
        let mut table = Table::new();
        table.insert("name", self.entry.name);
        table.extend(self.values());
        table
    }

    /// Reads a table of the name and any values.
    pub fn from_table(table: &Table) -> Result<Self> {
        let name = table
            .get("name")
            .ok_or_else(|| Error::usage("the optimiser has no `name`"))?;
        let mut spec = Self::new(&name.plain())?;
        for (key, value) in table.iter().filter(|(key, _)| *key != "name") {
            spec.set(key, value.clone())?;
        }
        Ok(spec)
    }

    /// Reads what comes after the name: `key=value,key=value`.
    pub(crate) fn set_all(&mut self, settings: &str) -> Result<()> {
        let name = self.entry.name;
        let mut seen = Vec::new();
        for setting in settings.split(',').filter(|s| !s.trim().is_empty()) {
            let (key, value) = setting.split_once('=').ok_or_else(|| {
                Error::usage(format!(
                    "optimiser setting `{setting}` is not `key=value`; write for example {name}:lr=3e-4"
                ))
            })?;
            let key = key.trim();
            if seen.contains(&key) {
                return Err(Error::usage(format!("{name}: `{key}` is set twice")));
            }
            seen.push(key);
            self.set_text(key, value.trim())?;
        }
        Ok(())
    }
}

/// Every value counts as set explicitly, including the lr.
impl<T: OptimiserSettings> From<T> for Spec {
    fn from(settings: T) -> Self {
        let entry = Entry::of::<T>();
        Self {
            entry,
            settings: Box::new(settings),
            set: entry.params.iter().map(|param| param.name).collect(),
        }
    }
}

impl From<&Spec> for Spec {
    fn from(spec: &Spec) -> Self {
        spec.clone()
    }
}

impl Clone for Spec {
    fn clone(&self) -> Self {
        Self {
            entry: self.entry,
            settings: self.settings.boxed(),
            set: self.set.clone(),
        }
    }
}

/// Equal if the optimiser and all values are the same, however they were given.
impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.entry.type_id == other.entry.type_id && self.values() == other.values()
    }
}

impl FromStr for Spec {
    type Err = Error;

    /// Reads `name` or `name:key=value,key=value`.
    fn from_str(text: &str) -> Result<Self> {
        let (name, settings) = text.split_once(':').unwrap_or((text, ""));
        let mut spec = Self::new(name.trim())?;
        spec.set_all(settings)?;
        Ok(spec)
    }
}

/// The canonical text of these values: in the order of declaration and without those at their defaults,
/// except for an lr that was set.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry.name)?;
        let mut separator = ':';
        for param in self.entry.params {
            let value = self.get(param.name);
            let lr_set = param.name == "lr" && self.is_set("lr");
            if let Some(plain) = value.as_ref().map(Value::plain)
                && (value != param.default || lr_set)
            {
                write!(f, "{separator}{}={plain}", param.name)?;
                separator = ',';
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spec({self})")
    }
}

impl Serialize for Spec {
    /// Serialises [`to_table`](Spec::to_table).
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.to_table().iter() {
            match value {
                Value::Flag(flag) => map.serialize_entry(key, flag)?,
                Value::Whole(number) => map.serialize_entry(key, number)?,
                Value::Number(number) => map.serialize_entry(key, number)?,
                other => map.serialize_entry(key, &other.plain())?,
            }
        }
        map.end()
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        text.parse::<Spec>().unwrap_err().to_string()
    }

    #[test]
    fn reads_what_it_writes() {
        for entry in registry() {
            for variant in entry.variants {
                let spec: Spec = variant.parse().unwrap();
                let again: Spec = spec.to_string().parse().unwrap();
                assert_eq!(spec.values(), again.values(), "{variant}");
                assert_eq!(spec.entry().name, entry.name);
                spec.rule().unwrap();
            }
        }
    }

    #[test]
    fn the_same_values_are_written_the_same() {
        let written = |text: &str| text.parse::<Spec>().unwrap().to_string();
        assert_eq!(
            written("adam:beta1=0.9,lr=1e-4,maximize=false"),
            "adam:lr=1e-4"
        );
        assert_eq!(written("adam:eps=1,beta1=0"), written("adam:beta1=0,eps=1"));
        assert_eq!(written("adam:lr=0.001"), "adam:lr=0.001");
        assert_eq!(written("adam"), "adam");
    }

    #[test]
    fn says_what_is_allowed() {
        assert!(error("adm").contains("did you mean `adam`?"));
        assert!(error("adam:beta=0.9").contains("did you mean `beta1`?"));
        assert!(error("adam:beta1=1").contains("allowed: 0 <= x < 1"));
        assert!(error("adam:lr=-1").contains("allowed: a finite number >= 0"));
        assert!(error("adam:lr=nan").contains("allowed: a finite number >= 0"));
        assert!(error("adam:lr=fast").contains("lr = fast is not allowed"));
        assert!(error("adam:maximize=1").contains("allowed: true or false"));
        assert!(error("adam:lr").contains("is not `key=value`"));
        assert!(error("adam:lr=1,lr=2").contains("set twice"));
    }

    #[test]
    fn refuses_values_that_do_not_go_together() {
        let rule = |text: &str| {
            let error = text.parse::<Spec>().unwrap().rule().err().unwrap();
            error.to_string()
        };
        assert!(rule("sgd:nesterov=true").contains("momentum > 0"));
        assert!(rule("momentum:averaged=true,dampening=0.1").contains("dampening at 0"));
        assert!(rule("rmsprop:v0=1,bias_correction=true").contains("v0 at 0"));
        assert!(rule("adam:restart_t=true,reset_moments=true").contains("choose either"));
        assert!(rule("rmsprop:centered=true,bias_correction=true").contains("choose one"));
    }
}
