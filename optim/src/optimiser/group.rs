use std::fmt;

use super::{GroupRule, Optimiser, check_lr};
use crate::{AnyRule, Error, Result, Spec};

/// Parameters that are stepped with their own lr or weight decay.
///
/// ```
/// use optim::Group;
///
/// let biases = Group {
///     parameters: vec!["layer1.bias".into(), "layer2.bias".into()],
///     weight_decay: Some(0.0),
///     ..Group::new("biases")
/// };
/// assert_eq!(biases.lr, None);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// A name, unique within an optimiser.
    pub name: String,
    /// The names of its parameters.
    pub parameters: Vec<String>,
    /// Its lr; `None` uses the optimiser's.
    pub lr: Option<f64>,
    /// Its weight decay; `None` uses the optimiser's.
    pub weight_decay: Option<f64>,
}

impl Group {
    /// A group of no parameters, with no values of its own.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            parameters: Vec::new(),
            lr: None,
            weight_decay: None,
        }
    }

    /// `spec` with this group's changes.
    fn apply(&self, spec: &Spec) -> Result<Spec> {
        let mut spec = spec.clone();
        let own = [("lr", self.lr), ("weight_decay", self.weight_decay)];
        for (key, value) in own {
            if let Some(value) = value {
                let set = spec.set(key, value);
                set.map_err(|error| Error::usage(format!("group `{}`: {error}", self.name)))?;
            }
        }
        Ok(spec)
    }

    /// How this group's parameters are stepped for an agent of `spec`, whose own rule is `base`.
    fn rule(&self, spec: &Spec, base: &dyn AnyRule) -> Result<GroupRule> {
        let spec = self.apply(spec)?;
        let (rule, lr) = (spec.rule()?, spec.lr());
        check_lr(lr)?;
        match rule.arithmetic() == base.arithmetic() {
            true => Ok(GroupRule { rule, lr }),
            false => Err(Error::usage(format!(
                "group `{}`: `{spec}` has different terms from the rule of the other parameters; a group may differ from \
                 it only in numbers",
                self.name
            ))),
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group {}", self.name)?;
        let own = [("lr", self.lr), ("weight_decay", self.weight_decay)];
        for (key, value) in own {
            if let Some(value) = value {
                write!(f, " {key}={value}")?;
            }
        }
        write!(f, " of {}", self.parameters.join(", "))
    }
}

impl Optimiser {
    /// Adds a group of parameters with their own lr or weight decay, for all agents.
    ///
    /// # Errors
    /// If the group's name is taken, if a parameter does not exist or is already in a group, or if a
    /// value is not allowed for the optimiser.
    pub fn group(mut self, mut group: Group) -> Result<Self> {
        let name = &group.name;
        if self.groups.iter().any(|known| known.name == *name) {
            return Err(Error::usage(format!("two groups are called `{name}`")));
        }
        // The order of the names must not matter in the file.
        group.parameters.sort_unstable();
        group.parameters.dedup();
        if self.agents[0].rule().states_of_agent() > 0 {
            return Err(Error::usage(format!(
                "group `{name}`: `{}` sees all parameters at once; allowed: no groups",
                self.agents[0].spec
            )));
        }
        let number = self.groups.len() + 1;
        for parameter in &group.parameters {
            let mut slots = self.slots.iter_mut();
            let Some(slot) = slots.find(|slot| slot.parameter.name == *parameter) else {
                let names = self.slots.iter().map(|slot| slot.parameter.name.as_str());
                let unknown = settings::unknown("parameter", parameter, names);
                return Err(Error::usage(format!("group `{name}`: {unknown}")));
            };
            if slot.group != 0 {
                let other = &self.groups[slot.group - 1].name;
                return Err(Error::usage(format!(
                    "parameter `{parameter}` is in the groups `{other}` and `{name}`; allowed: one"
                )));
            }
            slot.group = number;
        }
        for agent in &mut self.agents {
            let rule = group.rule(&agent.spec, agent.rule())?;
            agent.rules.push(rule);
        }
        self.groups.push(group);
        self.check_saved_names()?;
        Ok(self)
    }

    /// Sets the lr of the group called `name` for every agent; the group must have its own lr.
    pub fn set_group_lr(&mut self, name: &str, lr: f64) -> Result<()> {
        check_lr(lr)?;
        let Some(i) = self.groups.iter().position(|group| group.name == name) else {
            let names = self.groups.iter().map(|group| group.name.as_str());
            return Err(Error::usage(settings::unknown("group", name, names)));
        };
        if self.groups[i].lr.is_none() {
            return Err(Error::usage(format!(
                "group `{name}` has no lr of its own; make it with one, or use set_lr"
            )));
        }
        for agent in &mut self.agents {
            agent.rules[i + 1].lr = lr;
        }
        Ok(())
    }
}
