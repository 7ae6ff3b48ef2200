//! The layers of an agent's network, as they are written in settings, and how large they may be.

use std::fmt;

use settings::{Allowed, Field, Value};

use crate::{
    Result,
    nn::{Architecture, Filters},
};

/// The sizes of the hidden layers, written `120,84` or `[120, 84]`; `linear` or `[]` for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden(pub Vec<usize>);

/// More or larger layers than this are taken for a typing error.
const MOST_LAYERS: usize = 16;

impl Field for Hidden {
    fn allowed() -> Allowed {
        "at most 16 sizes from 1 to 65536, such as 120,84, or `linear`".into()
    }

    fn from_value(value: &Value) -> std::result::Result<Self, settings::Error> {
        let sizes = match value {
            Value::Text(text) if text == "linear" => Some(Vec::new()),
            Value::Text(text) => text.split(',').map(|s| s.trim().parse().ok()).collect(),
            Value::List(items) => {
                let sizes = items.iter().map(|item| usize::from_value(item).ok());
                sizes.collect::<Option<Vec<usize>>>()
            }
            _ => None,
        };
        let fits = |sizes: &Vec<usize>| {
            sizes.len() <= MOST_LAYERS && sizes.iter().all(|size| (1..=1 << 16).contains(size))
        };
        let refused = || settings::Error::not_allowed("", value.plain(), Self::allowed());
        sizes.filter(fits).map(Self).ok_or_else(refused)
    }

    fn to_value(&self) -> Option<Value> {
        let sizes = self.0.iter().map(|size| Value::Whole(*size as i64));
        Some(Value::List(sizes.collect()))
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.0.iter().map(usize::to_string).collect();
        f.write_str(&sizes.join(","))
    }
}

/// The convolutions before the hidden layers, written `16x3,32x3`; `none` for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convs(pub Vec<Filters>);

impl Field for Convs {
    fn allowed() -> Allowed {
        "at most 16 layers, filters x size with at most 4096 filters of size 256, such as 16x3,32x3, or `none`"
            .into()
    }

    fn from_value(value: &Value) -> std::result::Result<Self, settings::Error> {
        let layers: Option<Vec<Filters>> = match value {
            Value::Text(text) if text == "none" => Some(Vec::new()),
            Value::Text(text) => text.split(',').map(|layer| layer.parse().ok()).collect(),
            _ => None,
        };
        let fits = |layers: &Vec<Filters>| {
            let fits =
                |f: &Filters| (1..=1 << 12).contains(&f.count) && (1..=1 << 8).contains(&f.size);
            layers.len() <= MOST_LAYERS && layers.iter().all(fits)
        };
        let refused = || settings::Error::not_allowed("", value.plain(), Self::allowed());
        layers.filter(fits).map(Self).ok_or_else(refused)
    }

    fn to_value(&self) -> Option<Value> {
        Some(Value::Text(self.to_string()))
    }
}

impl fmt::Display for Convs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let layers: Vec<String> = self.0.iter().map(Filters::to_string).collect();
        f.write_str(&layers.join(","))
    }
}

/// A layer whose output has more numbers than this (1 GiB) is taken for a typing error; allocating it
/// would abort the program.
pub(super) const MOST_ACTIVATIONS: usize = 1 << 28;
/// A network with more weights than this is taken for a typing error too.
const MOST_WEIGHTS: usize = 100_000_000;

/// An error if the networks of this many agents, each with the settings `conv` and `hidden`, are too large. Otherwise
/// returns how many observations the networks can take at once, and what to add to an error about more of them.
pub(super) fn check_size(
    networks: &[Architecture],
    sizes: (&Convs, &Hidden),
    agents: usize,
) -> Result<(usize, String)> {
    let (mut widest, mut weights) = (1, 0);
    for network in networks {
        let seen = network.observation.iter().product();
        let layers = network.sizes()?.into_iter().chain([seen]);
        widest = layers.fold(widest, usize::max);
        weights += network.weights()?;
    }
    let times = check_weights(weights, sizes, agents)?;
    let most = MOST_ACTIVATIONS / widest / agents;
    Ok((
        most,
        format!("at most {most} with a layer of {widest}{times}"),
    ))
}

/// An error if networks with so many weights, each with the settings `conv` and `hidden`, are too large for this many
/// agents. Otherwise returns ` times N agents`, for other errors; nothing for a single agent.
pub(super) fn check_weights(
    weights: usize,
    (conv, hidden): (&Convs, &Hidden),
    agents: usize,
) -> Result<String> {
    let times = match agents {
        1 => String::new(),
        _ => format!(" times {agents} agents"),
    };
    if weights > MOST_WEIGHTS / agents {
        let allowed = format!(
            "at most 100 million weights in the network, and with conv = {conv} it has {weights}{times}"
        );
        return Err(settings::Error::not_allowed("hidden", hidden, allowed).into());
    }
    Ok(times)
}
