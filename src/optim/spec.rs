//! An optimiser as people write it: a name and the hyper-parameters they set.

use std::{fmt, str::FromStr};

use super::{AnyRule, Entry, Param, Restart, Value, Values, published, registry};
use crate::{Error, Result, suggest};

/// An optimiser's name and the values set by hand; whatever is not set keeps its default.
#[derive(Clone)]
pub struct Spec {
    entry: &'static Entry,
    given: Vec<(&'static str, Value)>,
}

/// What an optimiser steps along in place of the gradient: a decaying sum of all so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Momentum {
    /// The state that holds it.
    pub state: &'static str,
    /// How much of it a step keeps.
    pub beta: f64,
}

/// The names that rules have for that state.
const MOMENTA: [&str; 3] = ["m", "b", "velocity"];

impl Spec {
    /// The optimiser called `name` with its defaults, or the preset of that name.
    pub fn new(name: &str) -> Result<Self> {
        if let Some(entry) = registry().iter().find(|entry| entry.name == name) {
            let given = Vec::new();
            return Ok(Self { entry, given });
        }
        match published().iter().find(|known| known.name == name) {
            Some(known) => known.setting.parse(),
            None => {
                let names = registry().iter().map(|entry| entry.name);
                let names = names.chain(published().iter().map(|known| known.name));
                Err(Error::usage(suggest::unknown("optimiser", name, names)))
            }
        }
    }

    /// Its entry in the registry.
    pub fn entry(&self) -> &'static Entry {
        self.entry
    }

    /// Sets `key`; it must be one of the optimiser's own and `value` allowed for it.
    pub fn set(&mut self, key: &str, value: Value) -> Result<()> {
        let param = self.param(key)?;
        if !param.domain.contains(value) {
            return Err(self.out_of_range(param, &value.to_string()));
        }
        self.given.retain(|(name, _)| *name != param.name);
        self.given.push((param.name, value));
        Ok(())
    }

    /// Sets `key` from text.
    pub fn set_text(&mut self, key: &str, text: &str) -> Result<()> {
        let param = self.param(key)?;
        let value = match param.default {
            Value::Number(_) => text.parse().ok().map(Value::Number),
            Value::Flag(_) => text.parse().ok().map(Value::Flag),
        };
        let value = value.ok_or_else(|| self.out_of_range(param, text))?;
        self.set(key, value)
    }

    /// Whether `key` was set by hand.
    pub fn is_set(&self, key: &str) -> bool {
        self.given.iter().any(|(name, _)| *name == key)
    }

    /// Every hyper-parameter, defaults included.
    pub fn values(&self) -> Values {
        let value = |param: &Param| {
            let given = self.given.iter().find(|(name, _)| *name == param.name);
            (param.name, given.map_or(param.default, |(_, value)| *value))
        };
        Values(self.entry.params.iter().map(value).collect())
    }

    /// The value of `key`, which must be a number of this optimiser.
    pub fn number(&self, key: &str) -> f64 {
        self.values().number(key)
    }

    /// The rule with these values, if they go together.
    pub fn rule(&self) -> Result<Box<dyn AnyRule>> {
        let values = self.values();
        let rule = if values.is_on("restart_t") && values.is_on("reset_moments") {
            Err("reset_moments restarts t too; choose one of it and restart_t".into())
        } else {
            (self.entry.build)(&values)
        };
        rule.map_err(|why| Error::usage(format!("optimiser `{self}`: {why}")))
    }

    /// What an update of the target network starts afresh.
    pub fn restart(&self) -> Restart {
        let values = self.values();
        if values.is_on("reset_moments") {
            Restart::State
        } else if values.is_on("restart_t") {
            Restart::Time
        } else {
            Restart::Nothing
        }
    }

    /// Its momentum, if it has any.
    pub fn momentum(&self) -> Option<Momentum> {
        let beta = self.number(self.entry.momentum?);
        let states = self.rule().ok()?.state_names();
        let state = states.iter().find(|name| MOMENTA.contains(name))?;
        (beta > 0.0).then_some(Momentum { state, beta })
    }

    fn param(&self, key: &str) -> Result<&'static Param> {
        let params = self.entry.params;
        params
            .iter()
            .find(|param| param.name == key)
            .ok_or_else(|| {
                let what = format!("{} hyper-parameter", self.entry.name);
                let names = params.iter().map(|param| param.name);
                Error::usage(suggest::unknown(&what, key, names))
            })
    }

    fn out_of_range(&self, param: &Param, text: &str) -> Error {
        let (name, allowed) = (self.entry.name, param.domain.describe());
        Error::usage(format!(
            "{name}: {} = {text} is not allowed; allowed: {allowed}",
            param.name
        ))
    }
}

impl FromStr for Spec {
    type Err = Error;

    /// Reads `name` or `name:key=value,key=value`.
    fn from_str(text: &str) -> Result<Self> {
        let (name, settings) = text.split_once(':').unwrap_or((text, ""));
        let mut spec = Self::new(name.trim())?;
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
            spec.set_text(key, value.trim())?;
        }
        Ok(spec)
    }
}

/// The one way to write these values: in the order of declaration, what is at its default left
/// out (but for an lr that was set), however they were given.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry.name)?;
        let mut separator = ':';
        for (param, (key, value)) in self.entry.params.iter().zip(self.values().iter()) {
            if value != param.default || (key == "lr" && self.is_set(key)) {
                write!(f, "{separator}{key}={value}")?;
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
        assert!(rule("adam:restart_t=true,reset_moments=true").contains("choose one"));
        assert!(rule("rmsprop:centered=true,bias_correction=true").contains("choose one"));
    }
}
