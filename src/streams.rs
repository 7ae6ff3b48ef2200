//! The randomness of a run: named streams of its seed, so that one part's draws do not affect another's.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Initial weights.
    Init,
    /// When an action is random, and which one it then is.
    Explore,
    /// Which transitions are replayed.
    Replay,
    /// The training environment.
    Env,
    /// The evaluation environments.
    Eval,
    /// The samples that the diagnostics measure.
    Diagnostics,
    /// The order of a data set's images in an epoch.
    Shuffle,
    /// The crop and the mirroring of each image.
    Augment,
    /// The synthetic data set.
    Synthetic,
    /// The frozen buffer that action values are learned from.
    Buffer,
    /// The order in which a recorded stream is learned.
    Order,
    /// What is random while the true value of a recorded action is measured.
    Rollout,
}

/// The stream `name` of the run with this `seed`: the same on every machine and for every optimiser.
pub fn stream(seed: u64, name: Stream) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(name as u64);
    rng
}

/// The stream of training environment `environment`, counted from 0, of the agent with this `seed`: environment 0 has
/// [`Stream::Env`] from its start, and each 2^48 words to itself.
pub fn env_stream(seed: u64, environment: usize) -> ChaCha8Rng {
    let mut rng = stream(seed, Stream::Env);
    rng.set_word_pos((environment as u128) << 48);
    rng
}

/// The stream of evaluation episode `episode`, counted over the whole run. It does not depend on how long
/// the episodes before it took: each episode has 2^32 words of the stream to itself.
pub fn eval_stream(seed: u64, episode: u64) -> ChaCha8Rng {
    numbered_stream(seed, Stream::Eval, episode)
}

/// The stream of measurement `number` of the true values of a recorded stream.
pub fn rollout_stream(seed: u64, number: u64) -> ChaCha8Rng {
    numbered_stream(seed, Stream::Rollout, number)
}

/// The stream of line `line` of the diagnostics, counted from 0.
pub fn diagnostics_stream(seed: u64, line: u64) -> ChaCha8Rng {
    numbered_stream(seed, Stream::Diagnostics, line)
}

/// The stream `name` ([`Stream::Shuffle`], [`Stream::Augment`]) of epoch `epoch`, counted from 0.
pub fn epoch_stream(seed: u64, name: Stream, epoch: u64) -> ChaCha8Rng {
    numbered_stream(seed, name, epoch)
}

/// Part `number` of the stream `name`. Each part has 2^32 words to itself, so none depends on how much
/// the others draw.
fn numbered_stream(seed: u64, name: Stream, number: u64) -> ChaCha8Rng {
    let mut rng = stream(seed, name);
    rng.set_word_pos(u128::from(number) << 32);
    rng
}

/// The position of a stream, as two words.
pub fn place(rng: &ChaCha8Rng) -> [u64; 2] {
    let words = rng.get_word_pos();
    [words as u64, (words >> 64) as u64]
}

/// Moves a stream to the position that [`place`] gave.
pub fn go_to(rng: &mut ChaCha8Rng, [low, high]: [u64; 2]) {
    rng.set_word_pos(u128::from(low) | u128::from(high) << 64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngCore;

    #[test]
    fn streams_are_their_own_and_reproducible() {
        use Stream::*;
        let first = |seed, name| stream(seed, name).next_u64();
        let mut all: Vec<u64> = [
            Init,
            Explore,
            Replay,
            Env,
            Eval,
            Diagnostics,
            Shuffle,
            Augment,
            Synthetic,
            Buffer,
            Order,
            Rollout,
        ]
        .into_iter()
        .flat_map(|name| [first(1, name), first(2, name)])
        .chain(
            [
                eval_stream(1, 1),
                diagnostics_stream(1, 1),
                rollout_stream(1, 1),
            ]
            .map(|mut s| s.next_u64()),
        )
        .chain([1, 2].map(|environment| env_stream(1, environment).next_u64()))
        .chain([Shuffle, Augment].map(|name| epoch_stream(1, name, 1).next_u64()))
        .collect();
        assert_eq!(first(1, Explore), first(1, Explore));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 31);
        assert_eq!(env_stream(1, 0).next_u64(), first(1, Env));
        // This must never change: results in the repository depend on it.
        assert_eq!(first(1, Init), 7424550030962593201);
    }

    /// Generators that take `seed + i` for their i-th part give neighbouring runs the same numbers.
    #[test]
    fn neighbouring_seeds_and_names_share_no_numbers_and_do_not_correlate() {
        use std::collections::HashMap;

        use Stream::*;
        const DRAWS: usize = 4096;
        let mut seen = HashMap::new();
        let mut all: Vec<Vec<f64>> = Vec::new();
        for seed in (0..12).chain([u64::MAX - 1, u64::MAX]) {
            for name in [Init, Explore, Replay, Env, Eval] {
                let mut rng = stream(seed, name);
                let draws: Vec<u64> = (0..DRAWS).map(|_| rng.next_u64()).collect();
                for draw in &draws {
                    if let Some(other) = seen.insert(*draw, (seed, name)) {
                        panic!("{draw} is in {other:?} and in {:?}", (seed, name));
                    }
                }
                let uniform = |x: &u64| *x as f64 / u64::MAX as f64 - 0.5;
                all.push(draws.iter().map(uniform).collect());
            }
        }
        // The correlation of two independent streams has a standard deviation of 1 / sqrt(DRAWS).
        let most = 6.0 / (DRAWS as f64).sqrt();
        for (i, a) in all.iter().enumerate() {
            for b in &all[..i] {
                for shift in [0, 1, 2] {
                    let products = a.iter().zip(&b[shift..]).map(|(x, y)| x * y);
                    let correlation = 12.0 * products.sum::<f64>() / DRAWS as f64;
                    assert!(correlation.abs() < most, "{correlation}");
                }
            }
        }
    }
}
