//! Whether a run's data fit into this machine's memory.

use std::path::Path;

use super::Config;
use crate::{Error, Result, run::memory_limit};

/// From this size on, a run says beforehand how much it will hold: a gibibyte.
const WORTH_A_WORD: u64 = 1 << 30;

/// A sentence about the memory that `agents` agents will hold, if it is much. An error if this
/// process may use less memory.
pub fn check(config: &Config, agents: usize) -> Result<Option<String>> {
    within(config, agents, memory_limit(Path::new("/")))
}

fn within(config: &Config, agents: usize, total: Option<u64>) -> Result<Option<String>> {
    let env = envs::make(&config.run.env)?;
    let steps = config.run.steps;
    let held = config
        .algorithm
        .experience_bytes(&config.agent, env.spec(), steps);
    let Some((each, key)) = held else {
        return Ok(None);
    };
    let all = each.saturating_mul(agents as u64);
    let value = config.agent.get(key).map(settings::Value::plain);
    let value = value.unwrap_or_default();
    let what = match agents {
        1 => "an agent's experience takes".to_owned(),
        _ => format!("the experience of {agents} agents takes"),
    };
    let taken = format!("{key} = {value}: {what} {} by step {steps}", gigabytes(all));
    match total {
        Some(total) if all > total => Err(Error::usage(format!(
            "{taken}, and this process may use {} of memory; a smaller {key} or fewer steps need less",
            gigabytes(total)
        ))),
        _ => Ok((all >= WORTH_A_WORD).then_some(taken)),
    }
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use settings::Value;

    use super::*;
    use crate::run::rl::ConfigSource;

    fn config(env: &str, steps: i64, agent: &[(&'static str, Value)]) -> Config {
        let source = ConfigSource {
            run: [("env", Value::from(env)), ("steps", Value::Whole(steps))]
                .into_iter()
                .collect(),
            agent: agent.iter().cloned().collect(),
            ..ConfigSource::default()
        };
        source.resolve(None).unwrap()
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_it_takes() {
        let large = |size: i64| [("buffer_size", Value::Whole(size))];
        let memory = Some(2_000_000_000);
        // Sixteen bytes of observation and twelve of the rest.
        let config_of = |size, steps| config("cartpole", steps, &large(size));
        let error = within(&config_of(100_000_000, 200_000_000), 1, memory).unwrap_err();
        assert_eq!(
            error.to_string(),
            "buffer_size = 100000000: an agent's experience takes 2.8 GB by step 200000000, and this process may use \
             2.0 GB of memory; a smaller buffer_size or fewer steps need less"
        );
        // It grows as it fills.
        assert_eq!(
            within(&config_of(1_000_000_000, 500_000), 1, memory).unwrap(),
            None
        );
        let word = within(&config_of(50_000_000, 50_000_000), 1, memory).unwrap();
        assert_eq!(
            word.unwrap(),
            "buffer_size = 50000000: an agent's experience takes 1.4 GB by step 50000000"
        );
        assert!(within(&config_of(50_000_000, 50_000_000), 2, memory).is_err());
        assert!(within(&config_of(50_000_000, 50_000_000), 2, None).is_ok());
        // Bits: 400 values in 50 bytes.
        let bits = config("breakout", 40_000_000, &large(40_000_000));
        assert!(within(&bits, 1, Some(2_490_000_000)).is_ok());
        assert!(within(&bits, 1, Some(2_470_000_000)).is_err());
        let mut prioritized = large(50_000_000).to_vec();
        prioritized.push(("prioritized", Value::Flag(true)));
        let prioritized = config("cartpole", 50_000_000, &prioritized);
        assert!(within(&prioritized, 1, Some(1_790_000_000)).is_err());
    }
}
