//! Advantages from the values of a rollout.

/// The steps of a rollout, environment by environment within each step: `[steps, environments]`.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    /// How many environments there are.
    pub environments: usize,
    /// The rewards.
    pub rewards: &'a [f32],
    /// Whether the episode ended with this step, terminated or truncated.
    pub ended: &'a [bool],
    /// The values of the observations before the steps.
    pub values: &'a [f64],
    /// The values of what followed: those of the observations after the steps, before any reset, or 0 if the
    /// episode terminated.
    pub following: &'a [f64],
}

/// The generalised advantage estimates `[steps, environments]` (Schulman et al. 2016, eq. 16): the sum of the TD errors
/// of a step and those after it in its episode, each step later times `gamma lambda`. An advantage plus the value is
/// the return that the value should have been.
pub fn advantages(steps: Steps, gamma: f64, lambda: f64) -> Vec<f64> {
    let mut advantages = vec![0.0; steps.rewards.len()];
    for at in (0..advantages.len()).rev() {
        let reward = f64::from(steps.rewards[at]);
        let error = reward + gamma * steps.following[at] - steps.values[at];
        let later = match advantages.get(at + steps.environments) {
            Some(later) if !steps.ended[at] => *later,
            _ => 0.0,
        };
        advantages[at] = error + gamma * lambda * later;
    }
    advantages
}

/// Shifts and scales `advantages` to mean 0 and standard deviation 1 (n - 1 in the denominator, and 1e-8 added, as in
/// Stable-Baselines3); a single one stays as it is.
pub(super) fn normalise(advantages: &mut [f64]) {
    let n = advantages.len() as f64;
    if n < 2.0 {
        return;
    }
    let mean = advantages.iter().sum::<f64>() / n;
    let squares: f64 = advantages.iter().map(|a| (a - mean).powi(2)).sum();
    let deviation = (squares / (n - 1.0)).sqrt() + 1e-8;
    for advantage in advantages {
        *advantage = (*advantage - mean) / deviation;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The advantage of step `t` of one environment, computed by its definition: the sum over n of the n-step
    /// return's advantage times (1 - lambda) lambda^(n - 1), where the last term has all the remaining weight.
    fn by_definition(steps: Steps, t: usize, gamma: f64, lambda: f64) -> f64 {
        let (mut sum, mut rewards) = (0.0, 0.0);
        for n in 1.. {
            let at = t + n - 1;
            rewards += gamma.powi(n as i32 - 1) * f64::from(steps.rewards[at]);
            let advantage = rewards + gamma.powi(n as i32) * steps.following[at] - steps.values[t];
            if steps.ended[at] || at + 1 == steps.rewards.len() {
                return sum + lambda.powi(n as i32 - 1) * advantage;
            }
            sum += (1.0 - lambda) * lambda.powi(n as i32 - 1) * advantage;
        }
        unreachable!()
    }

    #[test]
    fn the_recursion_is_the_definition_for_every_pattern_of_ends() {
        const T: usize = 6;
        let rewards: Vec<f32> = (0..T).map(|t| (t as f32 * 1.3).sin()).collect();
        let values: Vec<f64> = (0..T).map(|t| (t as f64 * 0.7).cos()).collect();
        // 0 continues, 1 terminates, 2 is truncated.
        for pattern in 0..3usize.pow(T as u32) {
            let kinds: Vec<usize> = (0..T).map(|t| pattern / 3usize.pow(t as u32) % 3).collect();
            let following = |t: usize| match kinds[t] {
                1 => 0.0,
                0 if t + 1 < T => values[t + 1],
                _ => (t as f64 * 2.1).sin(),
            };
            let following: Vec<f64> = (0..T).map(following).collect();
            let ended: Vec<bool> = kinds.iter().map(|kind| *kind > 0).collect();
            let steps = Steps {
                environments: 1,
                rewards: &rewards,
                ended: &ended,
                values: &values,
                following: &following,
            };
            for (gamma, lambda) in [(0.9, 0.8), (1.0, 1.0), (0.7, 0.0), (0.0, 0.5)] {
                let all = advantages(steps, gamma, lambda);
                for (t, ours) in all.iter().enumerate() {
                    let exact = by_definition(steps, t, gamma, lambda);
                    assert!(
                        (ours - exact).abs() < 1e-14,
                        "{kinds:?}, {t}: {ours} {exact}"
                    );
                }
            }
        }
    }

    #[test]
    fn environments_do_not_mix() {
        let column = |x: f32| Steps {
            environments: 1,
            rewards: if x > 0.0 {
                &[1.0, 2.0, 3.0]
            } else {
                &[-1.0, 0.0, 5.0]
            },
            ended: if x > 0.0 {
                &[false, true, false]
            } else {
                &[false; 3]
            },
            values: &[0.1, 0.2, 0.3],
            following: if x > 0.0 {
                &[0.2, 0.0, 4.0]
            } else {
                &[0.2, 0.3, 5.0]
            },
        };
        let (one, other) = (column(1.0), column(-1.0));
        fn both<T: Copy>(a: &[T], b: &[T]) -> Vec<T> {
            a.iter().zip(b).flat_map(|(a, b)| [*a, *b]).collect()
        }
        let steps = Steps {
            environments: 2,
            rewards: &both(one.rewards, other.rewards),
            ended: &both(one.ended, other.ended),
            values: &both(one.values, other.values),
            following: &both(one.following, other.following),
        };
        let alone = [one, other].map(|steps| advantages(steps, 0.9, 0.8));
        assert_eq!(advantages(steps, 0.9, 0.8), both(&alone[0], &alone[1]));
    }

    #[test]
    fn normal_advantages_have_mean_0_and_deviation_1() {
        let mut advantages = vec![1.0, 2.0, 4.0, 9.0];
        normalise(&mut advantages);
        // torch: (a - a.mean()) / (a.std() + 1e-8)
        let expected = [-0.84292723, -0.56195149, 0.0, 1.40487872];
        for (ours, torch) in advantages.iter().zip(expected) {
            assert!((ours - torch).abs() < 1e-6, "{advantages:?}");
        }
        let mut one = vec![3.0];
        normalise(&mut one);
        assert_eq!(one, [3.0]);
    }
}
