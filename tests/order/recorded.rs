//! Recorded streams and their true values.

use super::*;

#[test]
fn the_stream_is_what_a_run_of_the_agent_sees() {
    #[derive(Default)]
    struct Episodes(Vec<EpisodeRow>);
    impl Observer for Episodes {
        fn row(&mut self, row: Row) -> Result<()> {
            if let Row::Episode(row) = row {
                self.0.push(row.clone());
            }
            Ok(())
        }
    }
    // CleanRL's agent learns from step 10,000 on.
    let (config, recording) = recording("cartpole", 11_000, 0.99);
    let mut episodes = Episodes::default();
    rl::train(&recorded_config(&config.run).unwrap(), &mut episodes).unwrap();
    let all = &recording.transitions;
    let mut start = 0;
    for episode in &episodes.0 {
        let end = episode.step as usize;
        let rewards: f32 = all.rewards[start..end].iter().sum();
        assert_eq!(f64::from(rewards), episode.episode_return);
        assert!(all.terminated[start..end - 1].iter().all(|over| !over));
        for t in start..end - 1 {
            assert_eq!(all.next_obs(t), all.obs(t + 1));
        }
        start = end;
    }
    assert!(episodes.0.len() > 100 && all.len() == 11_000);
    assert_eq!(recording.learned.len() + recording.held_out.len(), 11_000);
    let gaps = recording.held_out.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.into_iter().all(|gap| gap == 110));
}

#[test]
fn what_is_asked_for_at_once_is_recorded_once() {
    let of = |order: &str| {
        config(&[
            ("stream", Value::Whole(2_345)),
            ("held_out", Value::Whole(100)),
            ("order", Value::from(order)),
        ])
    };
    let configs = ["recorded", "shuffled", "windows", "recorded"].map(of);
    let recordings: Vec<Arc<Recording>> = std::thread::scope(|scope| {
        let all = configs
            .each_ref()
            .map(|config| scope.spawn(|| config.recording().unwrap()));
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(
        recordings
            .iter()
            .all(|one| Arc::ptr_eq(one, &recordings[0]))
    );
    let other = config(&[
        ("stream", Value::Whole(2_346)),
        ("held_out", Value::Whole(100)),
    ]);
    assert!(!Arc::ptr_eq(&other.recording().unwrap(), &recordings[0]));
}

/// What followed each observation and action, by their bits.
type Seen = HashMap<(Vec<u32>, u32), Vec<(f64, Vec<u32>, bool)>>;

/// The values of the policy on what was seen, by sweeps of dynamic programming over all observations; each outcome of an
/// action counts as often as it was seen. NaN where the policy leads to what was not seen.
fn programmed(recording: &Recording, gamma: f64) -> Vec<f64> {
    let all = &recording.transitions;
    let bits = |obs: &[f32]| -> Vec<u32> { obs.iter().map(|x| x.to_bits()).collect() };
    let (mut seen, mut policy) = (Seen::new(), HashMap::new());
    for t in 0..all.len() {
        let next = bits(all.next_obs(t));
        policy.insert(next.clone(), all.next_actions[t]);
        let outcome = (f64::from(all.rewards[t]), next, all.terminated[t]);
        seen.entry((bits(all.obs(t)), all.actions[t]))
            .or_default()
            .push(outcome);
    }
    let mut values: HashMap<_, f64> = seen.keys().map(|key| (key.clone(), 0.0)).collect();
    for _ in 0..200 {
        let value = |(reward, next, over): &(f64, Vec<u32>, bool)| match over {
            true => *reward,
            false => {
                let following = values.get(&(next.clone(), policy[next]));
                reward + gamma * following.copied().unwrap_or(f64::NAN)
            }
        };
        let mean = |all: &Vec<_>| all.iter().map(value).sum::<f64>() / all.len() as f64;
        values = seen
            .iter()
            .map(|(key, all)| (key.clone(), mean(all)))
            .collect();
    }
    (0..all.len())
        .map(|t| values[&(bits(all.obs(t)), all.actions[t])])
        .collect()
}

#[test]
fn true_values_are_those_of_dynamic_programming() {
    for env in ["deep_sea?size=4", "catch"] {
        let (_, recording) = recording(env, 12_000, 0.9);
        assert!(recording.exact, "{env}");
        let expected = programmed(&recording, 0.9);
        let pairs = recording.transitions.values.iter().zip(expected);
        let known: Vec<_> = pairs.filter(|(_, expected)| expected.is_finite()).collect();
        assert!(known.len() > 11_000, "{env}: {}", known.len());
        for (value, expected) in known {
            assert!(
                (value - expected).abs() < 1e-5,
                "{env}: {value}, {expected}"
            );
        }
    }
}

#[test]
fn where_the_environment_is_random_values_are_means() {
    let (_, recording) = recording("deep_sea?size=4&stochastic", 12_000, 0.9);
    assert!(!recording.exact);
    let expected = programmed(&recording, 0.9);
    let pairs = recording.transitions.values.iter().zip(&expected);
    let bias = pairs.map(|(value, expected)| value - expected).sum::<f64>() / 12_000.0;
    // The rewards at the end have a noise of 1, and each end was seen some 400 times.
    assert!(bias.abs() < 0.08, "{bias}");
}

/// Each value of CartPole is that of some number of steps with a reward of 1. It is found by playing the recorded episode
/// from its start once more, without any saved state, and going on by the policy's recorded choices as far as they go.
#[test]
fn true_values_do_not_end_where_an_episode_is_cut_short() {
    let (_, recording) = recording("cartpole?max_steps=30", 3_000, 0.9);
    let all = &recording.transitions;
    let longest = 1.0 / (1.0 - 0.9);
    let mut beyond = 0;
    for t in 0..all.len() {
        let steps = (1.0 - all.values[t] / longest).ln() / 0.9f64.ln();
        if all.values[t] < longest - 1e-4 {
            assert!((steps - steps.round()).abs() < 1e-3, "{t}: {steps}");
        }
        assert_eq!(all.terminated[t], steps.round() == 1.0, "{t}");
        let cut = !all.terminated[t] && t + 1 < all.len() && all.next_obs(t) != all.obs(t + 1);
        beyond += usize::from(cut);
        assert!(!cut || all.values[t] > 1.5, "{t}");
    }
    assert!(beyond > 3, "{beyond} episodes are cut short");
    assert!(make("cartpole").unwrap().save().is_ok());
}
