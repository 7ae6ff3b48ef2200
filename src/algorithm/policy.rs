use crate::Result;

/// One agent's policy, as it is evaluated, saved and played: no exploration, no learning.
pub trait Policy: Send + Sync {
    /// The actions for the observations `[n, observation]`.
    fn act(&self, obs: &[f32]) -> Result<Vec<usize>>;

    /// Everything that [`Definition::policy`](super::Definition::policy) needs to restore it.
    fn to_safetensors(&self) -> Result<Vec<u8>>;
}

/// The action with the largest value; the first one if several are equal.
pub fn greedy<T: PartialOrd>(values: &[T]) -> usize {
    let mut best = 0;
    for (action, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = action;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greedy_takes_the_first_of_equals() {
        assert_eq!(greedy(&[1.0, 3.0, 3.0]), 1);
        assert_eq!(greedy(&[-1.0]), 0);
    }
}
