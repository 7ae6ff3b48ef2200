//! `drift=length:0.5..1.5/period=20000,shape=sine`

use super::{Drift, Path, Shape, Target};
use crate::dial::REWARD;
use crate::settings::refuse;
use crate::{Dial, Error, nearest};

/// The word for the actions' numbers, which drift by permutations.
const ACTIONS: &str = "actions";

/// The longest period: clocks stay exact in an f64.
const LONGEST: u64 = 1 << 53;

/// Reads one drift of the environment `name`, whose dials stand where `at` says.
pub(super) fn read(
    name: &str,
    dials: &[Dial],
    at: impl Fn(&Dial) -> f64,
    text: &str,
) -> Result<Drift, Error> {
    let (what, how) = text.split_once('/').unwrap_or((text, ""));
    let (key, range) = what.split_once(':').unwrap_or((what, ""));
    let how = How::read(name, key, how)?;
    if key == ACTIONS {
        return how.permutations(name, range);
    }
    let place = dials.iter().position(|dial| dial.key == key);
    let (dial, target) = match place {
        Some(place) => (&dials[place], Target::Dial(place)),
        None if key == REWARD.key => (&REWARD, Target::Reward),
        None => return Err(unknown(name, dials, key)),
    };
    let start = at(dial);
    let (low, high) = ends(dial, start, range).ok_or_else(|| {
        let allowed = format!(
            "LOW..HIGH between {} and {}, LOW below HIGH, with {start} between them: that is \
             where it starts",
            dial.low, dial.high
        );
        refuse(name, &format!("drift {key}"), range, &allowed)
    })?;
    Ok(Drift {
        target,
        key: dial.key,
        path: Path {
            start,
            low,
            high,
            period: how.period,
            shape: how.shape.unwrap_or(Shape::Sine),
            rate: how.rate,
        },
        value: start,
    })
}

fn ends(dial: &Dial, start: f64, range: &str) -> Option<(f64, f64)> {
    let (low, high) = range.split_once("..")?;
    let (low, high): (f64, f64) = (low.parse().ok()?, high.parse().ok()?);
    let allowed = dial.low <= low && low <= start && start <= high && high <= dial.high;
    (allowed && low < high).then_some((low, high))
}

fn unknown(name: &str, dials: &[Dial], key: &str) -> Error {
    let keys: Vec<&str> = dials.iter().map(|dial| dial.key).collect();
    let keys = [&keys[..], &[REWARD.key, ACTIONS]].concat();
    Error::UnknownKey {
        name: format!("{name}: drift"),
        key: key.to_owned(),
        nearest: nearest::of(key, keys.iter().copied()),
        keys: keys.join(", "),
    }
}

/// What stands behind the `/`.
struct How {
    period: u64,
    shape: Option<Shape>,
    rate: f64,
}

impl How {
    fn read(name: &str, target: &str, text: &str) -> Result<Self, Error> {
        let (mut period, mut shape, mut rate) = (None, None, None);
        for pair in text.split(',').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let wrong =
                |allowed: &str| refuse(name, &format!("drift {target}/{key}"), value, &allowed);
            let twice = match key {
                "period" => {
                    let steps = value.parse().ok().filter(|n| (1..=LONGEST).contains(n));
                    period
                        .replace(steps.ok_or_else(|| wrong("a whole number of steps from 1"))?)
                        .is_some()
                }
                "shape" => {
                    let known = Shape::ALL
                        .into_iter()
                        .find(|shape| shape.to_string() == value);
                    shape
                        .replace(known.ok_or_else(|| wrong("step, ramp, sine or walk"))?)
                        .is_some()
                }
                "rate" => {
                    let number = value.parse().ok().filter(|x| (0.0..=1e9).contains(x));
                    rate.replace(number.ok_or_else(|| wrong("a number from 0 to 1e9"))?)
                        .is_some()
                }
                _ => {
                    return Err(Error::UnknownKey {
                        name: format!("{name}: drift {target}"),
                        key: key.to_owned(),
                        nearest: nearest::of(key, ["period", "shape", "rate"]),
                        keys: "period, shape, rate".to_owned(),
                    });
                }
            };
            if twice {
                return Err(wrong("each key once"));
            }
        }
        let period = period.ok_or_else(|| {
            let allowed = "a period in steps, as in drift=length:0.5..1.5/period=20000,shape=sine";
            refuse(name, &format!("drift {target}"), text, &allowed)
        })?;
        Ok(Self {
            period,
            shape,
            rate: rate.unwrap_or(1.0),
        })
    }

    fn permutations(self, name: &str, range: &str) -> Result<Drift, Error> {
        if !range.is_empty() {
            return Err(refuse(
                name,
                "drift actions",
                range,
                &"no range: drift=actions/period=20000",
            ));
        }
        if let Some(shape) = self.shape.filter(|shape| *shape != Shape::Step) {
            let found = shape.to_string();
            return Err(refuse(name, "drift actions/shape", &found, &"step"));
        }
        Ok(Drift {
            target: Target::Actions,
            key: ACTIONS,
            path: Path {
                start: 0.0,
                low: 0.0,
                high: 0.0,
                period: self.period,
                shape: Shape::Step,
                rate: self.rate,
            },
            value: 0.0,
        })
    }
}

/// As [`read`] takes it, everything said once.
pub(super) fn write(drift: &Drift) -> String {
    let Path {
        low,
        high,
        period,
        shape,
        rate,
        ..
    } = drift.path;
    let rate = if rate == 1.0 {
        String::new()
    } else {
        format!(",rate={rate}")
    };
    match drift.target {
        Target::Actions => format!("drift={}/period={period}{rate}", drift.key),
        _ => format!(
            "drift={}:{low}..{high}/period={period},shape={shape}{rate}",
            drift.key
        ),
    }
}
