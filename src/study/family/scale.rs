//! The scores that results are normalised by, of the environments whose are known.

/// Two scores of an environment, which normalised scores call 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// What chance scores.
    pub random: f64,
    /// What a good agent scores.
    pub reference: f64,
}

/// Scores of the plain environments: of chance as measured over 20 streams of 20,000 steps
/// (`results/environments`), and of a good agent.
const SCALES: [(&str, f64, f64); 5] = [
    // As long as an episode can be.
    ("cartpole", 22.2, 500.0),
    // Gymnasium's thresholds.
    ("acrobot", -498.0, -100.0),
    ("mountain_car", -200.0, -110.0),
    // The most there is.
    ("catch", -0.602, 1.0),
    ("deep_sea", -0.00412, 0.99),
];

/// The scale of `env`, with whatever drifts and dials, if it is known.
pub(super) fn scale_of(env: &str) -> Option<Scale> {
    let name = envs::make(env).ok()?.spec().name.clone();
    let plain = name.split('?').next()?;
    let known = SCALES.iter().find(|(env, ..)| *env == plain);
    known.map(|&(_, random, reference)| Scale { random, reference })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dials_do_not_change_a_scale() {
        assert_eq!(scale_of("cartpole").unwrap().reference, 500.0);
        assert_eq!(scale_of("cartpole?length=0.7"), scale_of("cartpole"));
        assert_eq!(scale_of("nowhere"), None);
    }
}
