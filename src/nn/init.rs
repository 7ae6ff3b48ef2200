//! Initial weights, drawn from a stream of the run (candle's own CPU generator cannot be seeded).

use rand::Rng;

/// Appends `n` draws of PyTorch's default for a layer with `fan_in` inputs, U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
///
/// That is what `kaiming_uniform_(a=sqrt(5))` comes to for the weights of
/// `torch.nn.Linear`, and the same bound is used for its bias.
pub fn uniform_fan_in(rng: &mut impl Rng, fan_in: usize, n: usize, into: &mut Vec<f64>) {
    let bound = 1.0 / (fan_in as f64).sqrt();
    into.extend((0..n).map(|_| rng.random_range(-bound..bound)));
}
