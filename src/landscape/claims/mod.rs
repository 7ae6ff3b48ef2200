//! What the note says about optimisers, each sentence with the numbers that support or contradict it.
//!
//! One rule decides every verdict. A number with an expectation *supports* the sentence when its whole
//! interval lies beyond the expected bound by [`MARGIN`], and *contradicts* it when the whole interval lies
//! beyond it on the other side by as much. A sentence is supported or contradicted when all its expectations
//! agree; otherwise the verdict is mixed. Numbers without an expectation are there to be read beside.
//!
//! Every optimiser has the lr that [`Tuner`] finds best for it, unless the number says otherwise.

mod measure;
mod sentences;

use std::fmt;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use stats::Estimate;

use super::{Surface, Tuner};
use crate::Result;

/// How far beyond a bound an interval must lie, as a factor, to count.
pub const MARGIN: f64 = 1.05;

/// A sentence to be measured.
pub struct Claim {
    /// A word to find it by.
    pub name: &'static str,
    /// What the note says, in other words.
    pub sentence: &'static str,
    /// The surfaces it is measured on.
    pub surfaces: &'static [&'static str],
    measure: fn(&mut Tuner) -> Result<Vec<Number>>,
}

/// A number that bears on a claim.
#[derive(Clone, Debug)]
pub struct Number {
    /// The surface it was measured on; none if it is a matter of the rules alone.
    pub on: Option<&'static str>,
    /// What was measured.
    pub what: String,
    /// The number with its interval.
    pub estimate: Estimate,
    /// What the claim leads one to expect of it.
    pub expected: Option<Expected>,
}

/// A bound that a claim puts on a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expected {
    /// The number should be above this.
    Above(f64),
    /// The number should be below this.
    Below(f64),
}

/// What the numbers say of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every expectation is met.
    Supports,
    /// Every expectation is refuted.
    Contradicts,
    /// Some of each, or an interval that decides nothing.
    Mixed,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above(bound) => write!(f, "> {bound}"),
            Self::Below(bound) => write!(f, "< {bound}"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Supports => "supports",
            Self::Contradicts => "contradicts",
            Self::Mixed => "mixed",
        })
    }
}

/// A claim, measured.
pub struct Measured {
    /// The claim.
    pub claim: &'static Claim,
    /// Its numbers.
    pub numbers: Vec<Number>,
    /// What they say.
    pub verdict: Verdict,
}

/// Every claim there is.
pub fn claims() -> &'static [Claim] {
    sentences::CLAIMS
}

/// Measures every claim that is about no other surface than `surfaces`.
pub fn measure(surfaces: &[&Surface], tuner: &mut Tuner) -> Result<Vec<Measured>> {
    let about = claims().iter().filter(|claim| claim.is_about(surfaces));
    about.map(|claim| claim.measure(tuner)).collect()
}

impl Claim {
    /// Whether it is about no other surface than `surfaces`.
    pub fn is_about(&self, surfaces: &[&Surface]) -> bool {
        let given = |name: &&str| surfaces.iter().any(|surface| surface.name == *name);
        self.surfaces.iter().all(given)
    }

    /// Measures it.
    pub fn measure(&'static self, tuner: &mut Tuner) -> Result<Measured> {
        let numbers = (self.measure)(tuner)?;
        let verdict = verdict(&numbers);
        Ok(Measured {
            claim: self,
            numbers,
            verdict,
        })
    }
}

fn verdict(numbers: &[Number]) -> Verdict {
    let mut verdicts = numbers.iter().filter_map(Number::verdict);
    let first = verdicts.next().unwrap_or(Verdict::Mixed);
    if verdicts.all(|verdict| verdict == first) {
        first
    } else {
        Verdict::Mixed
    }
}

impl Number {
    /// The geometric mean of `values`, all positive, with its interval.
    fn of(what: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        let logs: Vec<f64> = values.into_iter().map(f64::ln).collect();
        // The generator starts anew each time, so that no number depends on what else is computed.
        let none = Estimate {
            point: f64::NAN,
            lo: f64::NAN,
            hi: f64::NAN,
            n: 0,
        };
        let log = stats::mean(&logs, &mut ChaCha8Rng::seed_from_u64(0)).unwrap_or(none);
        Self {
            on: None,
            what: what.into(),
            estimate: Estimate {
                point: log.point.exp(),
                lo: log.lo.exp(),
                hi: log.hi.exp(),
                n: log.n,
            },
            expected: None,
        }
    }

    /// [`of`](Self::of) the ratios `over[i] / under[i]`.
    fn ratio(what: impl Into<String>, over: &[f64], under: &[f64]) -> Self {
        Self::of(what, over.iter().zip(under).map(|(a, b)| a / b))
    }

    /// This number, measured on `surface`.
    fn on(self, surface: &'static str) -> Self {
        let on = Some(surface);
        Self { on, ..self }
    }

    fn above(self, bound: f64) -> Self {
        let expected = Some(Expected::Above(bound));
        Self { expected, ..self }
    }

    fn below(self, bound: f64) -> Self {
        let expected = Some(Expected::Below(bound));
        Self { expected, ..self }
    }

    /// What this number says of its claim; `None` if nothing was expected of it.
    pub fn verdict(&self) -> Option<Verdict> {
        let Estimate { lo, hi, .. } = self.estimate;
        let (higher, lower) = match self.expected? {
            Expected::Above(bound) => (lo > bound * MARGIN, hi < bound / MARGIN),
            Expected::Below(bound) => (hi < bound / MARGIN, lo > bound * MARGIN),
        };
        Some(match (higher, lower) {
            (true, _) => Verdict::Supports,
            (_, true) => Verdict::Contradicts,
            _ => Verdict::Mixed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(lo: f64, hi: f64) -> Number {
        let what = String::new();
        let (point, n) = ((lo + hi) / 2.0, 30);
        Number {
            on: None,
            what,
            estimate: Estimate { point, lo, hi, n },
            expected: None,
        }
    }

    #[test]
    fn verdicts_follow_from_intervals() {
        use Verdict::*;
        assert_eq!(number(1.1, 1.2).verdict(), None);
        assert_eq!(number(1.1, 1.2).above(1.0).verdict(), Some(Supports));
        assert_eq!(number(1.1, 1.2).below(1.0).verdict(), Some(Contradicts));
        assert_eq!(number(1.01, 1.2).above(1.0).verdict(), Some(Mixed));
        assert_eq!(number(0.8, 0.9).above(1.0).verdict(), Some(Contradicts));
        assert_eq!(number(0.8, 1.2).below(1.0).verdict(), Some(Mixed));
        assert_eq!(number(f64::NAN, f64::NAN).above(1.0).verdict(), Some(Mixed));
    }

    #[test]
    fn a_claim_needs_all_its_numbers() {
        let (yes, no) = (number(2.0, 3.0).above(1.0), number(2.0, 3.0).below(1.0));
        let beside = number(0.0, 9.0);
        assert_eq!(verdict(&[yes.clone(), beside.clone()]), Verdict::Supports);
        assert_eq!(verdict(&[no.clone(), no.clone()]), Verdict::Contradicts);
        assert_eq!(verdict(&[yes, no]), Verdict::Mixed);
        assert_eq!(verdict(&[beside]), Verdict::Mixed);
    }

    #[test]
    fn claims_name_surfaces_that_exist() {
        for claim in claims() {
            for name in claim.surfaces {
                Surface::named(name).unwrap();
            }
        }
    }
}
