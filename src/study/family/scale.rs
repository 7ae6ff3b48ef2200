//! The scores that normalise results, for environments where they are known.

/// Two scores of an environment that count as 0 and 1 in normalised scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The score of chance.
    pub random: f64,
    /// The score of a good agent.
    pub reference: f64,
}

impl Scale {
    /// `score` with chance at 0 and a good agent at 1.
    pub fn normalised(self, score: f64) -> f64 {
        (score - self.random) / (self.reference - self.random)
    }
}

/// Scores of the plain environments: that of chance, measured over 20 streams of 20,000 steps
/// (`results/environments`), and that of a good agent.
const SCALES: [(&str, f64, f64); 5] = [
    // The longest possible episode.
    ("cartpole", 22.2, 500.0),
    // Gymnasium's thresholds.
    ("acrobot", -498.0, -100.0),
    ("mountain_car", -200.0, -110.0),
    // The highest possible return.
    ("catch", -0.602, 1.0),
    ("deep_sea", -0.00412, 0.99),
];

/// What a scale does not hold for: other lengths of episodes, other rewards, other outcomes of actions.
const OTHER_SCORES: [&str; 4] = ["max_steps=", "reward=", "drift=reward:", "stochastic"];

/// The scale of `env` if it is known. Drifts and dials of its physics do not change it.
pub(super) fn scale_of(env: &str) -> Option<Scale> {
    let name = envs::make(env).ok()?.spec().name.clone();
    let (plain, settings) = name.split_once('?').unwrap_or((&name, ""));
    let other = |word: &str| OTHER_SCORES.iter().any(|start| word.starts_with(start));
    if settings.split('&').any(other) {
        return None;
    }
    let known = SCALES.iter().find(|(env, ..)| *env == plain);
    known.map(|&(_, random, reference)| Scale { random, reference })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_scores_has_no_scale() {
        for env in [
            "cartpole?max_steps=50",
            "mountain_car?max_steps=1000",
            "catch?reward=2",
            "catch?drift=reward:-1..1/period=100,shape=step",
            "deep_sea?stochastic",
        ] {
            assert!(envs::make(env).is_ok() && scale_of(env).is_none(), "{env}");
        }
    }

    #[test]
    fn dials_do_not_change_a_scale() {
        assert_eq!(scale_of("cartpole").unwrap().reference, 500.0);
        assert_eq!(scale_of("cartpole?length=0.7"), scale_of("cartpole"));
        assert_eq!(scale_of("nowhere"), None);
    }
}
