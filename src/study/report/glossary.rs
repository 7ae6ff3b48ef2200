//! The words of a report that a reader may not know.

/// Words and their meanings, as used in table heads and verdicts.
const WORDS: [(&str, &str); 19] = [
    (
        "supported",
        "The difference is in the direction of the hypothesis, and its interval excludes 0.",
    ),
    (
        "refuted",
        "The difference is in the direction opposite to the hypothesis, and its interval excludes 0.",
    ),
    (
        "equivalent",
        "The whole interval of the difference lies within the margin: if there is a difference, it is too small to matter.",
    ),
    (
        "inconclusive",
        "The runs do not decide the question. This is not evidence that there is no difference.",
    ),
    (
        "outcome",
        "What a run is judged by: the area under its learning curve (its mean evaluation), or its final return.",
    ),
    (
        "difference",
        "The interquartile mean of the first optimiser's normalised scores minus that of the second's. Chance scores 0 and \
         a good agent 1.",
    ),
    (
        "score, IQM",
        "The interquartile mean: the mean of the runs after the lowest and the highest quarter are left out.",
    ),
    (
        "IQM",
        "The interquartile mean: the mean of the runs after the lowest and the highest quarter are left out.",
    ),
    (
        "95 % interval",
        "A bootstrap interval. Of such intervals, 95 % contain the true value.",
    ),
    ("margin", "Differences smaller than this count as none."),
    (
        "probability of improvement",
        "How likely a run of the first optimiser is to be better than a run of the second with the same seed; 0.5 means no \
         difference. With a sign, how much larger it is in some environments than in others, or at one end of a dial.",
    ),
    (
        "p",
        "How likely a difference at least this large would be if there were no true difference.",
    ),
    (
        "p, corrected",
        "p with Holm's correction for the number of tests: the more tests there are, the more likely it is that one finds \
         something by chance.",
    ),
    (
        "finding",
        "What the rule concludes from the difference: better, worse, equivalent, or why nothing follows. An effect along a \
         dial grows or falls.",
    ),
    (
        "informative",
        "Whether a difference could have shown there. An environment where no optimiser learns, or where no lr does worse, \
         tells nothing.",
    ),
    ("pairs", "Pairs of runs with the same environment and seed."),
    (
        "optimality gap",
        "How far runs fall short of the score of a good agent; lower is better.",
    ),
    (
        "bias of the choice",
        "How much better the chosen setting looked on the seeds that chose it than it does on other seeds.",
    ),
    (
        "tuning noise",
        "How much the score would vary if other seeds had chosen the setting.",
    ),
];

/// The meaning of a word.
pub fn explanation(word: &str) -> Option<&'static str> {
    let known = WORDS.iter().find(|(known, _)| *known == word);
    known.map(|(_, why)| *why)
}
