//! An environment from its name: `cartpole?length=0.7&drift=gravity:5..15/period=20000`.

use std::fmt::Display;

use settings::{Allowed, Setting, Settings, Table, Value, settings};

use crate::drift::{Drift, Start, Target, Varied};
use crate::entry::{MEMBERS, Make};
use crate::{EnvEntry, EnvKind, EnvSpec, Environment, Error, TimeLimit, registry};

settings! {
    /// Settings that every environment has besides its own settings and dials.
    struct CommonSettings {
        /// steps after which an episode is truncated
        max_steps: Option<u32> = None, in 1..=i64::from(u32::MAX - 1);
        /// factor of every reward; -1 turns good into bad; can drift
        reward: f64 = 1.0, in -1000.0..=1000.0;
        /// what changes while an agent learns; may be given several times
        drift: Vec<String> = Vec::new(),
            in "DIAL:LOW..HIGH/period=STEPS[,shape=sine|ramp|step|walk][,rate=1][,shuffle=episode] or actions/period=STEPS[,shuffle=episode]";
    }
}

const REWARD: &str = "reward";

/// Settings that every environment has besides its own settings and dials.
pub fn common_settings() -> &'static [Setting] {
    CommonSettings::declared()
}

/// A new environment with its time limit. `name` is its name or Gymnasium's id, optionally followed by
/// `?` and the settings that differ from the defaults:
///
/// ```
/// for name in [
///     "cartpole",
///     "CartPole-v1",
///     "cartpole?length=0.7&max_steps=200",
///     "cartpole?drift=length:0.5..1.5/period=20000,shape=sine",
///     "acrobot?drift=actions/period=5000&drift=reward:-1..1/period=20000,shape=step",
///     "asterix?actions=minimal&sticky=0&ramping=0",
///     "cartpole?drift=length:0.5..1.5/period=20000,shuffle=episode",
///     "chain?every=50000&of=cartpole|cartpole?length=1",
///     "chain?every=50000&shuffle=episode&of=cartpole|cartpole?length=1",
/// ] {
///     let env = envs::make(name)?;
///     assert_eq!(envs::make(&env.spec().name)?.spec(), env.spec());
/// }
/// # Ok::<(), envs::Error>(())
/// ```
///
/// `spec().name` is the canonical form: each setting once, in a fixed order, without defaults. An
/// unknown name or a value that is not allowed is an error that says what is available.
pub fn make(name: &str) -> Result<TimeLimit, Error> {
    let (entry, text) = find(name)?;
    let mut table = Table::new();
    let mut others: Vec<(&str, &str)> = Vec::new();
    for (key, value) in pairs(entry, text)? {
        match named(entry.settings(), key) {
            Some(place) => table.insert(key, read(entry, &entry.settings()[place], value)?),
            None => others.push((key, value)),
        }
    }
    let env = match entry.make {
        Make::Plain(make) => make(),
        Make::WithSettings(_, make) => make(&table)?,
        Make::OfMembers(_, make) => {
            let members = members(entry, &table)?;
            let names = members.iter().map(|member| member.spec().name.as_str());
            let names = names.collect::<Vec<_>>().join("|");
            table.insert(MEMBERS, names.as_str());
            make(&table, members)?
        }
    };
    let changed = entry.settings().iter().filter_map(|setting| {
        let value = table.get(setting.name)?;
        let changed = setting.default.as_ref() != Some(value);
        changed.then(|| format!("{}={}", setting.name, value.plain()))
    });
    vary(entry, env, changed.collect(), &others)
}

/// The entry for `name`, and the text after its `?`.
fn find(name: &str) -> Result<(&'static EnvEntry, &str), Error> {
    let (base, text) = name.split_once('?').unwrap_or((name, ""));
    let mut entries = registry().iter();
    let found = entries.find(|entry| entry.name == base || entry.id == base);
    let entry = found.ok_or_else(|| unknown(base))?;
    Ok((entry, text))
}

fn unknown(name: &str) -> Error {
    let known = registry().iter().flat_map(|entry| [entry.name, entry.id]);
    let list = registry().iter().map(|entry| match entry.id == entry.name {
        true => entry.name.to_owned(),
        false => format!("{} ({})", entry.name, entry.id),
    });
    Error::UnknownName {
        name: name.to_owned(),
        nearest: settings::nearest(name, known).map(str::to_owned),
        names: list.collect::<Vec<_>>().join(", "),
    }
}

/// The keys and values of `text`; only `drift` may appear more than once.
fn pairs<'a>(entry: &EnvEntry, text: &'a str) -> Result<Vec<(&'a str, &'a str)>, Error> {
    let of_members = matches!(entry.make, Make::OfMembers(..));
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let members = rest
            .strip_prefix(MEMBERS)
            .is_some_and(|rest| rest.starts_with('='));
        let (pair, after) = match rest.split_once('&') {
            Some(split) if !(of_members && members) => split,
            _ => (rest, ""),
        };
        rest = after;
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if key != "drift" && pairs.iter().any(|(other, _)| *other == key) {
            return Err(Error::refused(entry.name, key, value, "each key once"));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// The index of the setting called `key`.
fn named(settings: &[Setting], key: &str) -> Option<usize> {
    settings.iter().position(|setting| setting.name == key)
}

/// Reads a value; a flag without a value is set to true.
fn read(entry: &EnvEntry, setting: &Setting, text: &str) -> Result<Value, Error> {
    if setting.allowed == Allowed::Flag && text.is_empty() {
        return Ok(Value::Flag(true));
    }
    let value = setting.read(text);
    value.map_err(|error| Error::setting(entry.name, error))
}

/// The environments that a sequence is made of.
fn members(entry: &EnvEntry, table: &Table) -> Result<Vec<TimeLimit>, Error> {
    let declared = &entry.settings()[named(entry.settings(), MEMBERS).expect("declared")];
    let names = table.get(MEMBERS).or(declared.default.as_ref());
    let names = names.and_then(Value::as_text).unwrap_or_default();
    let refused =
        |found, allowed: &dyn Display| Error::refused(entry.name, MEMBERS, found, allowed);
    if names.is_empty() {
        return Err(refused(names, &declared.allowed));
    }
    let member = |name| match find(name)?.0.kind {
        EnvKind::Sequence => Err(refused(name, &"any environment but a chain")),
        _ => make(name),
    };
    names.split('|').map(member).collect()
}

/// Applies the dials and common settings in `asked`, and names the result.
fn vary(
    entry: &EnvEntry,
    mut env: Box<dyn Environment>,
    settings: Vec<String>,
    asked: &[(&str, &str)],
) -> Result<TimeLimit, Error> {
    let dials = env.dials();
    let plain = |dial: &Setting| number(dial.default.as_ref());
    let mut values: Vec<f64> = dials.iter().map(plain).collect();
    let mut common = CommonSettings::default();
    for &(key, value) in asked {
        if let Some(place) = named(dials, key) {
            values[place] = number(Some(&read(entry, &dials[place], value)?));
        } else if key == "drift" {
            common.drift.push(value.to_owned());
        } else if named(common_settings(), key).is_some() {
            let set = common.set_text(key, value);
            set.map_err(|error| Error::setting(entry.name, error))?;
        } else {
            let known = [entry.settings(), dials, common_settings()];
            let known = known.iter().flat_map(|list| list.iter());
            let names = known.map(|setting| setting.name);
            let error = settings::Error::unknown("key", key, names);
            return Err(Error::setting(entry.name, error));
        }
    }

    let mut words: Vec<String> = Vec::new();
    for (place, (dial, &value)) in dials.iter().zip(&values).enumerate() {
        if value != plain(dial) {
            env.turn(place, value);
            words.push(format!("{}={value}", dial.name));
        }
    }
    let reward = common.reward;
    if reward != 1.0 {
        words.push(format!("{REWARD}={reward}"));
    }
    let factor = &common_settings()[named(common_settings(), REWARD).expect("declared above")];
    let mut starts: Vec<Start> = Vec::new();
    for (place, (setting, &value)) in dials.iter().zip(&values).enumerate() {
        let target = Target::Dial(place);
        starts.push(Start {
            target,
            setting,
            value,
        });
    }
    let target = Target::Reward;
    starts.push(Start {
        target,
        setting: factor,
        value: reward,
    });
    let drifts = Drift::read_all(entry.name, &starts, &common.drift)?;
    words.extend(drifts.iter().map(Drift::text));

    let mut spec = env.spec().clone();
    if let Some(limit) = common.max_steps
        && Some(limit) != spec.max_steps
    {
        words.insert(0, format!("max_steps={limit}"));
        set_limit(&mut spec, limit);
    }
    if !drifts.is_empty() || reward != 1.0 {
        let varied = Varied::new(env, &spec, reward, drifts)?;
        spec = varied.spec().clone();
        env = Box::new(varied);
    }
    // A chain's members come last, because they take the rest of the text.
    let words = match entry.kind {
        EnvKind::Sequence => [words, settings].concat(),
        _ => [settings, words].concat(),
    };
    if !words.is_empty() {
        spec.name = format!("{}?{}", entry.name, words.join("&"));
        spec.reward_threshold = None;
    }
    Ok(TimeLimit::of(env, spec))
}

/// The value of a dial.
fn number(value: Option<&Value>) -> f64 {
    value
        .and_then(Value::as_number)
        .expect("a dial is a number")
}

/// Sets another time limit. The worst return changes with it if it is that of the worst reward in every step.
fn set_limit(spec: &mut EnvSpec, limit: u32) {
    let every_step = |limit: u32| f64::from(spec.rewards.0) * f64::from(limit);
    spec.worst_return = match spec.max_steps {
        Some(before) if spec.worst_return == every_step(before) => every_step(limit),
        _ => spec.worst_return.max(every_step(limit).min(0.0)),
    };
    spec.max_steps = Some(limit);
}
