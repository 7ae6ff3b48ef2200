use crate::Error;
use crate::settings::refuse;

/// A number of an environment's physics or rules that can be set
/// (`cartpole?gravity=12`) and made to drift
/// (`cartpole?drift=gravity:5..15/period=20000`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dial {
    /// Its name.
    pub key: &'static str,
    /// Its value in the plain environment.
    pub plain: f64,
    /// The least value for which the rules still make sense.
    pub low: f64,
    /// The greatest.
    pub high: f64,
    /// One line of help, with the unit.
    pub help: &'static str,
}

impl Dial {
    /// Reads a value for it.
    pub(crate) fn read(&self, name: &str, text: &str) -> Result<f64, Error> {
        let value: f64 = text.parse().unwrap_or(f64::NAN);
        if (self.low..=self.high).contains(&value) {
            Ok(value)
        } else {
            let allowed = format!("a number from {} to {}", self.low, self.high);
            Err(refuse(name, self.key, text, &allowed))
        }
    }
}

/// What a step's reward is multiplied by: a dial of every environment.
pub(crate) const REWARD: Dial = Dial {
    key: "reward",
    plain: 1.0,
    low: -1000.0,
    high: 1000.0,
    help: "what every reward is multiplied by; -1 turns good into bad",
};
