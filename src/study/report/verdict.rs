//! The rule that turns a contrast into a verdict. The rule is here and what it needs is in the experiment's TOML, so
//! that both are fixed before any run is done.

use std::fmt;

use stats::Estimate;

use crate::{numbers::count, study::experiment::Claim};

/// Fewer seeds than this decide nothing: the bootstrap's intervals are too narrow, and three seeds
/// agree by chance in one case out of four.
pub const FEWEST_SEEDS: usize = 10;

/// The probability of finding a difference where there is none.
pub const ALPHA: f64 = 0.05;

/// The evidence for a verdict.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The difference with its 95 % interval.
    pub effect: Estimate,
    /// The p-value of no difference, corrected if it is one of several.
    pub p: f64,
    /// Differences smaller than this count as none; 0 if every difference counts.
    pub margin: f64,
    /// The number of seeds; if environments are subtracted, the smaller number of the two sides.
    pub seeds: usize,
    /// The optimisers whose runs all diverged; if there are any, nothing was compared.
    pub all_diverged: Vec<String>,
}

/// What the evidence says about a difference.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// Above 0.
    Above,
    /// Below 0.
    Below,
    /// Within the margin.
    Equivalent,
    /// Neither, with the reason.
    Undecided(String),
}

/// What a finding means for the hypothesis.
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
            "If the 95 % interval of a difference lies wholly within ±{margin}, there is no difference (equivalent). "
        ),
        false => "The experiment has no margin, so nothing is equivalent. ".into(),
    };
    format!(
        "{equal}Otherwise there is a difference if its interval excludes 0 and p < {ALPHA} (with Holm's correction, except for \
         the contrast that decides). The hypothesis is supported if the difference is on the side that it says, and refuted \
         if it is on the other side. Everything else is inconclusive. So is any result from fewer than {FEWEST_SEEDS} seeds, \
         or of an optimiser all of whose runs diverged."
    )
}

impl Evidence {
    /// The finding by the rule.
    pub fn finding(&self) -> Finding {
        let Estimate { lo, hi, .. } = self.effect;
        if !self.all_diverged.is_empty() {
            let arms = self.all_diverged.join(" and of ");
            return Finding::Undecided(format!("every run of {arms} diverged"));
        }
        if self.seeds < FEWEST_SEEDS {
            let are = if self.seeds == 1 { "is" } else { "are" };
            let seeds = count(self.seeds, "seed");
            return Finding::Undecided(format!("{seeds} {are} too few; it takes {FEWEST_SEEDS}"));
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
    /// What the finding means for a hypothesis with this claim.
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
    /// The verdict in a word.
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

    /// The evidence from thirty pairs of scores in each of two tasks. On average `with` is `shift`
    /// above `without`; pairs vary around that.
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
            all_diverged: Vec::new(),
        }
    }

    #[test]
    fn each_verdict_is_reached() {
        let verdict = |shift, spread| evidence(shift, spread).finding().verdict(Claim::Below);
        assert_eq!(verdict(-0.2, 0.1), Verdict::Supported);
        assert_eq!(verdict(0.2, 0.1), Verdict::Refuted);
        assert_eq!(verdict(0.001, 0.01), Verdict::Equivalent);
        assert_eq!(verdict(0.0, 0.4), Verdict::Inconclusive);
        // A difference within the margin counts as none, even if it is certain.
        assert_eq!(verdict(-0.01, 0.001), Verdict::Equivalent);
        // The opposite claim swaps two of the verdicts.
        let above = |shift| evidence(shift, 0.1).finding().verdict(Claim::Above);
        assert_eq!(
            (above(0.2), above(-0.2)),
            (Verdict::Supported, Verdict::Refuted)
        );
    }

    #[test]
    fn too_little_evidence_decides_nothing() {
        let sure = evidence(-0.2, 0.1);
        assert_eq!(sure.finding(), Finding::Below);
        let few = Evidence {
            seeds: FEWEST_SEEDS - 1,
            ..sure.clone()
        };
        let diverged = Evidence {
            all_diverged: vec!["sgd".into()],
            ..sure.clone()
        };
        let both = Evidence {
            all_diverged: vec!["sgd".into(), "adam".into()],
            ..sure.clone()
        };
        let one = Evidence {
            seeds: 1,
            ..sure.clone()
        };
        let corrected = Evidence { p: 0.2, ..sure };
        for (evidence, words) in [
            (few, "9 seeds are too few"),
            (one, "1 seed is too few; it takes 10"),
            (diverged, "every run of sgd diverged"),
            (both, "every run of sgd and of adam diverged"),
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
