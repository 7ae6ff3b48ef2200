//! The report card: one optimiser on a fixed suite of regimes, beside baselines, with a fixed tuning budget.
//!
//! All optimisers are arms of one experiment, whose record of finished runs grows: an optimiser that was measured once is not
//! run again, and each new one is compared with all of them on the same seeds.

mod spaces;

use std::path::Path;

use optim::{Spec, registry};
use settings::words;

use super::experiment::Experiment;
use crate::{Error, Result};
pub use spaces::{LR_STEPS, space};

/// The environments and the rules of the suite.
const SUITE: &str = include_str!("suite.toml");

/// The range of learning rates that f32 can compute with. No others are tried.
const ALLOWED: std::ops::RangeInclusive<f64> = 1e-30..=1e30;

/// The optimisers that every card is compared with.
pub const BASELINES: [&str; 3] = ["adam", "rmsprop", "momentum"];

words! {
    /// How many seeds a card has.
    pub enum Size {
        /// Five tuning seeds and 20 report seeds
        Small = "small",
        /// Ten tuning seeds and 100 report seeds
        Full = "full",
    }
}

impl Size {
    fn seeds(self) -> (&'static str, &'static str) {
        match self {
            Size::Small => ("1001..1005", "1..20"),
            Size::Full => ("1001..1010", "1..100"),
        }
    }
}

/// An optimiser on a card.
#[derive(Clone, Debug, PartialEq)]
pub struct Entrant {
    /// Its name and settings but for lr, as in `adam:beta1=0.5`.
    pub name: String,
    /// The learning rates that are tried.
    pub rates: Vec<f64>,
}

impl Entrant {
    /// The optimiser `asked`, with learning rates around `lr` in place of its own.
    pub fn new(asked: &str, lr: Option<f64>) -> Result<Self> {
        let spec: Spec = asked.parse()?;
        if spec.is_set("lr") {
            return Err(Error::usage(format!(
                "{asked}: lr is what a card tunes; leave it out, or give the middle of its range with --lr"
            )));
        }
        let rates = space(&spec, lr);
        if let Some(rate) = rates.iter().find(|rate| !ALLOWED.contains(rate)) {
            return Err(Error::usage(format!(
                "{asked}: lr = {rate:e} would be tried; allowed: {:e} to {:e}",
                ALLOWED.start(),
                ALLOWED.end()
            )));
        }
        // However it was written: `adam: beta1=0.50` is `adam:beta1=0.5`.
        let name = spec.to_string();
        Ok(Self { name, rates })
    }
}

/// Every registered rule with its own settings.
pub fn everybody() -> Result<Vec<Entrant>> {
    let rules = registry();
    let named = rules.iter().map(|entry| Entrant::new(entry.name, None));
    named.collect()
}

/// The experiment of a card of this `size` with `entrants` and the baselines.
pub fn experiment(size: Size, entrants: &[Entrant]) -> Result<Experiment> {
    let text = text(size, entrants)?;
    let name = match size {
        Size::Small => "card",
        Size::Full => "card_full",
    };
    Experiment::parse(text, Path::new(&format!("{name}.toml")))
}

/// The TOML of that experiment.
pub fn text(size: Size, entrants: &[Entrant]) -> Result<String> {
    let (tuning, report) = size.seeds();
    let mut text = format!("{SUITE}\n[seeds]\ntuning = \"{tuning}\"\nreport = \"{report}\"\n");
    let mut all = Vec::new();
    for name in BASELINES {
        all.push(Entrant::new(name, None)?);
    }
    for entrant in entrants {
        match all.iter().find(|one| one.name == entrant.name) {
            Some(same) if same.rates == entrant.rates => {}
            Some(_) => {
                return Err(Error::usage(format!(
                    "{} is a baseline with its own learning rates; leave --lr out",
                    entrant.name
                )));
            }
            None => all.push(entrant.clone()),
        }
    }
    for Entrant { name, rates } in &all {
        let rates: Vec<String> = rates.iter().map(|rate| format!("{rate:e}")).collect();
        text += &format!(
            "\n[[optimisers]]\nname = {name:?}\noptimiser = {name:?}\ngrid = {{ lr = [{}] }}\n",
            rates.join(", ")
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_registered_rule_can_have_a_card() {
        let all = everybody().unwrap();
        let experiment = experiment(Size::Small, &all).unwrap();
        assert!(experiment.arms.len() >= all.len());
        for arm in &experiment.arms {
            assert_eq!(arm.trials.len(), LR_STEPS, "{}", arm.name);
        }
    }

    #[test]
    fn an_entrant_tunes_nothing_but_lr() {
        let entrant = Entrant::new("adam:beta1=0.5", Some(1e-2)).unwrap();
        let rates = [3.16e-4, 1e-3, 3.16e-3, 1e-2, 3.16e-2, 1e-1, 3.16e-1];
        assert_eq!(entrant.rates, rates);
        let written = Entrant::new("adam: beta1=0.50", None).unwrap();
        assert_eq!(written.name, "adam:beta1=0.5");
        assert!(Entrant::new("lion", Some(1e300)).is_err());
        let error = Entrant::new("adam:lr=1e-3", None).unwrap_err().to_string();
        assert!(error.contains("--lr"), "{error}");
        let error = text(Size::Small, &[Entrant::new("adam", Some(1.0)).unwrap()]).unwrap_err();
        assert!(error.to_string().contains("baseline"), "{error}");
    }
}
