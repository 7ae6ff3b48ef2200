//! Agents that act in several environments at once.

use super::*;

/// The number called `name` in a row reported by a run, such as `step: 12`.
fn field(row: &str, name: &str) -> f64 {
    let start = row.find(&format!("{name}: ")).unwrap() + name.len() + 2;
    let text: String = row[start..]
        .chars()
        .take_while(|c| !", }".contains(*c))
        .collect();
    text.parse().unwrap()
}

#[test]
fn steps_and_episodes_of_several_environments_are_counted_together() {
    for definition in algorithms() {
        let mut config = short(definition, 1);
        config.run.eval_every = 100;
        let together = config.environments() as u64;
        let (record, outcome) = alone(&config);
        let rows = |kind: &str| -> Vec<&String> {
            record
                .rows
                .iter()
                .filter(|row| row.starts_with(kind))
                .collect()
        };
        // At the first step of all environments that is at or past each multiple.
        let evaluated: Vec<u64> = rows("Evaluation")
            .iter()
            .map(|row| field(row, "step") as u64)
            .collect();
        let due: Vec<u64> = (0..=STEPS / 100)
            .map(|k| (k * 100).next_multiple_of(together))
            .collect();
        assert_eq!(evaluated, due, "{}", definition.name());
        let episodes = rows("Episode");
        assert_eq!(episodes.len() as u64, outcome.episodes);
        let numbered = (1..)
            .zip(&episodes)
            .all(|(n, row)| field(row, "episode") == f64::from(n));
        assert!(numbered, "{}", definition.name());
        // An episode of catch takes nine steps in each environment.
        let ended = |environments: u64| STEPS / environments / 9 * environments;
        assert_eq!(outcome.episodes, ended(together), "{}", definition.name());
        for (n, row) in (0..).zip(episodes) {
            assert_eq!(field(row, "step") as u64, (n / together + 1) * 9 * together);
            assert_eq!(field(row, "length"), 9.0);
        }
    }
}

#[test]
fn environments_of_an_agent_have_streams_and_clocks_of_their_own() {
    let several = |seed: u64, env: &str, steps: i64| {
        let source = ConfigSource {
            algo: Some("tabular-several".into()),
            run: [
                ("env", Value::from(env)),
                ("steps", Value::Whole(steps)),
                ("seed", Value::Whole(seed as i64)),
                ("eval_episodes", Value::Whole(1)),
            ]
            .into_iter()
            .collect(),
            ..ConfigSource::default()
        };
        source.resolve(None)
    };
    algorithms();
    // Otherwise all three would begin and end alike, and returns would come in groups of three.
    let (record, _) = alone(&several(1, "cartpole", 300).unwrap());
    let lengths: Vec<f64> = record
        .rows
        .iter()
        .filter(|row| row.starts_with("Episode"))
        .map(|row| field(row, "length"))
        .collect();
    assert!(
        lengths.len() > 5
            && lengths
                .chunks(3)
                .any(|three| three.iter().any(|l| *l != three[0])),
        "{lengths:?}"
    );
    // Every 7 steps of each environment are 21 of the agent's; each time all three episodes are
    // truncated.
    let (record, _) = alone(&several(1, "chain?every=7&of=catch|catch?reward=0.5", 63).unwrap());
    let ends: Vec<u64> = record
        .rows
        .iter()
        .filter(|row| row.starts_with("Episode"))
        .map(|row| field(row, "step") as u64)
        .collect();
    assert_eq!(ends, [21, 21, 21, 42, 42, 42, 63, 63, 63]);
    let error = several(1, "cartpole", 500)
        .map(drop)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "steps = 500 is not allowed; allowed: a multiple of the 3 environments that the agent acts in, such as 498 or 501"
    );
    let error = several(1, "cartpole", 2).map(drop).unwrap_err().to_string();
    assert!(error.ends_with("such as 3"), "{error}");
}
