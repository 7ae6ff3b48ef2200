use crate::Result;

/// One agent's policy, as it is evaluated, saved and played: no exploration, no learning.
pub trait Policy: Send + Sync {
    /// The actions for the observations `[n, observation]`.
    fn act(&self, obs: &[f32]) -> Result<Vec<usize>>;

    /// Everything that [`Definition::policy`](super::Definition::policy) needs to restore it.
    fn to_safetensors(&self) -> Result<Vec<u8>>;
}
