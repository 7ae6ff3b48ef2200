//! The words of a report that a reader may not know.

/// Words with what they mean, as they are in the heads of tables and in verdicts.
const WORDS: [(&str, &str); 19] = [
    (
        "supported",
        "The difference is on the side that the hypothesis says, and its interval excludes 0.",
    ),
    (
        "refuted",
        "The difference is on the other side than the hypothesis says, and its interval excludes 0.",
    ),
    (
        "equivalent",
        "The whole interval of the difference lies within the margin: if there is a difference, it is too small to matter.",
    ),
    (
        "inconclusive",
        "The runs do not decide the question. That is not evidence of no difference.",
    ),
    (
        "outcome",
        "What a run is judged by: the area under its learning curve (its mean evaluation), or its final return.",
    ),
    (
        "difference",
        "The interquartile mean of the first optimiser's normalised scores less that of the second's. Chance is 0 and a good agent 1.",
    ),
    (
        "score, IQM",
        "The interquartile mean: the mean of the runs without the lowest and the highest quarter.",
    ),
    (
        "IQM",
        "The interquartile mean: the mean of the runs without the lowest and the highest quarter.",
    ),
    (
        "95 % interval",
        "A bootstrap interval. Of such intervals, 95 % contain the true value.",
    ),
    ("margin", "Differences smaller than this count as none."),
    (
        "probability of improvement",
        "How likely a run of the first optimiser is better than a run of the second with the same seed; 0.5 is no difference.",
    ),
    (
        "p",
        "How likely a difference as large would be if there were none.",
    ),
    (
        "p, corrected",
        "p with Holm's correction: the more tests there are, the more likely one of them finds something by chance.",
    ),
    (
        "finding",
        "What the rule makes of the difference: better, worse, equivalent, or why nothing follows.",
    ),
    (
        "informative",
        "Whether a difference could have shown there. Environments where nobody learns, or where no lr does worse, tell nothing.",
    ),
    ("pairs", "Pairs of runs with the same environment and seed."),
    (
        "optimality gap",
        "How far runs fall short of the score of a good agent; lower is better.",
    ),
    (
        "bias of the choice",
        "How much better the chosen setting looked on the seeds that chose it than it is on others.",
    ),
    (
        "tuning noise",
        "How much the score would vary if other seeds had chosen the setting.",
    ),
];

/// What a word means.
pub fn explanation(word: &str) -> Option<&'static str> {
    let known = WORDS.iter().find(|(known, _)| *known == word);
    known.map(|(_, why)| *why)
}
