//! The rule that turns a contrast into a verdict. The rule is here, and its parameters are in the experiment's TOML,
//! so that both are fixed before any run.

use std::fmt;

use stats::{Estimate, Tested, holm};

use super::scope::Scope;
use crate::{Result, numbers::count, study::experiment::ClaimedSide};

/// Fewer seeds than this decide nothing: the bootstrap's intervals are too narrow, and three seeds
/// agree by chance one time in four.
pub const FEWEST_SEEDS: usize = 10;

/// With fewer seeds than this there is neither an interval nor a p-value.
pub const FEWEST_FOR_INFERENCE: usize = 5;

/// The probability of finding a difference where there is none.
pub const ALPHA: f64 = 0.05;

/// The evidence for a verdict.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The difference of the interquartile means.
    pub difference: Tested,
    /// The probability that a run is better than the other arm's run with the same seed, minus 1/2.
    pub advantage: Tested,
    /// What the effect is.
    pub kind: EffectKind,
    /// The p-value of no difference, corrected if it is one of several.
    pub p: f64,
    /// Differences smaller than this count as none; 0 if every difference counts.
    pub margin: f64,
    /// The number of seeds; of several groups of environments, the smallest number.
    pub seeds: usize,
    /// The optimisers whose runs all diverged; if there are any, nothing was compared.
    pub all_diverged: Vec<String>,
    /// Whether no environment is informative, so that no difference could have shown.
    pub uninformative: bool,
    /// The environments without which the finding changes.
    pub flips_without: Vec<String>,
    /// The cells that the effect is from; those of both sides if differences are compared.
    pub cells: Vec<usize>,
}

/// Holm's correction of the p-values of a family. Evidence from too few seeds for a p-value is not part of it.
pub fn correct<'a>(family: impl Iterator<Item = &'a mut Evidence>) -> Result<()> {
    let family: Vec<&mut Evidence> = family.filter(|one| one.has_interval()).collect();
    let p: Vec<f64> = family.iter().map(|one| one.p).collect();
    for (one, corrected) in family.into_iter().zip(holm(&p)?) {
        one.p = corrected;
    }
    Ok(())
}

/// What an effect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectKind {
    /// A difference of two optimisers.
    Difference,
    /// How much larger a difference is in some environments than in others.
    Interaction,
    /// How much a difference grows along a dial.
    Growth,
}

impl EffectKind {
    /// The kind of an effect that is measured in `scope`.
    pub fn of(scope: &Scope) -> Self {
        match scope {
            Scope::In(_) => Self::Difference,
            Scope::Less(_) => Self::Interaction,
            Scope::Along(_) => Self::Growth,
        }
    }

    /// Whether differences are compared. If so, the advantage decides, which does not depend on the scale of the scores;
    /// otherwise the difference decides.
    pub fn compares_differences(self) -> bool {
        self != Self::Difference
    }
}

/// What the evidence says about an effect.
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
pub fn rule() -> String {
    format!(
        "If the whole 95 % interval of a difference lies within the margin around 0, there is no difference (equivalent). \
         Otherwise there is a difference if its interval excludes 0 and p < {ALPHA}. Holm's correction of p is within each \
         question: over both outcomes of the contrast that decides, and over all other contrasts together. A difference \
         between environments, or the growth along a dial, is judged by the probability of improvement, which does not depend on the scale of the \
         scores, and is never called equivalent. The hypothesis is supported if the difference is in the direction that it \
         states, and refuted if it is in the opposite direction. Everything else is inconclusive: a finding that changes \
         when one environment is left out, no difference where no environment is informative, a result from fewer than \
         {FEWEST_SEEDS} seeds, and a result for an optimiser whose runs all diverged."
    )
}

impl Evidence {
    /// What decides: the difference, or the advantage where differences are compared.
    pub fn effect(&self) -> Estimate {
        match self.kind.compares_differences() {
            true => self.advantage.estimate,
            false => self.difference.estimate,
        }
    }

    /// The advantage as a probability of improvement: 0.5 is no difference.
    pub fn improvement(&self) -> Estimate {
        self.advantage.estimate.shifted(0.5)
    }

    /// Whether there are enough seeds for an interval.
    pub fn has_interval(&self) -> bool {
        self.seeds >= FEWEST_FOR_INFERENCE
    }

    /// The finding in words.
    pub fn in_words(&self) -> String {
        match (self.finding(), self.kind) {
            (Finding::Above, EffectKind::Growth) => "grows".into(),
            (Finding::Below, EffectKind::Growth) => "falls".into(),
            (finding, _) => finding.to_string(),
        }
    }

    /// The finding by the rule.
    pub fn finding(&self) -> Finding {
        let Estimate { lo, hi, .. } = self.effect();
        if !self.all_diverged.is_empty() {
            let arms = self.all_diverged.join(" and of ");
            let at = match self.kind {
                EffectKind::Growth => " at a level of the dial",
                EffectKind::Difference | EffectKind::Interaction => "",
            };
            return Finding::Undecided(format!("every run of {arms} diverged{at}"));
        }
        if self.seeds < FEWEST_SEEDS {
            let are = if self.seeds == 1 { "is" } else { "are" };
            let seeds = count(self.seeds, "seed");
            return Finding::Undecided(format!("{seeds} {are} too few; {FEWEST_SEEDS} are needed"));
        }
        let significant = self.p < ALPHA && (lo > 0.0 || hi < 0.0);
        // If a difference shows, it could have shown. But a difference between environments may come from one where no
        // optimiser could improve.
        let within = -self.margin < lo && hi < self.margin;
        if self.uninformative && (self.kind.compares_differences() || within || !significant) {
            return Finding::Undecided("not informative".into());
        }
        if !self.flips_without.is_empty() {
            let names = self.flips_without.join(" or ");
            return Finding::Undecided(format!("it changes without {names}"));
        }
        if !self.kind.compares_differences() && within {
            return Finding::Equivalent;
        }
        match significant {
            true if lo > 0.0 => Finding::Above,
            true => Finding::Below,
            false => Finding::Undecided("not significant".into()),
        }
    }
}

impl Finding {
    /// Whether it says anything about the difference.
    pub fn decides(&self) -> bool {
        !matches!(self, Finding::Undecided(_))
    }

    /// What the finding means for a hypothesis with this claim.
    pub fn verdict(&self, claim: ClaimedSide) -> Verdict {
        match (self, claim) {
            (Finding::Above, ClaimedSide::Above) | (Finding::Below, ClaimedSide::Below) => {
                Verdict::Supported
            }
            (Finding::Above, ClaimedSide::Below) | (Finding::Below, ClaimedSide::Above) => {
                Verdict::Refuted
            }
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
    /// The joint verdict of several outcomes. One outcome is enough to support or to refute. If one supports and
    /// another refutes, the joint verdict is inconclusive. It is equivalent only if all outcomes are.
    pub fn together(verdicts: &[Verdict]) -> Self {
        let any = |verdict| verdicts.contains(&verdict);
        match (any(Verdict::Supported), any(Verdict::Refuted)) {
            (true, false) => Verdict::Supported,
            (false, true) => Verdict::Refuted,
            (false, false) if !any(Verdict::Inconclusive) && any(Verdict::Equivalent) => {
                Verdict::Equivalent
            }
            _ => Verdict::Inconclusive,
        }
    }

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
    use stats::{Aggregate, Bootstrap, Contrast, Measure, Scores};

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
        let bootstrap = Bootstrap::default();
        let test = |measure| {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            contrast.test(measure, &bootstrap, &mut rng).unwrap()
        };
        let difference = test(Measure::Sum(Aggregate::Iqm));
        Evidence {
            p: difference.p,
            difference,
            advantage: test(Measure::Advantage),
            kind: EffectKind::Difference,
            margin: 0.05,
            seeds: 30,
            all_diverged: Vec::new(),
            uninformative: false,
            flips_without: Vec::new(),
            cells: vec![0, 1],
        }
    }

    #[test]
    fn each_verdict_is_reached() {
        let verdict = |shift, spread| {
            evidence(shift, spread)
                .finding()
                .verdict(ClaimedSide::Below)
        };
        assert_eq!(verdict(-0.2, 0.1), Verdict::Supported);
        assert_eq!(verdict(0.2, 0.1), Verdict::Refuted);
        assert_eq!(verdict(0.001, 0.01), Verdict::Equivalent);
        assert_eq!(verdict(0.0, 0.4), Verdict::Inconclusive);
        // A difference within the margin counts as none, even if it is certain.
        assert_eq!(verdict(-0.01, 0.001), Verdict::Equivalent);
        // The opposite claim swaps two of the verdicts.
        let above = |shift| evidence(shift, 0.1).finding().verdict(ClaimedSide::Above);
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
        let uninformative = Evidence {
            uninformative: true,
            ..evidence(0.0, 0.01)
        };
        let shows = Evidence {
            uninformative: true,
            ..sure.clone()
        };
        assert_eq!(shows.finding(), Finding::Below);
        // A difference within the margin counts as none, and where none could have shown that means nothing.
        let small = Evidence {
            uninformative: true,
            ..evidence(-0.01, 0.001)
        };
        assert_eq!(
            small.finding(),
            Finding::Undecided("not informative".into())
        );
        let between = Evidence {
            kind: EffectKind::Interaction,
            ..shows
        };
        let flips = Evidence {
            flips_without: vec!["cartpole".into()],
            ..sure.clone()
        };
        let corrected = Evidence { p: 0.2, ..sure };
        for (evidence, words) in [
            (few, "9 seeds are too few"),
            (one, "1 seed is too few; 10 are needed"),
            (diverged, "every run of sgd diverged"),
            (both, "every run of sgd and of adam diverged"),
            (uninformative, "not informative"),
            (between, "not informative"),
            (flips, "it changes without cartpole"),
            (corrected, "not significant"),
        ] {
            let finding = evidence.finding();
            assert!(finding.to_string().contains(words), "{finding}");
            assert_eq!(finding.verdict(ClaimedSide::Below), Verdict::Inconclusive);
        }
        // Without a margin nothing is equivalent.
        let none = Evidence {
            margin: 0.0,
            ..evidence(0.0, 0.0)
        };
        assert_eq!(none.finding(), Finding::Undecided("not significant".into()));
    }

    #[test]
    fn outcomes_that_contradict_each_other_conclude_nothing() {
        use Verdict::{Equivalent, Inconclusive, Refuted, Supported};
        for (verdicts, together) in [
            ([Supported, Supported], Supported),
            ([Supported, Inconclusive], Supported),
            ([Equivalent, Refuted], Refuted),
            ([Supported, Refuted], Inconclusive),
            ([Equivalent, Equivalent], Equivalent),
            ([Equivalent, Inconclusive], Inconclusive),
        ] {
            assert_eq!(Verdict::together(&verdicts), together);
        }
    }

    #[test]
    fn an_interaction_is_judged_by_its_advantage_and_never_equivalent() {
        let interaction = Evidence {
            kind: EffectKind::Interaction,
            ..evidence(-0.2, 0.1)
        };
        assert_eq!(interaction.effect(), interaction.advantage.estimate);
        assert_eq!(interaction.finding(), Finding::Below);
        let none = Evidence {
            kind: EffectKind::Interaction,
            ..evidence(0.0, 0.0)
        };
        assert_eq!(none.finding(), Finding::Undecided("not significant".into()));
    }
}
