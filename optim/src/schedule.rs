//! Learning-rate schedules: the factor of the optimiser's lr at each step.

use std::{f64::consts::PI, fmt, str::FromStr};

use settings::{Allowed, Field, Value, unknown};

use crate::{Error, Result};

/// How the factor goes from 1, after the warm-up, to its final value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScheduleShape {
    Constant,
    Linear,
    Cosine,
    Step,
}

/// A learning-rate schedule over a known number of steps, written `linear:end=0.1,warmup=500`.
///
/// | name | factor, `x` from 0 to 1 over the steps after the warm-up |
/// |---|---|
/// | `constant` | 1 |
/// | `linear` | `1 + (end - 1) x` |
/// | `cosine` | `end + (1 - end) (1 + cos(pi x)) / 2` (Loshchilov & Hutter 2017, eq. 5) |
/// | `step` | `gamma^floor(t / every)` (PyTorch's `StepLR`) |
///
/// `warmup` steps come first: in step `t` of them the factor is `t / warmup`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    shape: ScheduleShape,
    warmup: u64,
    end: f64,
    every: u64,
    gamma: f64,
}

const SHAPES: [(&str, ScheduleShape, &[&str]); 4] = [
    ("constant", ScheduleShape::Constant, &["warmup"]),
    ("linear", ScheduleShape::Linear, &["warmup", "end"]),
    ("cosine", ScheduleShape::Cosine, &["warmup", "end"]),
    ("step", ScheduleShape::Step, &["warmup", "every", "gamma"]),
];

impl Default for Schedule {
    fn default() -> Self {
        Self {
            shape: ScheduleShape::Constant,
            warmup: 0,
            end: 0.0,
            every: 1,
            gamma: 1.0,
        }
    }
}

impl Schedule {
    /// Whether the factor depends on the number of steps that the schedule spans.
    pub fn depends_on_length(&self) -> bool {
        matches!(self.shape, ScheduleShape::Linear | ScheduleShape::Cosine)
    }

    /// The steps of the warm-up.
    pub fn warmup(&self) -> u64 {
        self.warmup
    }

    /// The factor of step `t`, from 1, of `steps`. After the last step it no longer changes.
    pub fn factor(&self, t: u64, steps: u64) -> f64 {
        if t <= self.warmup {
            return t as f64 / self.warmup as f64;
        }
        // The first step after the warm-up is at the full lr.
        let done = t - self.warmup - 1;
        let x = (done as f64 / steps.saturating_sub(self.warmup).max(1) as f64).min(1.0);
        match self.shape {
            ScheduleShape::Constant => 1.0,
            ScheduleShape::Linear => 1.0 + (self.end - 1.0) * x,
            ScheduleShape::Cosine => self.end + (1.0 - self.end) * 0.5 * (1.0 + (PI * x).cos()),
            ScheduleShape::Step => self.gamma.powf((done / self.every) as f64),
        }
    }
}

impl FromStr for Schedule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, settings) = text.split_once(':').unwrap_or((text, ""));
        let (_, shape, keys) = SHAPES
            .into_iter()
            .find(|(known, ..)| *known == name)
            .ok_or_else(|| {
                let names = SHAPES.iter().map(|(name, ..)| *name);
                Error::usage(unknown("lr schedule", name, names))
            })?;
        let mut schedule = Self {
            shape,
            ..Self::default()
        };
        let mut set = Vec::new();
        for setting in settings.split(',').filter(|s| !s.is_empty()) {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            if !keys.contains(&key) {
                let what = format!("setting of the lr schedule {name}");
                return Err(Error::usage(unknown(&what, key, keys.iter().copied())));
            }
            let wrong = |allowed: &str| {
                Error::usage(format!(
                    "{name}: {key} = {value} is not allowed; allowed: {allowed}"
                ))
            };
            let share = || match value.parse() {
                Ok(x) if (0.0..=1.0).contains(&x) => Ok(x),
                _ => Err(wrong("0 <= x <= 1")),
            };
            let count = |least: u64| match value.parse() {
                Ok(x) if x >= least => Ok(x),
                _ => Err(wrong(&format!("a whole number >= {least}"))),
            };
            if set.contains(&key) {
                return Err(Error::usage(format!("{name}: `{key}` is set twice")));
            }
            match key {
                "warmup" => schedule.warmup = count(0)?,
                "every" => schedule.every = count(1)?,
                "end" => schedule.end = share()?,
                _ => schedule.gamma = share()?,
            }
            set.push(key);
        }
        if shape == ScheduleShape::Step && !(set.contains(&"every") && set.contains(&"gamma")) {
            return Err(Error::usage(
                "the lr schedule step needs every and gamma, such as step:every=1000,gamma=0.5",
            ));
        }
        Ok(schedule)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut settings = match self.shape {
            ScheduleShape::Constant => vec![],
            ScheduleShape::Linear | ScheduleShape::Cosine => vec![format!("end={}", self.end)],
            ScheduleShape::Step => vec![
                format!("every={}", self.every),
                format!("gamma={}", self.gamma),
            ],
        };
        if self.warmup > 0 {
            settings.push(format!("warmup={}", self.warmup));
        }
        let known = SHAPES.iter().find(|(_, shape, _)| *shape == self.shape);
        let name = known.map_or("", |(name, ..)| *name);
        let colon = if settings.is_empty() { "" } else { ":" };
        write!(f, "{name}{colon}{}", settings.join(","))
    }
}

impl Field for Schedule {
    fn allowed() -> Allowed {
        "constant, linear[:end=0], cosine[:end=0] or step:every=1000,gamma=0.5, optionally with warmup=500"
            .into()
    }

    fn from_value(value: &Value) -> std::result::Result<Self, settings::Error> {
        let text = value.as_text();
        let text = text.ok_or_else(|| settings::Error::not_allowed("", value, Self::allowed()))?;
        Schedule::from_str(text).map_err(|error| settings::Error::wrong(error.to_string()))
    }

    fn to_value(&self) -> Option<Value> {
        Some(Value::Text(self.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(text: &str, steps: u64) -> Vec<f64> {
        let schedule: Schedule = text.parse().unwrap();
        assert_eq!(schedule.to_string().parse::<Schedule>().unwrap(), schedule);
        (1..=steps + 1).map(|t| schedule.factor(t, steps)).collect()
    }

    #[test]
    fn each_shape_goes_from_one_to_its_end() {
        assert_eq!(factors("constant", 3), [1.0; 4]);
        assert_eq!(factors("linear", 4), [1.0, 0.75, 0.5, 0.25, 0.0]);
        assert_eq!(factors("linear:end=0.5", 2), [1.0, 0.75, 0.5]);
        let cosine = factors("cosine:end=0.2", 2);
        assert!((cosine[1] - 0.6).abs() < 1e-15 && (cosine[2] - 0.2).abs() < 1e-15);
        assert_eq!(
            factors("step:every=2,gamma=0.5", 4),
            [1.0, 1.0, 0.5, 0.5, 0.25]
        );
        assert_eq!(factors("linear:warmup=2", 4), [0.5, 1.0, 1.0, 0.5, 0.0]);
    }

    #[test]
    fn says_what_is_allowed() {
        let error = |text: &str| text.parse::<Schedule>().unwrap_err().to_string();
        assert!(error("cosin").contains("did you mean `cosine`?"));
        assert!(error("linear:gamma=0.1").contains("allowed: warmup, end"));
        assert!(error("linear:end=2").contains("0 <= x <= 1"));
        assert!(error("linear:warmup=-1").contains("a whole number >= 0"));
        assert!(error("linear:end=0,end=1").contains("set twice"));
        assert!(error("step").contains("needs every and gamma"));
    }
}
