//! Hyper-parameters: declared by each optimiser, checked here, read from `name:key=value,...` or TOML.

use std::fmt;

/// A hyper-parameter's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Flag(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Debug prints the shortest decimal that reads back to the same number.
            Value::Number(x) if *x != 0.0 && (x.abs() < 1e-3 || x.abs() >= 1e6) => {
                write!(f, "{x:e}")
            }
            Value::Number(x) => write!(f, "{x}"),
            Value::Flag(x) => write!(f, "{x}"),
        }
    }
}

/// The values a hyper-parameter may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// `x >= 0`.
    NonNegative,
    /// `x > 0`.
    Positive,
    /// `0 <= x < 1`.
    Fraction,
    /// `0 <= x <= 1`.
    ClosedFraction,
    /// `true` or `false`.
    Flag,
}

impl Domain {
    /// Whether `value` is allowed.
    pub fn contains(self, value: Value) -> bool {
        match (self, value) {
            (Domain::Flag, Value::Flag(_)) => true,
            (Domain::NonNegative, Value::Number(x)) => x.is_finite() && x >= 0.0,
            (Domain::Positive, Value::Number(x)) => x.is_finite() && x > 0.0,
            (Domain::Fraction, Value::Number(x)) => (0.0..1.0).contains(&x),
            (Domain::ClosedFraction, Value::Number(x)) => (0.0..=1.0).contains(&x),
            _ => false,
        }
    }

    /// The allowed values, in words that follow "allowed:".
    pub fn describe(self) -> &'static str {
        match self {
            Domain::NonNegative => "a finite number >= 0",
            Domain::Positive => "a finite number > 0",
            Domain::Fraction => "0 <= x < 1",
            Domain::ClosedFraction => "0 <= x <= 1",
            Domain::Flag => "true or false",
        }
    }
}

/// A hyper-parameter: its name, default, allowed values and meaning.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// The key to set it by.
    pub name: &'static str,
    /// Its value when nobody sets it.
    pub default: Value,
    /// The values it may take.
    pub domain: Domain,
    /// What it does, in a phrase.
    pub doc: &'static str,
}

impl Param {
    pub(super) const fn number(
        name: &'static str,
        default: f64,
        domain: Domain,
        doc: &'static str,
    ) -> Self {
        let default = Value::Number(default);
        Self {
            name,
            default,
            domain,
            doc,
        }
    }

    pub(super) const fn flag(name: &'static str, doc: &'static str) -> Self {
        Self::switch(name, false, doc)
    }

    pub(super) const fn switch(name: &'static str, default: bool, doc: &'static str) -> Self {
        Self {
            name,
            default: Value::Flag(default),
            domain: Domain::Flag,
            doc,
        }
    }

    pub(super) const fn lr(default: f64) -> Self {
        Self::number("lr", default, Domain::NonNegative, "learning rate")
    }

    pub(super) const fn weight_decay(default: f64, doc: &'static str) -> Self {
        Self::number("weight_decay", default, Domain::NonNegative, doc)
    }
}

/// `weight_decay` as an L2 penalty on the gradient, off.
pub(super) const COUPLED_DECAY: Param =
    Param::weight_decay(0.0, "L2 penalty, added to the gradient");
/// `weight_decay`, off; of either kind.
pub(super) const SOME_DECAY: Param =
    Param::weight_decay(0.0, "L2 penalty, or with decoupled_weight_decay a factor");
/// `decoupled_weight_decay`, off.
pub(super) const DECOUPLED: Param = Param::flag(
    "decoupled_weight_decay",
    "shrink the weights by lr weight_decay a step",
);
/// `restart_t`, off.
pub(super) const RESTART_T: Param = Param::flag(
    "restart_t",
    "count t from the last update of the target network (Adam-Rel)",
);
/// `reset_moments`, off.
pub(super) const RESET_MOMENTS: Param = Param::flag(
    "reset_moments",
    "start all states and t afresh at each update of the target network",
);
/// `maximize`, off.
pub(super) const MAXIMIZE: Param = Param::flag("maximize", "ascend instead of descend");
/// `eps_inside`, off.
pub(super) const EPS_INSIDE: Param =
    Param::flag("eps_inside", "sqrt(v + eps) instead of sqrt(v) + eps");

/// Every hyper-parameter of one optimiser with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Values(pub(super) Vec<(&'static str, Value)>);

impl Values {
    /// The names and values, in the order of declaration.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Value)> + '_ {
        self.0.iter().copied()
    }

    fn get(&self, name: &str) -> Value {
        match self.0.iter().find(|(key, _)| *key == name) {
            Some((_, value)) => *value,
            // Only an optimiser's own file asks, and every registered one is built by a test.
            None => panic!("hyper-parameter `{name}` is not declared"),
        }
    }

    /// The number called `name`, which must be declared as one.
    pub(super) fn number(&self, name: &str) -> f64 {
        match self.get(name) {
            Value::Number(x) => x,
            Value::Flag(_) => panic!("hyper-parameter `{name}` is declared as a flag"),
        }
    }

    /// Whether a flag called `name` is declared and on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.0.contains(&(name, Value::Flag(true)))
    }

    /// The flag called `name`, which must be declared as one.
    pub(super) fn flag(&self, name: &str) -> bool {
        match self.get(name) {
            Value::Flag(x) => x,
            Value::Number(_) => panic!("hyper-parameter `{name}` is declared as a number"),
        }
    }
}
