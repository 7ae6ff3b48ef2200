//! DQN without replay: buffer, batch and train frequency are one number, down to 1.

use optimiser_paradigms::{
    Result,
    run::{
        Observer, RlOutcome, Row,
        rl::{ConfigSource, train},
    },
};
use settings::Value;

/// Where updates were made.
#[derive(Default)]
struct Updates(Vec<u64>);

impl Observer for Updates {
    fn row(&mut self, row: Row) -> Result<()> {
        if let Row::Update(row) = row {
            self.0.push(row.step);
        }
        Ok(())
    }
}

fn run(env: &str, k: i64, steps: i64) -> (RlOutcome, Vec<u64>) {
    let run = [
        ("env", Value::from(env)),
        ("steps", Value::Whole(steps)),
        ("eval_every", Value::Whole(steps)),
        ("log_every", Value::Whole(1)),
    ];
    let agent = [
        ("hidden", Value::from("16")),
        ("buffer_size", Value::Whole(k)),
        ("batch_size", Value::Whole(k)),
        ("train_frequency", Value::Whole(k)),
        ("target_network_frequency", Value::Whole(10)),
        ("learning_starts", Value::Whole(0)),
        ("end_e", Value::Number(0.5)),
    ];
    let source = ConfigSource {
        preset: Some("no_replay".into()),
        run: run.into_iter().collect(),
        agent: agent.into_iter().collect(),
        optimiser: Some("rmsprop:lr=1e-3".parse().unwrap()),
        ..ConfigSource::default()
    };
    let mut updates = Updates::default();
    let outcome = train(&source.resolve(None).unwrap(), &mut updates).unwrap();
    (outcome, updates.0)
}

#[test]
fn it_updates_every_k_steps() {
    for k in [1, 3, 10] {
        let (outcome, updates) = run("catch", k, 200);
        assert_eq!(outcome.updates, 199 / k as u64);
        let due: Vec<u64> = (1..=199 / k).map(|n| (n * k) as u64 + 1).collect();
        assert_eq!(updates, due, "k = {k}");
    }
}

#[test]
fn it_solves_the_probes() {
    for k in [1, 8] {
        for probe in ["probe/discount", "probe/action", "probe/policy"] {
            let (outcome, _) = run(probe, k, 8_000);
            assert_eq!(outcome.final_return, 1.0, "{probe}, k = {k}");
        }
    }
}

#[test]
fn the_preset_makes_as_many_updates_as_cleanrls() {
    let of = |preset: &str| {
        let source = ConfigSource {
            preset: Some(preset.into()),
            ..ConfigSource::default()
        };
        source.resolve(None).unwrap().updates()
    };
    assert_eq!(of("no_replay"), of("cleanrl"));
}
