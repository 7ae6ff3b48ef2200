//! `drift=length:0.5..1.5/period=20000,shape=sine`

use settings::{Error as SettingError, Setting, Settings, Table};

use super::path::{DialPath, Motion, MotionShape, Shuffle};
use super::{Drift, Start, Target};
use crate::Error;

/// The word for the actions' numbers, which drift by permutations.
const ACTIONS: &str = "actions";

impl Drift {
    /// Reads the drifts of the environment `name`; the numbers in `starts` can drift.
    pub fn read_all(name: &str, starts: &[Start], texts: &[String]) -> Result<Vec<Self>, Error> {
        let mut drifts: Vec<Self> = Vec::new();
        for text in texts {
            let drift = read(starts, text).map_err(|error| Error::setting(name, error))?;
            if drifts.iter().any(|other| other.key == drift.key) {
                return Err(Error::refused(name, "drift", text, "each dial once"));
            }
            drifts.push(drift);
        }
        Ok(drifts)
    }

    /// The text that [`read_all`](Self::read_all) reads, without defaults.
    pub fn text(&self) -> String {
        let DialPath { low, high, .. } = self.path;
        let Motion {
            period,
            shape,
            rate,
            shuffle,
        } = self.path.motion;
        let rate = match rate {
            1.0 => String::new(),
            rate => format!(",rate={rate}"),
        };
        let shuffle = match shuffle {
            Shuffle::Never => String::new(),
            shuffle => format!(",shuffle={shuffle}"),
        };
        let key = self.key;
        match self.target {
            Target::Actions => format!("drift={key}/period={period}{rate}{shuffle}"),
            _ => format!("drift={key}:{low}..{high}/period={period},shape={shape}{rate}{shuffle}"),
        }
    }
}

fn read(starts: &[Start], text: &str) -> Result<Drift, SettingError> {
    let (what, motion) = text.split_once('/').unwrap_or((text, ""));
    let (key, range) = what.split_once(':').unwrap_or((what, ""));
    let path = format!("drift {key}");
    let motion = |shape| read_motion(motion, shape).map_err(|error| error.within(&path));
    if key == ACTIONS {
        return read_permutations(motion(MotionShape::Step)?, range, &path);
    }
    let start = starts.iter().find(|start| start.setting.name == key);
    let start = start.ok_or_else(|| {
        let names = starts.iter().map(|start| start.setting.name);
        SettingError::unknown("drift", key, names.chain([ACTIONS]))
    })?;
    let motion = motion(MotionShape::Sine)?;
    let (low, high) = read_ends(start.setting, start.value, range)
        .map_err(|allowed| SettingError::not_allowed(&path, range, allowed))?;
    Ok(Drift {
        target: start.target,
        key: start.setting.name,
        path: DialPath {
            start: start.value,
            low,
            high,
            motion,
        },
        value: start.value,
    })
}

/// Reads the ends of a range; the error says what is allowed.
fn read_ends(dial: &Setting, start: f64, range: &str) -> Result<(f64, f64), String> {
    let (least, most) = dial.allowed.bounds().unwrap_or((start, start));
    let ends = || {
        let (low, high) = range.split_once("..")?;
        let (low, high): (f64, f64) = (low.parse().ok()?, high.parse().ok()?);
        let ordered = least <= low && low <= start && start <= high && high <= most;
        (ordered && low < high).then_some((low, high))
    };
    ends().ok_or_else(|| {
        format!(
            "LOW..HIGH between {least} and {most}, with LOW below HIGH and the start value {start} between them"
        )
    })
}

/// Reads the text after the `/`; `shape` is the default shape.
fn read_motion(text: &str, shape: MotionShape) -> Result<Motion, SettingError> {
    let mut table = Table::new();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let read = Motion::find(key)?.read(value)?;
        if table.get(key).is_some() {
            return Err(SettingError::not_allowed(key, value, "each key once"));
        }
        table.insert(key, read);
    }
    if table.get("period").is_none() {
        let allowed = "a period in steps, as in drift=length:0.5..1.5/period=20000,shape=sine";
        return Err(SettingError::not_allowed("", text, allowed));
    }
    if table.get("shape").is_none() {
        table.insert("shape", settings::Words::word(shape));
    }
    Motion::from_table(&table)
}

/// A drift of the actions, which have no range and jump from one permutation to the next.
fn read_permutations(motion: Motion, range: &str, path: &str) -> Result<Drift, SettingError> {
    if !range.is_empty() {
        let allowed = "no range: drift=actions/period=20000";
        return Err(SettingError::not_allowed(path, range, allowed));
    }
    if motion.shape != MotionShape::Step {
        let shape = SettingError::not_allowed("shape", motion.shape, MotionShape::Step);
        return Err(shape.within(path));
    }
    Ok(Drift {
        target: Target::Actions,
        key: ACTIONS,
        path: DialPath {
            start: 0.0,
            low: 0.0,
            high: 0.0,
            motion,
        },
        value: 0.0,
    })
}
