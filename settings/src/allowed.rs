use std::{
    borrow::Cow,
    fmt,
    ops::{Range, RangeFrom, RangeInclusive},
};

use crate::{Value, whole_number};

/// The values that a setting may take.
#[derive(Clone, Debug, PartialEq)]
pub enum Allowed {
    /// `true` or `false`.
    Flag,
    /// A number within an interval.
    Number(Interval),
    /// A whole number within bounds, both included.
    Whole(i64, i64),
    /// One of these words.
    Choice(&'static [Word]),
    /// Whatever the type can read, described here: "sizes separated by commas, such as 120,84".
    Described(Cow<'static, str>),
}

/// A word that a setting may be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
}

/// Real numbers between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower bound.
    pub least: f64,
    /// The upper bound.
    pub most: f64,
    /// Whether the lower bound is itself allowed.
    pub with_least: bool,
    /// Whether the upper bound is itself allowed.
    pub with_most: bool,
}

impl Interval {
    /// Every finite number.
    pub const FINITE: Self = Self {
        least: f64::NEG_INFINITY,
        most: f64::INFINITY,
        with_least: false,
        with_most: false,
    };

    /// Finite numbers above `bound`.
    pub const fn above(bound: f64) -> Self {
        Self {
            least: bound,
            ..Self::FINITE
        }
    }

    /// Finite numbers from `bound` on.
    pub const fn at_least(bound: f64) -> Self {
        Self {
            with_least: true,
            ..Self::above(bound)
        }
    }

    /// These numbers, up to and including `bound`.
    pub const fn at_most(self, bound: f64) -> Self {
        Self {
            most: bound,
            with_most: true,
            ..self
        }
    }

    /// These numbers, below `bound`.
    pub const fn below(self, bound: f64) -> Self {
        Self {
            most: bound,
            with_most: false,
            ..self
        }
    }

    /// Whether `x` is one of them.
    pub fn contains(&self, x: f64) -> bool {
        let above = x > self.least || self.with_least && x == self.least;
        let below = x < self.most || self.with_most && x == self.most;
        x.is_finite() && above && below
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = |with: bool, strict: &'static str, loose: &'static str| match with {
            true => loose,
            false => strict,
        };
        let (least, most) = (Value::Number(self.least), Value::Number(self.most));
        let above = sign(self.with_least, ">", ">=");
        let below = sign(self.with_most, "<", "<=");
        match (self.least.is_finite(), self.most.is_finite()) {
            (false, false) => f.write_str("a finite number"),
            (true, false) => write!(f, "a finite number {above} {least}"),
            (false, true) => write!(f, "a finite number {below} {most}"),
            (true, true) => {
                let first = sign(self.with_least, "<", "<=");
                write!(f, "{least} {first} x {below} {most}")
            }
        }
    }
}

impl Allowed {
    /// The value of `text`, if it is allowed. For text that is only [described](Allowed::Described),
    /// the type itself decides what it can read.
    pub fn read(&self, text: &str) -> Option<Value> {
        let value = match self {
            Allowed::Flag => match text {
                "true" => Value::Flag(true),
                "false" => Value::Flag(false),
                _ => return None,
            },
            Allowed::Number(_) => Value::Number(text.parse().ok()?),
            Allowed::Whole(..) => Value::Whole(i64::try_from(whole_number(text)?).ok()?),
            Allowed::Choice(_) | Allowed::Described(_) => Value::Text(text.into()),
        };
        self.allows(&value).then_some(value)
    }

    /// Whether `value` is allowed. A whole number counts as a number.
    pub fn allows(&self, value: &Value) -> bool {
        match (self, value) {
            (Allowed::Flag, Value::Flag(_)) => true,
            (Allowed::Number(interval), value) => {
                value.as_number().is_some_and(|x| interval.contains(x))
            }
            (Allowed::Whole(least, most), Value::Whole(x)) => (least..=most).contains(&x),
            (Allowed::Choice(words), Value::Text(text)) => words.iter().any(|w| w.name == text),
            (Allowed::Described(_), _) => true,
            _ => false,
        }
    }

    /// The least and the greatest number allowed; `None` for anything that is not a number.
    pub fn bounds(&self) -> Option<(f64, f64)> {
        match self {
            Allowed::Number(interval) => Some((interval.least, interval.most)),
            Allowed::Whole(least, most) => Some((*least as f64, *most as f64)),
            _ => None,
        }
    }

    /// The kind of value, in a few words for a table of settings.
    pub fn kind(&self) -> String {
        match self {
            Allowed::Number(_) => "a number".into(),
            Allowed::Whole(..) => "a whole number".into(),
            other => other.to_string(),
        }
    }
}

/// The allowed values, in words that can follow "allowed:".
impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Allowed::Flag => f.write_str("true or false"),
            Allowed::Number(interval) => interval.fmt(f),
            Allowed::Whole(least, i64::MAX) => write!(f, "a whole number >= {least}"),
            Allowed::Whole(least, most) => write!(f, "a whole number from {least} to {most}"),
            Allowed::Choice(words) => {
                let names: Vec<&str> = words.iter().map(|word| word.name).collect();
                match names.split_last() {
                    Some((last, rest)) if !rest.is_empty() => {
                        write!(f, "{} or {last}", rest.join(", "))
                    }
                    _ => f.write_str(&names.concat()),
                }
            }
            Allowed::Described(words) => f.write_str(words),
        }
    }
}

impl From<Interval> for Allowed {
    fn from(interval: Interval) -> Self {
        Allowed::Number(interval)
    }
}

impl From<RangeInclusive<f64>> for Allowed {
    fn from(range: RangeInclusive<f64>) -> Self {
        Interval::at_least(*range.start())
            .at_most(*range.end())
            .into()
    }
}

impl From<Range<f64>> for Allowed {
    fn from(range: Range<f64>) -> Self {
        Interval::at_least(range.start).below(range.end).into()
    }
}

impl From<RangeFrom<f64>> for Allowed {
    fn from(range: RangeFrom<f64>) -> Self {
        Interval::at_least(range.start).into()
    }
}

impl From<RangeInclusive<i64>> for Allowed {
    fn from(range: RangeInclusive<i64>) -> Self {
        Allowed::Whole(*range.start(), *range.end())
    }
}

impl From<RangeFrom<i64>> for Allowed {
    fn from(range: RangeFrom<i64>) -> Self {
        Allowed::Whole(range.start, i64::MAX)
    }
}

impl From<&'static str> for Allowed {
    fn from(words: &'static str) -> Self {
        Allowed::Described(words.into())
    }
}
