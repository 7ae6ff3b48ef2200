use crate::dial::REWARD;
use crate::drift::{Drift, Varied};
#[cfg(feature = "gymnasium-rs")]
use crate::gymnasium;
use crate::settings::{Setting, Settings, refuse, unknown_key};
use crate::{
    Dial, Environment, Error, Spec, TimeLimit, acrobot, cartpole, cartpole_swingup, catch, chain,
    deep_sea, key_door, minatar, mountain_car, nearest, probe,
};

/// What sort of environment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Classic control, as Gymnasium has it.
    Classic,
    /// Young and Tian's miniatures of five Atari games.
    MinAtar,
    /// Exploration, and habits to unlearn.
    Exploration,
    /// Tiny, each for one error that an agent can have.
    Probe,
    /// Environments in turn.
    Sequence,
    /// From another package.
    Foreign,
}

impl Kind {
    /// Every kind, in the order of a list.
    pub const ALL: [Kind; 6] = [
        Kind::Classic,
        Kind::MinAtar,
        Kind::Exploration,
        Kind::Probe,
        Kind::Sequence,
        Kind::Foreign,
    ];
}

/// One registered environment.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name here, such as `cartpole`.
    pub name: &'static str,
    /// Gymnasium's id, such as `CartPole-v1`, which [`make`] takes as well; the
    /// name again where Gymnasium has none.
    pub id: &'static str,
    /// What sort of environment it is.
    pub kind: Kind,
    /// One line for a list.
    pub summary: &'static str,
    /// Whether the dynamics are written in this crate. If so, the state can be
    /// saved and a step allocates nothing.
    pub native: bool,
    /// What it can be made with, besides its dials.
    pub settings: &'static [Setting],
    pub(crate) make: fn(&Settings) -> Result<Box<dyn Environment>, Error>,
}

static REGISTRY: &[Entry] = &[
    cartpole::ENTRY,
    acrobot::ENTRY,
    mountain_car::ENTRY,
    minatar::entry::<minatar::Asterix>(),
    minatar::entry::<minatar::Breakout>(),
    minatar::entry::<minatar::Freeway>(),
    minatar::entry::<minatar::Seaquest>(),
    minatar::entry::<minatar::SpaceInvaders>(),
    deep_sea::ENTRY,
    catch::ENTRY,
    cartpole_swingup::ENTRY,
    key_door::ENTRY,
    probe::VALUE,
    probe::DISCOUNT,
    probe::INPUT,
    probe::ACTION,
    probe::POLICY,
    chain::ENTRY,
    #[cfg(feature = "gymnasium-rs")]
    gymnasium::CARTPOLE,
];

/// Every environment there is.
pub fn registry() -> &'static [Entry] {
    REGISTRY
}

/// A new environment with its time limit, by its name or Gymnasium's id, and what
/// is to be different about it:
///
/// ```
/// for name in [
///     "cartpole",
///     "CartPole-v1",
///     "cartpole?length=0.7&max_steps=200",
///     "cartpole?drift=length:0.5..1.5/period=20000,shape=sine",
///     "acrobot?drift=actions/period=5000&drift=reward:-1..1/period=20000,shape=step",
///     "asterix?actions=minimal&sticky=0&ramping=0",
///     "chain?every=50000&of=cartpole|cartpole?length=1",
/// ] {
///     let env = envs::make(name)?;
///     assert_eq!(envs::make(&env.spec().name)?.spec(), env.spec());
/// }
/// # Ok::<(), envs::Error>(())
/// ```
///
/// `spec().name` says everything once, in one order, and leaves out what is at
/// its default.
pub fn make(name: &str) -> Result<TimeLimit, Error> {
    let (base, text) = name.split_once('?').unwrap_or((name, ""));
    let entry = REGISTRY
        .iter()
        .find(|entry| entry.name == base || entry.id == base)
        .ok_or_else(|| unknown(base))?;
    let settings = Settings::parse(entry.name, entry.settings, text)?;
    let mut env = (entry.make)(&settings)?;
    let mut words: Vec<String> = Vec::new();

    let dials = env.dials();
    let mut values: Vec<f64> = dials.iter().map(|dial| dial.plain).collect();
    let (mut reward, mut max_steps, mut drifts) = (REWARD.plain, None, Vec::new());
    for &(key, value) in &settings.others {
        if let Some(place) = dials.iter().position(|dial| dial.key == key) {
            values[place] = dials[place].read(entry.name, value)?;
        } else {
            match key {
                "reward" => reward = REWARD.read(entry.name, value)?,
                "max_steps" => max_steps = Some(steps(entry.name, value)?),
                "drift" => drifts.push(value),
                _ => return Err(unknown_key(entry.name, key, entry.settings, dials)),
            }
        }
    }
    for (place, (dial, &value)) in dials.iter().zip(&values).enumerate() {
        if value != dial.plain {
            env.turn(place, value);
            words.push(format!("{}={value}", dial.key));
        }
    }
    if reward != REWARD.plain {
        words.push(format!("{}={reward}", REWARD.key));
    }
    let at = |dial: &Dial| match dials.iter().position(|other| other == dial) {
        Some(place) => values[place],
        None => reward,
    };
    let drifts: Vec<Drift> = drifts
        .into_iter()
        .map(|text| Drift::read(entry.name, dials, at, text))
        .collect::<Result<_, _>>()?;
    for (i, drift) in drifts.iter().enumerate() {
        if drifts[..i].iter().any(|other| other.key() == drift.key()) {
            return Err(refuse(entry.name, "drift", drift.key(), &"each thing once"));
        }
        words.push(drift.text());
    }

    let mut spec = env.spec().clone();
    if let Some(limit) = max_steps.filter(|&limit| Some(limit) != spec.max_steps) {
        words.insert(0, format!("max_steps={limit}"));
    }
    limit(&mut spec, max_steps);
    if !drifts.is_empty() || reward != REWARD.plain {
        let varied = Varied::new(env, &spec, reward, drifts)?;
        spec = varied.spec().clone();
        env = Box::new(varied);
    }
    // A chain's members come last.
    let settings: Vec<String> = settings.changed().collect();
    let words = match entry.kind {
        Kind::Sequence => [words, settings].concat(),
        _ => [settings, words].concat(),
    };
    if !words.is_empty() {
        spec.name = format!("{}?{}", entry.name, words.join("&"));
        spec.reward_threshold = None;
    }
    Ok(TimeLimit::of(env, spec))
}

/// Sets a time limit, and with it how bad an episode can be.
fn limit(spec: &mut Spec, max_steps: Option<u32>) {
    if let (Some(limit), true) = (max_steps, max_steps != spec.max_steps) {
        spec.max_steps = Some(limit);
        if spec.worst_return < 0.0 {
            spec.worst_return = f64::from(spec.rewards.0) * f64::from(limit);
        }
    }
}

fn steps(name: &str, text: &str) -> Result<u32, Error> {
    let most = u32::MAX - 1;
    let steps = text.parse().ok().filter(|n| (1..=most).contains(n));
    let allowed = format!("a whole number from 1 to {most}");
    steps.ok_or_else(|| refuse(name, "max_steps", text, &allowed))
}

fn unknown(name: &str) -> Error {
    let known = REGISTRY.iter().flat_map(|entry| [entry.name, entry.id]);
    let list = REGISTRY.iter().map(|entry| match entry.id == entry.name {
        true => entry.name.to_owned(),
        false => format!("{} ({})", entry.name, entry.id),
    });
    Error::UnknownName {
        name: name.to_owned(),
        nearest: nearest::of(name, known),
        names: list.collect::<Vec<_>>().join(", "),
    }
}
