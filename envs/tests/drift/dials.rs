//! Every dial matters, and a drift at rate 0 does not.

use super::*;

/// The least and the greatest value of a dial.
fn range(dial: &Setting) -> (f64, f64) {
    let (low, high) = dial.allowed.bounds().expect("a dial is a number");
    assert!(
        low.is_finite() && high.is_finite() && low < high,
        "{}",
        dial.name
    );
    // The ends are part of the range.
    assert!(dial.read(&low.to_string()).is_ok() && dial.read(&high.to_string()).is_ok());
    (low, high)
}

fn assert_same(a: &str, b: &str, steps: usize) {
    let (mut a, mut b, mut policy) = (Play::new(a), Play::new(b), stream(2));
    for taken in 0..steps {
        let action = policy.random_range(0..a.env.spec().actions);
        let names = (&a.env.spec().name.clone(), &b.env.spec().name.clone());
        assert_eq!(a.step(action), b.step(action), "step {taken} of {names:?}");
    }
}

#[test]
fn at_a_rate_of_zero_nothing_is_different() {
    for entry in registry().iter().filter(|entry| entry.native) {
        let mut drifts = vec!["actions/period=10,rate=0".to_owned()];
        let env = make(entry.name).unwrap();
        for dial in env.dials() {
            let (low, high) = range(dial);
            for shape in ["step", "ramp", "sine", "walk"] {
                drifts.push(format!(
                    "{}:{low}..{high}/period=10,shape={shape},rate=0",
                    dial.name
                ));
            }
        }
        if env.spec().max_steps.is_some() {
            drifts.push("reward:-1..1/period=10,shape=step,rate=0".to_owned());
        }
        for drift in drifts {
            assert_same(entry.name, &format!("{}?drift={drift}", entry.name), 400);
            let shuffled = format!("{}?drift={drift},shuffle=episode", entry.name);
            assert_same(entry.name, &shuffled, 400);
        }
    }
}

#[test]
fn every_dial_is_turned() {
    for entry in registry().iter().filter(|entry| entry.native) {
        for dial in make(entry.name).unwrap().dials() {
            let plain = dial.default.as_ref().and_then(|value| value.as_number());
            let (low, high) = range(dial);
            assert!((low..=high).contains(&plain.unwrap()), "{}", dial.name);
            let other = if plain == Some(low) { high } else { low };
            let name = format!("{}?{}={other}", entry.name, dial.name);
            let (mut plain, mut turned, mut policy) =
                (Play::new(entry.name), Play::new(&name), stream(2));
            let actions = plain.env.spec().actions;
            // It only matters to a player that clears a wave of aliens, as the one in minatar.rs
            // does.
            if (entry.name, dial.name) == ("space_invaders", "ramping") {
                continue;
            }
            let differs = (0..20_000).any(|_| {
                let action = policy.random_range(0..actions);
                plain.step(action) != turned.step(action)
            });
            assert!(differs, "{name} is as without it");
        }
    }
}
