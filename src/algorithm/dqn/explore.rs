//! Exploration: how often an action is random.

use super::DqnConfig;

/// The probability of a random action at step `t` of `steps`: falls linearly from `start_e` to `end_e`
/// over the first `exploration_fraction` of the run.
pub fn epsilon(config: &DqnConfig, t: u64, steps: u64) -> f64 {
    let DqnConfig { start_e, end_e, .. } = *config;
    let duration = config.exploration_fraction * steps as f64;
    if t as f64 >= duration {
        return end_e;
    }
    start_e + (end_e - start_e) * t as f64 / duration
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epsilon_falls_in_a_straight_line_then_stays() {
        let config = DqnConfig::cleanrl();
        assert_eq!(epsilon(&config, 0, 1000), 1.0);
        assert!((epsilon(&config, 250, 1000) - 0.525).abs() < 1e-12);
        assert_eq!(epsilon(&config, 500, 1000), 0.05);
        assert_eq!(epsilon(&config, 999, 1000), 0.05);
        let at_once = DqnConfig {
            exploration_fraction: 0.0,
            ..config
        };
        assert_eq!(epsilon(&at_once, 0, 1000), 0.05);
    }
}
