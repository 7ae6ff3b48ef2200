//! Tasks that are drawn for each episode.

use super::*;

/// Where tasks are drawn by episode, `world` has the drawn value behind the clock and whether it is held.
const DRAWN: usize = 2;

/// The part of the world called `place` in each of `n` episodes of 20 steps at most, after checking that it does not move
/// within one.
fn drawn(play: &mut Play, place: usize, n: usize) -> Vec<f64> {
    let mut values = Vec::new();
    for _ in 0..n {
        play.reset();
        let value = play.env.world()[place];
        for i in 0..20 {
            let step = play
                .env
                .step(i % 2, &mut play.draws, &mut play.seen)
                .unwrap();
            assert_eq!(play.env.world()[place], value, "within an episode");
            if step.terminated || step.truncated {
                break;
            }
        }
        values.push(value);
    }
    values
}

#[test]
fn a_shuffled_drift_draws_a_task_for_each_episode() {
    let name = "cartpole?drift=length:0.5..1.5/period=500,shape=ramp,shuffle=episode";
    let mut play = Play::new(name);
    let values = drawn(&mut play, DRAWN, 2_000);
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    // Uniform from 0.5 to 1.5: a standard error of 0.0065.
    assert!((mean - 1.0).abs() < 0.03, "{mean}");
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    assert!((variance - 1.0 / 12.0).abs() < 0.01, "{variance}");
    let products = values.windows(2).map(|w| (w[0] - mean) * (w[1] - mean));
    let correlation = products.sum::<f64>() / n / variance;
    assert!(
        correlation.abs() < 0.09,
        "episodes are independent: {correlation}"
    );
    // Held for an evaluation, it draws all the same.
    let mut evaluation = Play::new(name);
    evaluation.env.hold(&play.env.world()).unwrap();
    let mut values = drawn(&mut evaluation, DRAWN, 20);
    values.dedup();
    assert_eq!(values.len(), 20);
}

#[test]
fn shuffled_actions_have_each_order_equally_often() {
    let mut play = Play::new("acrobot?drift=actions/period=50,shuffle=episode");
    let mut counts = std::collections::BTreeMap::<Vec<u64>, usize>::new();
    for _ in 0..3_000 {
        play.reset();
        let world = play.env.world();
        let actions = world[3..6].iter().map(|x| *x as u64).collect();
        *counts.entry(actions).or_default() += 1;
    }
    // 500 of each, with a standard deviation of 20.
    assert_eq!(counts.len(), 6);
    assert!(
        counts.values().all(|n| (400..600).contains(n)),
        "{counts:?}"
    );
}

#[test]
fn a_shuffled_chain_draws_a_member_for_each_episode() {
    let of = "of=cartpole|cartpole?length=1|cartpole?length=2";
    let mut play = Play::new(&format!("chain?every=60&shuffle=episode&{of}"));
    let members = drawn(&mut play, 1, 3_000);
    let pairs = members.windows(2).filter(|w| w[0] == w[1]).count();
    // A third, with a standard deviation of 26.
    assert!((870..1_130).contains(&pairs), "{pairs}");
    for member in 0..3 {
        let n = members.iter().filter(|m| **m == f64::from(member)).count();
        assert!((870..1_130).contains(&n), "{member}: {n}");
    }
    // Episodes are cut where the sequence would switch.
    let mut play = Play::new(&format!("chain?every=60&shuffle=episode&{of}"));
    for clock in 1..=600 {
        let (step, _) = play.step(clock % 2);
        assert_eq!(step.truncated, clock % 60 == 0, "at {clock}");
    }
}
