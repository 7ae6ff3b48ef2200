//! The rule that turns a contrast into a word. It stands here, and the experiment's TOML has what it needs,
//! before any run is done.

use std::fmt;

use stats::Estimate;

use crate::study::experiment::Claim;

/// Fewer seeds than this decide nothing: the bootstrap's intervals are too narrow, and three seeds agree by
/// chance in one case of four.
pub const FEWEST_SEEDS: usize = 10;

/// How often a difference is found where there is none.
pub const ALPHA: f64 = 0.05;

/// What a verdict rests on.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The difference with its 95 % interval.
    pub effect: Estimate,
    /// The p-value of no difference, corrected if it is one of several.
    pub p: f64,
    /// The difference that counts as none; 0 if there is no such.
    pub margin: f64,
    /// Seeds of the cell that has the fewest.
    pub seeds: usize,
    /// An optimiser all of whose runs diverged, so that nothing was compared.
    pub lost: Option<String>,
}

/// What the evidence says of a difference.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// Above 0.
    Above,
    /// Below 0.
    Below,
    /// Within the margin.
    Equivalent,
    /// Neither, and why.
    Undecided(String),
}

/// What that says of the hypothesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Supported,
    Refuted,
    Equivalent,
    Inconclusive,
}

/// The rule, as the report states it.
pub fn rule(margin: f64) -> String {
    let equal = match margin > 0.0 {
        true => format!(
            "A difference whose 95 % interval lies wholly within ±{margin} is none (equivalent). "
        ),
        false => "No margin is given, so nothing is equivalent. ".into(),
    };
    format!(
        "{equal}Otherwise it is one if its interval excludes 0 and p < {ALPHA} (corrected after Holm, except for the \
         contrast that decides): supported if it is on the side that the hypothesis says, refuted if on the other. \
         Anything else is inconclusive, and so is whatever rests on fewer than {FEWEST_SEEDS} seeds, or on an \
         optimiser all of whose runs diverged."
    )
}

impl Evidence {
    /// The finding by that rule.
    pub fn finding(&self) -> Finding {
        let Estimate { lo, hi, .. } = self.effect;
        if let Some(arm) = &self.lost {
            return Finding::Undecided(format!("every run of {arm} diverged"));
        }
        if self.seeds < FEWEST_SEEDS {
            let few = self.seeds;
            return Finding::Undecided(format!("{few} seeds are too few; it takes {FEWEST_SEEDS}"));
        }
        if -self.margin < lo && hi < self.margin {
            return Finding::Equivalent;
        }
        match self.p < ALPHA {
            true if lo > 0.0 => Finding::Above,
            true if hi < 0.0 => Finding::Below,
            _ => Finding::Undecided("not significant".into()),
        }
    }
}

impl Finding {
    /// What it means for a hypothesis that claims so.
    pub fn verdict(&self, claim: Claim) -> Verdict {
        match (self, claim) {
            (Finding::Above, Claim::Above) | (Finding::Below, Claim::Below) => Verdict::Supported,
            (Finding::Above, Claim::Below) | (Finding::Below, Claim::Above) => Verdict::Refuted,
            (Finding::Equivalent, _) => Verdict::Equivalent,
            (Finding::Undecided(_), _) => Verdict::Inconclusive,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Above => f.write_str("better"),
            Finding::Below => f.write_str("worse"),
            Finding::Equivalent => f.write_str("equivalent"),
            Finding::Undecided(why) => f.write_str(why),
        }
    }
}

impl Verdict {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Supported => "supported",
            Verdict::Refuted => "refuted",
            Verdict::Equivalent => "equivalent",
            Verdict::Inconclusive => "inconclusive",
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use stats::{Aggregate, Bootstrap, Contrast, Scores};

    /// What is found of thirty pairs of scores in each of two tasks, `with` being `shift` above `without`
    /// in one pair more or less than in the next.
    fn evidence(shift: f64, spread: f64) -> Evidence {
        let arm = |shift: f64, spread: f64| {
            let score = move |seed: u64| {
                0.5 + 0.01 * (seed % 7) as f64 + shift + spread * (seed % 3) as f64
            };
            let rows = ["a", "b"]
                .into_iter()
                .flat_map(|task| (1..=30).map(move |seed| (task, seed)));
            Scores::new(rows.map(|(task, seed)| (task, seed, score(seed)))).unwrap()
        };
        let (with, without) = (arm(shift - spread, spread), arm(0.0, 0.0));
        let contrast = Contrast::effect(&with, &without).unwrap();
        let (bootstrap, rng) = (Bootstrap::default(), || ChaCha8Rng::seed_from_u64(1));
        Evidence {
            effect: contrast.estimate(Aggregate::Iqm, &bootstrap, &mut rng()),
            p: contrast.p_value(Aggregate::Iqm, &bootstrap, &mut rng()),
            margin: 0.05,
            seeds: 30,
            lost: None,
        }
    }

    #[test]
    fn each_verdict_has_its_table() {
        let verdict = |shift, spread| evidence(shift, spread).finding().verdict(Claim::Below);
        assert_eq!(verdict(-0.2, 0.1), Verdict::Supported);
        assert_eq!(verdict(0.2, 0.1), Verdict::Refuted);
        assert_eq!(verdict(0.001, 0.01), Verdict::Equivalent);
        assert_eq!(verdict(0.0, 0.4), Verdict::Inconclusive);
        // A difference that is sure and within the margin is none.
        assert_eq!(verdict(-0.01, 0.001), Verdict::Equivalent);
        // The other claim turns two of them round.
        let above = |shift| evidence(shift, 0.1).finding().verdict(Claim::Above);
        assert_eq!(
            (above(0.2), above(-0.2)),
            (Verdict::Supported, Verdict::Refuted)
        );
    }

    #[test]
    fn what_cannot_decide_does_not() {
        let sure = evidence(-0.2, 0.1);
        assert_eq!(sure.finding(), Finding::Below);
        let few = Evidence {
            seeds: FEWEST_SEEDS - 1,
            ..sure.clone()
        };
        let lost = Evidence {
            lost: Some("sgd".into()),
            ..sure.clone()
        };
        let corrected = Evidence { p: 0.2, ..sure };
        for (evidence, words) in [
            (few, "9 seeds are too few"),
            (lost, "sgd"),
            (corrected, "not significant"),
        ] {
            let finding = evidence.finding();
            assert!(finding.to_string().contains(words), "{finding}");
            assert_eq!(finding.verdict(Claim::Below), Verdict::Inconclusive);
        }
        // Without a margin nothing is equivalent.
        let none = Evidence {
            margin: 0.0,
            ..evidence(0.0, 0.0)
        };
        assert_eq!(none.finding(), Finding::Undecided("not significant".into()));
    }
}
