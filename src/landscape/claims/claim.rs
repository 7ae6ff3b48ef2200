//! What a claim is, and how its numbers decide about it.

use std::fmt;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use stats::{self, Estimate};

use crate::{
    Result,
    landscape::{surface::Surface, tune::Tuner},
};

/// The factor by which an interval must lie beyond a bound to count.
pub const MARGIN: f64 = 1.05;

/// A sentence of the note, to be measured.
pub struct Claim {
    /// A name for tables.
    pub name: &'static str,
    /// The note's statement, paraphrased.
    pub sentence: &'static str,
    /// The surfaces on which it is measured.
    pub surfaces: &'static [&'static str],
    pub(super) measure: fn(&mut Tuner) -> Result<Vec<Measurement>>,
}

/// A number that bears on a claim.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// The surface that it was measured on; none if it depends on the rules alone.
    pub surface: Option<&'static str>,
    /// What was measured.
    pub description: String,
    /// The number with its interval.
    pub estimate: Estimate,
    /// What the claim predicts for it, if anything.
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

/// What the numbers say about a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimVerdict {
    /// Every prediction holds.
    Supports,
    /// Every prediction is refuted.
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

impl fmt::Display for ClaimVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Supports => "supports",
            Self::Contradicts => "contradicts",
            Self::Mixed => "mixed",
        })
    }
}

/// A claim, measured.
pub struct MeasuredClaim {
    /// The claim.
    pub claim: &'static Claim,
    /// The numbers.
    pub measurements: Vec<Measurement>,
    /// What the numbers say.
    pub verdict: ClaimVerdict,
}

impl Claim {
    /// Whether it needs no other surface than `surfaces`.
    pub fn is_about(&self, surfaces: &[&Surface]) -> bool {
        let given = |name: &&str| surfaces.iter().any(|surface| surface.name == *name);
        self.surfaces.iter().all(given)
    }

    /// Measures the claim.
    pub(super) fn measure(&'static self, tuner: &mut Tuner) -> Result<MeasuredClaim> {
        let measurements = (self.measure)(tuner)?;
        let verdict = verdict(&measurements);
        Ok(MeasuredClaim {
            claim: self,
            measurements,
            verdict,
        })
    }
}

/// The verdict on a claim.
fn verdict(measurements: &[Measurement]) -> ClaimVerdict {
    let mut verdicts = measurements.iter().filter_map(Measurement::verdict);
    let first = verdicts.next().unwrap_or(ClaimVerdict::Mixed);
    if verdicts.all(|verdict| verdict == first) {
        first
    } else {
        ClaimVerdict::Mixed
    }
}

impl Measurement {
    /// The geometric mean of `values`, all positive, with its interval.
    pub(super) fn of(
        description: impl Into<String>,
        values: impl IntoIterator<Item = f64>,
    ) -> Self {
        let logs: Vec<f64> = values.into_iter().map(f64::ln).collect();
        // Each call has a fresh generator, so that no number depends on what else is computed.
        let none = Estimate {
            point: f64::NAN,
            lo: f64::NAN,
            hi: f64::NAN,
            n: 0,
        };
        let log = stats::mean(&logs, &mut ChaCha8Rng::seed_from_u64(0)).unwrap_or(none);
        Self {
            surface: None,
            description: description.into(),
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
    pub(super) fn ratio(description: impl Into<String>, over: &[f64], under: &[f64]) -> Self {
        Self::of(description, over.iter().zip(under).map(|(a, b)| a / b))
    }

    /// The same number, measured on `surface`.
    pub(super) fn on(self, surface: &'static str) -> Self {
        let surface = Some(surface);
        Self { surface, ..self }
    }

    /// The same number, predicted to be above `bound`.
    pub(super) fn above(self, bound: f64) -> Self {
        let expected = Some(Expected::Above(bound));
        Self { expected, ..self }
    }

    /// The same number, predicted to be below `bound`.
    pub(super) fn below(self, bound: f64) -> Self {
        let expected = Some(Expected::Below(bound));
        Self { expected, ..self }
    }

    /// What this number says about its claim; `None` if the claim predicts nothing for it.
    pub fn verdict(&self) -> Option<ClaimVerdict> {
        let Estimate { lo, hi, .. } = self.estimate;
        let (higher, lower) = match self.expected? {
            Expected::Above(bound) => (lo > bound * MARGIN, hi < bound / MARGIN),
            Expected::Below(bound) => (hi < bound / MARGIN, lo > bound * MARGIN),
        };
        Some(match (higher, lower) {
            (true, _) => ClaimVerdict::Supports,
            (_, true) => ClaimVerdict::Contradicts,
            _ => ClaimVerdict::Mixed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(lo: f64, hi: f64) -> Measurement {
        let description = String::new();
        let (point, n) = ((lo + hi) / 2.0, 30);
        Measurement {
            surface: None,
            description,
            estimate: Estimate { point, lo, hi, n },
            expected: None,
        }
    }

    #[test]
    fn verdicts_follow_from_intervals() {
        use ClaimVerdict::*;
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
        assert_eq!(
            verdict(&[yes.clone(), beside.clone()]),
            ClaimVerdict::Supports
        );
        assert_eq!(
            verdict(&[no.clone(), no.clone()]),
            ClaimVerdict::Contradicts
        );
        assert_eq!(verdict(&[yes, no]), ClaimVerdict::Mixed);
        assert_eq!(verdict(&[beside]), ClaimVerdict::Mixed);
    }
}
