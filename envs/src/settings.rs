//! The settings written behind an environment's name: `deep_sea?size=20&stochastic=true`.

use std::fmt;

use crate::{Dial, Error, nearest, registry};

/// A setting that an environment is made with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// Its name.
    pub key: &'static str,
    /// What it is set to when nothing is said.
    pub default: &'static str,
    /// What it can be set to.
    pub values: Values,
    /// One line of help.
    pub help: &'static str,
}

/// What a [`Setting`] can be set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values {
    /// A whole number within bounds, both included.
    Whole(u64, u64),
    /// `true` or `false`; the key alone means `true`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Names of environments, separated by `|`; the last setting, since it takes the rest of the text.
    Members,
}

impl Values {
    /// The value as it is written in a name that says everything once, if it is allowed.
    fn canonical(self, text: &str) -> Option<String> {
        match self {
            Values::Whole(least, most) => {
                let n: u64 = text.parse().ok()?;
                (least..=most).contains(&n).then(|| n.to_string())
            }
            Values::Flag => match text {
                "" | "true" => Some("true".to_owned()),
                "false" => Some("false".to_owned()),
                _ => None,
            },
            Values::Choice(words) => words.contains(&text).then(|| text.to_owned()),
            Values::Members => (!text.is_empty()).then(|| text.to_owned()),
        }
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Values::Whole(least, most) => write!(f, "a whole number from {least} to {most}"),
            Values::Flag => f.write_str("true or false"),
            Values::Choice(words) => f.write_str(&words.join(" or ")),
            Values::Members => f.write_str("names of environments with | between them"),
        }
    }
}

/// What every environment can be given besides its own settings and dials.
pub(crate) const EVERYWHERE: [&str; 3] = ["drift", "max_steps", "reward"];

/// A name taken apart, its settings checked.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    settings: &'static [Setting],
    /// The value of each of `settings`, in their order.
    values: Vec<String>,
    /// What is no setting: dials and what every environment takes, as written.
    pub others: Vec<(&'a str, &'a str)>,
}

impl<'a> Settings<'a> {
    /// Reads what stands behind the `?`.
    pub fn parse(name: &str, settings: &'static [Setting], text: &'a str) -> Result<Self, Error> {
        let mut values: Vec<Option<String>> = vec![None; settings.len()];
        let mut others: Vec<(&str, &str)> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let takes_all = settings.iter().any(|s| {
                s.values == Values::Members
                    && rest.strip_prefix(s.key).is_some_and(|r| r.starts_with('='))
            });
            let (pair, after) = match rest.split_once('&') {
                Some(split) if !takes_all => split,
                _ => (rest, ""),
            };
            rest = after;
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let twice = match settings.iter().position(|s| s.key == key) {
                Some(place) => {
                    let allowed = settings[place].values;
                    let mut value = allowed
                        .canonical(value)
                        .ok_or_else(|| refuse(name, key, value, &allowed))?;
                    if allowed == Values::Members {
                        value = members(&value)?;
                    }
                    values[place].replace(value).is_some()
                }
                None => {
                    let twice = key != "drift" && others.iter().any(|(other, _)| *other == key);
                    others.push((key, value));
                    twice
                }
            };
            if twice {
                return Err(refuse(name, key, value, &"each key once"));
            }
        }
        let filled = values.into_iter().zip(settings);
        Ok(Self {
            settings,
            values: filled
                .map(|(value, setting)| value.unwrap_or_else(|| setting.default.to_owned()))
                .collect(),
            others,
        })
    }

    /// The value of a setting.
    pub fn text(&self, key: &str) -> &str {
        let place = self.settings.iter().position(|s| s.key == key);
        &self.values[place.expect("a setting of the entry's list")]
    }

    /// The value of a [`Values::Whole`].
    pub fn whole(&self, key: &str) -> usize {
        self.text(key).parse().expect("checked when it was read")
    }

    /// The value of a [`Values::Flag`].
    pub fn flag(&self, key: &str) -> bool {
        self.text(key) == "true"
    }

    /// The settings that are not at their defaults, as they are written in a name.
    pub fn changed(&self) -> impl Iterator<Item = String> {
        let each = self.settings.iter().zip(&self.values);
        each.filter(|(setting, value)| setting.default != *value)
            .map(|(setting, value)| format!("{}={value}", setting.key))
    }
}

/// Members' names, each as it says everything once.
fn members(text: &str) -> Result<String, Error> {
    let name = |name| Ok(registry::make(name)?.spec().name.clone());
    let names: Vec<String> = text.split('|').map(name).collect::<Result<_, Error>>()?;
    Ok(names.join("|"))
}

/// An error about a value.
pub(crate) fn refuse(name: &str, key: &str, found: &str, allowed: &dyn fmt::Display) -> Error {
    Error::Setting {
        name: name.to_owned(),
        key: key.to_owned(),
        found: found.to_owned(),
        allowed: allowed.to_string(),
    }
}

/// An error about a key that is neither a setting nor a dial nor known everywhere.
pub(crate) fn unknown_key(name: &str, key: &str, settings: &[Setting], dials: &[Dial]) -> Error {
    let keys: Vec<&str> = settings
        .iter()
        .map(|setting| setting.key)
        .chain(dials.iter().map(|dial| dial.key))
        .chain(EVERYWHERE)
        .collect();
    Error::UnknownKey {
        name: name.to_owned(),
        key: key.to_owned(),
        nearest: nearest::of(key, keys.iter().copied()),
        keys: keys.join(", "),
    }
}
